"""A history of weekly runs made from one real run: `python -m benchmarks.weeks RUN`, by default of 200 weeks.

Every tenth week a tool has a new version and a third of its numbers on models are others. What is printed: the disk
that the history takes, and what the comparison of a run with the last one and the page of all runs take, as seconds
and over a history of a tenth of the weeks.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.changes import compare_runs, keep, last_comparable, read_record
from reconcile.changes.trend import trend
from reconcile.report.trend_page import steps_table, trend_page

FIRST = datetime(2023, 1, 2, 5, 17, tzinfo=UTC)


def make_history(run: Path, folder: Path, weeks: int) -> None:
    first = keep(run, folder / "first")
    manifest = json.loads((first / "manifest.json").read_text(encoding="utf-8"))
    cells = pq.read_table(first / "cells.parquet").to_pydict()
    tools = list(manifest["tools"])
    for week in range(weeks):
        if week % 10 == 9:
            tool = tools[week // 10 % len(tools)]
            manifest["tools"][tool] = f"week {week}"
            for row, (named, value) in enumerate(zip(cells["tool"], cells["value"], strict=True)):
                if named == tool and value and row % 3 == 0:
                    cells["value"][row] = str(int(value) + week)
        started = FIRST + timedelta(weeks=week)
        place = folder / "history" / f"{started:%Y%m%dT%H%M%SZ}-{week:06x}"
        shutil.copytree(first, place)
        facts = manifest | {"run_id": place.name, "started": started.isoformat(timespec="seconds")}
        (place / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
        pq.write_table(pa.table(cells), place / "cells.parquet", compression="zstd")


def compare(run: Path, history: Path) -> None:
    record = read_record(run)
    before = last_comparable(history, record, print)
    assert before is not None
    compare_runs(before, record)


def tell(_: Path, history: Path) -> None:
    found = trend(history)
    trend_page(found, "Measured.", ())
    steps_table(found)


def seconds(measured: Callable[[Path, Path], None], run: Path, history: Path) -> float:
    started = time.perf_counter()
    measured(run, history)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--weeks", type=int, default=200)
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        taken: dict[str, dict[int, float]] = {"comparison": {}, "page": {}}
        for weeks in (given.weeks // 10, given.weeks):
            folder = Path(temporary, str(weeks))
            make_history(given.run, folder, weeks)
            for name, measured in (("comparison", compare), ("page", tell)):
                taken[name][weeks] = seconds(measured, given.run, folder / "history")
            files = [path for path in (folder / "history").rglob("*") if path.is_file()]
            print(f"{weeks} weeks: {sum(path.stat().st_size for path in files) / 1e6:.1f} MB in {len(files)} files")
        for name, by_weeks in taken.items():
            few, many = by_weeks.values()
            print(f"{name}: {many:.2f} s, {many / few:.1f} times that of a tenth of the weeks")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
