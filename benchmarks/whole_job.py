"""The whole job beside the script that a user would write (benchmarks/naive.py): seconds, ratios, and the same numbers.

Without arguments over all models: first those whose control flow reads no data, then the detection models, each group
by the script, by a run that knows nothing (cold), and by a second run beside it (warm). Names of models as arguments
make one group of those. With ``--tools all`` in front, by every tool that is there, else by the main ones.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torchvision

from reconcile.tools import MAIN_TOOLS, Column, columns

Numbers = dict[tuple[str, str, str], int]

HERE = Path(__file__).parent


def groups(names: Sequence[str]) -> dict[str, list[str]]:
    if names:
        return {"as asked": list(names)}
    detection = torchvision.models.list_models(module=torchvision.models.detection)
    others = [name for name in torchvision.models.list_models() if name not in detection]
    return {"without data in control flow": others, "detection": detection}


def by_the_script(names: Sequence[str], tools: Sequence[Column]) -> tuple[float, Numbers]:
    """The main tools in one program; each further one, where it is asked for, in a program of its own."""
    programs: list[tuple[list[str], str]] = [([], "")]
    for item in tools:
        if item.name not in MAIN_TOOLS:
            programs.append((["--tool", item.name], "" if item.environment is None else str(item.environment.folder)))
    started = time.perf_counter()
    printed = "".join(
        subprocess.run(
            [sys.executable, str(HERE / "naive.py"), *which, *names],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": folder},
        ).stdout
        for which, folder in programs
    )
    seconds = time.perf_counter() - started
    found: Numbers = {}
    for line in printed.splitlines():
        cell = json.loads(line)
        for metric in ("compute", "params"):
            if cell["tool"] in MAIN_TOOLS:  # what others say after one of them has changed torch need not be right
                found[cell["model"], cell["tool"], metric] = cell[metric]
    return seconds, found


def by_a_run(names: Sequence[str], tools: Sequence[Column], folder: Path) -> tuple[float, Numbers, int]:
    """Return seconds, the numbers, and how many cells there are."""
    config = folder.with_suffix(".yaml")
    listed = [item.name for item in tools]
    config.write_text(json.dumps({"models": list(names), "tools": listed, "tools_may_fail": True}), encoding="utf-8")
    command = [sys.executable, "-m", "reconcile.cli", "run", "--config", str(config), "--out", str(folder)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    numbers = {(row["model"], row["tool"], row["metric"]): int(row["value"]) for row in rows if row["value"]}
    return seconds, numbers, len({(row["model"], row["tool"]) for row in rows})


def memory_of_quick_cells(folder: Path) -> float:
    """The most that a worker took for a cell without arithmetic, in megabytes."""
    from reconcile.run import ask

    sql = "SELECT max(peak_rss_mb) AS mb FROM measurements WHERE execution = 'without-arithmetic' AND run = 'cold'"
    return float(ask(str(folder), sql)["mb"][0])


def main() -> None:
    totals = [0.0, 0.0, 0.0]
    arguments = sys.argv[1:]
    all_tools = arguments[:2] == ["--tools", "all"]
    tools = columns(["all"] if all_tools else MAIN_TOOLS)
    for title, names in groups(arguments[2:] if all_tools else arguments).items():
        with TemporaryDirectory() as place:
            folder = Path(place)
            naive, expected = by_the_script(names, tools)
            cold, found, cells = by_a_run(names, tools, folder / "cold")
            warm, again, _ = by_a_run(names, tools, folder / "warm")
            different = sorted(key for key in expected if expected[key] != found.get(key) or again != found)
            measured_both_ways = len(json.loads((folder / "cold" / "manifest.json").read_text())["verified"])
            print(f"{title}: {len(names)} models, {cells} cells, {len(expected)} numbers, ", end="")
            print(f"{len(different)} of them different {different[:5] or ''}")
            print(f"  script {naive:8.1f} s   cold {cold:8.1f} s = 1/{naive / cold:.1f}", end="")
            print(f"   warm {warm:6.1f} s = 1/{naive / warm:.0f}")
            print(f"  most memory of a worker without arithmetic {memory_of_quick_cells(folder):,.0f} MB; ", end="")
            print(f"{measured_both_ways} cells measured both ways, all the same", flush=True)
            totals = [total + seconds for total, seconds in zip(totals, (naive, cold, warm), strict=True)]
    naive, cold, warm = totals
    print(f"all: script {naive:.1f} s, cold 1/{naive / cold:.1f}, warm 1/{naive / warm:.0f}")


if __name__ == "__main__":
    main()
