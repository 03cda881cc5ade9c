"""How long cells can be expected to take, and how much memory, from those of earlier runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconcile.run.records import MEASUREMENT
from reconcile.run.store import tables

_RUNS = 3
"""How many of the latest runs are looked at."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of time and megabytes of memory."""

    seconds: float
    peak_rss_mb: float


Expected = Mapping[tuple[str, str], Cost]
"""What a cell took last time, by model and tool."""

NOTHING_EXPECTED: Expected = {}


def expected_costs(earlier: Iterable[Path]) -> Expected:
    """Read what cells took from folders of measurements, the latest first."""
    found: dict[tuple[str, str], Cost] = {}
    for folder in list(earlier)[:_RUNS]:
        for table in tables(folder, MEASUREMENT):
            row = table.select(["model", "tool", "seconds", "peak_rss_mb"]).to_pylist()[0]
            if row["seconds"] is not None and row["peak_rss_mb"] is not None:
                found.setdefault((row["model"], row["tool"]), Cost(row["seconds"], row["peak_rss_mb"]))
    return found


def typical_cost(expected: Expected) -> Cost | None:
    """Return what a cell that never ran may be expected to take: the median of those that did."""
    if not expected:
        return None
    return Cost(
        statistics.median(cost.seconds for cost in expected.values()),
        statistics.median(cost.peak_rss_mb for cost in expected.values()),
    )
