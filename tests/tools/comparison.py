"""What a tool says when it is called directly, and whether a cell says the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconcile.jobs.result import MeasuredCell
from reconcile.tools import Measurement, columns

Said = Mapping[str, Any]
"""What ``direct_calls.py`` prints of one tool and one model."""


def direct(models: Mapping[str, str], tools: Sequence[str]) -> dict[str, dict[str, Said]]:
    """Call tools on models, given with their inputs, in clean interpreters that know nothing of this project."""
    by_environment: dict[str, list[str]] = {}
    for item in columns(tools):
        folder = "" if item.environment is None else str(item.environment.folder)
        by_environment.setdefault(folder, []).append(item.name)
    found: dict[str, dict[str, Said]] = {}
    for folder, names in by_environment.items():
        found |= _direct(models, names, [f"--first={folder}"] if folder else [])
    assert {tool: list(said) for tool, said in found.items()} == {tool: list(models) for tool in tools}
    return found


def _direct(models: Mapping[str, str], tools: Sequence[str], first: Sequence[str]) -> dict[str, dict[str, Said]]:
    script = Path(__file__).with_name("direct_calls.py")
    wanted = [f"{model}={inputs}" for model, inputs in models.items()]
    finished = subprocess.run(
        [sys.executable, "-I", str(script), "--tools", ",".join(tools), *first, *wanted],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    said = json.loads(finished.stdout)
    assert isinstance(said, dict)
    return said


def differences(said: Said, cell: MeasuredCell) -> list[str]:
    """Say what a cell has otherwise than the tool itself; nothing if they say the same."""
    if "error" in said:
        return list(_differences_of_failures(str(said["error"]), cell))
    if cell.status != "ok":
        return [f"the tool works, and the cell is {cell.status}: {cell.error}"]
    return list(_differences_of_numbers(said, cell))


def _differences_of_failures(error: str, cell: MeasuredCell) -> Iterator[str]:
    if cell.status == "ok":
        yield f"the tool raises {error!r}, and the cell is ok"
    elif cell.status != "unsupported" and error.rstrip(": ")[:150] not in cell.error:
        yield f"the tool raises {error!r}, and the cell is {cell.status}: {cell.error!r}"


def _differences_of_numbers(said: Said, cell: MeasuredCell) -> Iterator[str]:
    totals, layers, types = said["totals"], said.get("layers", {}), said.get("types", {})
    if set(totals) != set(cell.measurements):
        yield f"the tool has {sorted(totals)}, the cell {sorted(cell.measurements)}"
        return
    for metric, measured in cell.measurements.items():
        if not _is_same(measured.total, totals[metric]):
            yield f"{metric}: the tool says {totals[metric]}, the cell {measured.total}"
        if sum(measured.layers.values()) != measured.total:
            yield f"{metric}: the layers add up to {sum(measured.layers.values())}, the total is {measured.total}"
        if metric in layers:
            yield from _differences_of_layers(metric, layers[metric], measured)
        if metric in types and types[metric] != (found := _by_type(measured, said["classes"])):
            yield f"{metric}: by type the tool says {types[metric]}, the cell {found}"


def _differences_of_layers(metric: str, layers: Mapping[str, Any], measured: Measurement) -> Iterator[str]:
    """All that the tool says of layers, and no layer that it does not speak of."""
    if len(layers) < 3:
        yield f"{metric}: the tool speaks of {sorted(layers)} only"
    for path, value in layers.items():
        if not _is_same(found := at_or_below(measured, path), value):
            yield f"{metric} of '{path}': the tool says {value}, the cell {found}"
    for path, own in measured.layers.items():
        if own and path and not path.startswith("(") and path not in layers:
            yield f"{metric} of '{path}': the cell says {own}, the tool nothing"


def at_or_below(measurement: Measurement, path: str) -> int:
    """What is booked on a module and all below it; what is booked on no module stands in parentheses."""
    return sum(
        value
        for layer, value in measurement.layers.items()
        if not layer.startswith("(") and (path in ("", layer) or layer.startswith(f"{path}."))
    )


def _by_type(measurement: Measurement, classes: Mapping[str, str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for path, value in measurement.layers.items():
        if not path.startswith("("):
            found[classes[path]] += value
    return dict(found)


def _is_same(number: int, said: float | list[float]) -> bool:
    """Whether a number is the one that the tool says, to its last digit."""
    if isinstance(said, list):
        value, tolerance = said
        return abs(number - value) <= tolerance
    return number == said
