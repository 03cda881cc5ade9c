"""All runs of a history: how every column's numbers on every model moved, and with what versions."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from reconcile.changes.history import kept_runs
from reconcile.changes.read import read_manifest, texts
from reconcile.changes.tables import has_table, read_table
from reconcile.errors import ReconcileError

CHANGES = "changes"
"""The table of what changed in a run, which the history keeps with it."""

_PLACE = ["tool", "metric", "model", "input"]


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a history: its name there, when it started, the versions of its tools, of torch and the rest.

    ``changes`` is how many changes of each kind it had against the run before, None where that is not kept.
    """

    name: str
    started: str
    tools: Mapping[str, str]
    versions: Mapping[str, str]
    changes: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Step:
    """A number, or None where there is none, from one run on, by the run's place in the history."""

    run: int
    value: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one model as one column gave it in all runs: the number that it began with, and each that followed.

    Runs that did not measure it are left out, so what follows an absence is no change.
    """

    tool: str
    metric: str
    model: str
    input: str
    steps: tuple[Step, ...]

    @property
    def has_moved(self) -> bool:
        """Whether it had more than one number, or was lost or found."""
        return len(self.steps) > 1


@dataclass(frozen=True, slots=True)
class Trend:
    """The runs of a history, the earliest first, and every series; ``remarks`` say which runs cannot be read."""

    points: tuple[Point, ...]
    series: tuple[Series, ...]
    remarks: tuple[str, ...] = ()

    def versions_of(self, tool: str) -> tuple[tuple[int, str], ...]:
        """The versions of a column, each with the run in which it began."""
        return _steps_of([point.tools.get(tool) for point in self.points])

    def versions_of_package(self, name: str) -> tuple[tuple[int, str], ...]:
        """The versions of a package, or of Python, each with the run in which it began."""
        return _steps_of([point.versions.get(name) for point in self.points])


def trend(history: Path) -> Trend:
    """Read all runs of a history."""
    points: list[Point] = []
    frames: list[pd.DataFrame] = []
    remarks: list[str] = []
    for place in kept_runs(history):
        try:
            point, frame = _read(place)
        except ReconcileError as error:
            remarks.append(f"{place.name} is left out: {str(error).replace(str(place), place.name)}")
            continue
        points.append(point)
        frames.append(frame)
    return Trend(tuple(points), tuple(_series(frames)), tuple(remarks))


def _read(place: Path) -> tuple[Point, pd.DataFrame]:
    table = read_table(place, "cells", ("tool", "metric", "model", "status", "value"))
    frame = table.select([name for name in (*_PLACE, "value") if name in table.column_names]).to_pandas()
    if "input" not in frame:
        frame["input"] = ""
    names = _short_names(frame["tool"].unique())
    frame["tool"] = frame["tool"].map(names)
    manifest = read_manifest(place)
    versions, tools = (texts(manifest.get(key)) for key in ("versions", "tools"))
    point = Point(
        name=place.name,
        started=str(manifest.get("started") or ""),
        tools={names.get(tool, tool): version for tool, version in tools.items()},
        versions=versions,
        changes=_changes(place),
    )
    return point, frame


def _changes(place: Path) -> dict[str, int] | None:
    if not has_table(place, CHANGES):
        return None
    kinds = read_table(place, CHANGES, ("kind",)).column("kind").to_pandas()
    return {str(kind): int(number) for kind, number in kinds.value_counts(sort=False).items()}


def _short_names(tools: Sequence[str]) -> dict[str, str]:
    """The columns of a run without their versions, where that leaves them apart."""
    by_base: dict[str, list[str]] = defaultdict(list)
    for tool in tools:
        by_base[tool.partition("==")[0]].append(tool)
    return {tool: base if len(named) == 1 else tool for base, named in by_base.items() for tool in named}


def _series(frames: Sequence[pd.DataFrame]) -> Iterator[Series]:
    if not frames:
        return
    whole = pd.concat([frame.assign(run=run) for run, frame in enumerate(frames)], ignore_index=True)
    keys = whole.groupby(_PLACE, sort=False, observed=True).ngroup().to_numpy()
    order = np.lexsort((whole["run"].to_numpy(), keys))
    keys, runs, values = keys[order], whole["run"].to_numpy()[order], whole["value"].to_numpy(dtype=object)[order]
    codes = pd.factorize(values)[0]
    begins = np.r_[True, keys[1:] != keys[:-1]]
    steps = begins | np.r_[True, codes[1:] != codes[:-1]]
    places = whole[_PLACE].to_numpy(dtype=object)[order]
    bounds = [*np.flatnonzero(begins), len(keys)]
    for first, end in itertools.pairwise(bounds):
        rows = first + np.flatnonzero(steps[first:end])
        tool, metric, model, given = places[first]
        yield Series(tool, metric, model, given, tuple(Step(int(runs[row]), _integer(values[row])) for row in rows))


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _steps_of(values: Sequence[str | None]) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for run, value in enumerate(values):
        if value is not None and (not found or found[-1][1] != value):
            found.append((run, value))
    return tuple(found)
