"""The whole job beside the script that a user would write (benchmarks/naive.py): seconds, ratios, and the same numbers.

Without arguments over all models: first those whose control flow reads no data, then the detection models, each group
by the script, by a run that knows nothing (cold), and by a second run beside it (warm). Names of models as arguments
make one group of those.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torchvision

Numbers = dict[tuple[str, str, str], int]

HERE = Path(__file__).parent


def groups(names: Sequence[str]) -> dict[str, list[str]]:
    if names:
        return {"as asked": list(names)}
    detection = torchvision.models.list_models(module=torchvision.models.detection)
    others = [name for name in torchvision.models.list_models() if name not in detection]
    return {"without data in control flow": others, "detection": detection}


def by_the_script(names: Sequence[str]) -> tuple[float, Numbers]:
    started = time.perf_counter()
    printed = subprocess.run(
        [sys.executable, str(HERE / "naive.py"), *names], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    seconds = time.perf_counter() - started
    found: Numbers = {}
    for line in printed.splitlines():
        cell = json.loads(line)
        for metric in ("compute", "params"):
            found[cell["model"], cell["tool"], metric] = int(cell[metric])
    return seconds, found


def by_a_run(names: Sequence[str], folder: Path) -> tuple[float, Numbers, list[dict[str, str]]]:
    command = [sys.executable, "-m", "reconcile.cli", "run", *names, "--out", str(folder)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return seconds, {(row["model"], row["tool"], row["metric"]): int(row["value"]) for row in rows}, rows


def memory_of_quick_cells(folder: Path) -> float:
    """The most that a worker took for a cell without arithmetic, in megabytes."""
    from reconcile.run import ask

    sql = "SELECT max(peak_rss_mb) AS mb FROM measurements WHERE execution = 'without-arithmetic' AND run = 'cold'"
    return float(ask(str(folder), sql)["mb"][0])


def main() -> None:
    totals = [0.0, 0.0, 0.0]
    for title, names in groups(sys.argv[1:]).items():
        with TemporaryDirectory() as place:
            folder = Path(place)
            naive, expected = by_the_script(names)
            cold, found, rows = by_a_run(names, folder / "cold")
            warm, again, _ = by_a_run(names, folder / "warm")
            different = sorted(key for key in expected if expected[key] != found.get(key) or again != found)
            measured_both_ways = len(json.loads((folder / "cold" / "manifest.json").read_text())["verified"])
            print(f"{title}: {len(names)} models, {len(rows) // 2} cells, {len(expected)} numbers, ", end="")
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
