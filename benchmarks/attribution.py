"""What attribution costs: time and memory for each cell, and its share of the time that the tools took.

``python -m benchmarks.attribution FOLDER [PATTERN]`` takes the measurements of a finished run, traces and counts each
model again (of those that fit the pattern), and reconciles every cell in this one process.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from reconcile.diff import reconcile_measurements
from reconcile.jobs.result import MeasuredCell
from reconcile.reference import ReferenceCount, count_trace, load_convention
from reconcile.run.records import measured_cell
from reconcile.trace import trace_spec
from reconcile.zoo import ModelSpec, resolve

REPETITIONS = 3
"""Of which the fastest counts."""


def cells_of(folder: Path, pattern: str) -> dict[ModelSpec, list[tuple[str, MeasuredCell]]]:
    """The cells with numbers, by model."""
    found: dict[ModelSpec, list[tuple[str, MeasuredCell]]] = {}
    for file in sorted((folder / "results" / "measurements").glob("*.parquet")):
        table = pq.read_table(file)
        row = table.select(["model", "mode", "tool", "status"]).to_pylist()[0]
        if row["status"] == "ok" and fnmatchcase(row["model"], pattern):
            spec = resolve(row["model"], None, row["mode"])
            found.setdefault(spec, []).append((row["tool"], measured_cell(table)))
    return found


def seconds(tool: str, cell: MeasuredCell, count: ReferenceCount) -> float:
    """How long a cell takes to reconcile."""
    taken = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        reconcile_measurements(tool, cell.measurements, count)
        taken.append(time.perf_counter() - started)
    return min(taken)


def megabytes(tool: str, cell: MeasuredCell, count: ReferenceCount) -> float:
    """The most memory that reconciling a cell holds at a time, beyond what was there."""
    tracemalloc.start()
    reconcile_measurements(tool, cell.measurements, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    folder, pattern = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "*"
    convention = load_convention("macs")
    taken: list[float] = []
    held: list[float] = []
    measuring = tracing = 0.0
    for spec, cells in cells_of(folder, pattern).items():
        started = time.perf_counter()
        count = count_trace(trace_spec(spec)[0], convention)
        tracing += time.perf_counter() - started
        for tool, cell in cells:
            taken.append(seconds(tool, cell, count))
            held.append(megabytes(tool, cell, count))
            measuring += cell.seconds or 0.0
    each = f"median {1000 * median(taken):.1f} ms, most {1000 * max(taken):.0f} ms"
    print(f"{len(taken):,} cells: {each}, all {sum(taken):.1f} s")
    print(f"memory: median {median(held):.2f} MB, most {max(held):.1f} MB")
    print(f"tracing and counting the models {tracing:.1f} s, what the tools took in the run {measuring:.1f} s")
    print(f"attribution is {sum(taken) / (sum(taken) + tracing + measuring):.1%} of all of it")


if __name__ == "__main__":
    main()
