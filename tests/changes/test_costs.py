"""Time and memory: what is noticed, and what is the machine's."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.changes.columns import ColumnPair, ModelPair
from reconcile.changes.costs import compare_costs
from reconcile.changes.record import ModelKey, Number, ToolRecord
from reconcile.changes.result import CostChange

Costs = Mapping[str, tuple[float, float]]


def costs(seconds: Costs, megabytes: Costs | None = None, status: str = "ok") -> list[CostChange]:
    """Compare columns of ten cells each, of which every one takes so many seconds and megabytes then and now."""
    cells = []
    for tool, taken in seconds.items():
        column = ColumnPair(tool, tool, ToolRecord("1"), ToolRecord("1"))
        peaks = (megabytes or {}).get(tool, (500.0, 500.0))
        for place in range(10):
            key = ModelKey(f"model{place}", "1x3x224x224")
            was, now = (
                Number(status, 1, seconds=second, peak_rss_mb=peak) for second, peak in zip(taken, peaks, strict=True)
            )
            for metric in ("compute", "params"):  # of one cell, which counts once
                cells.append((column, ModelPair(key, key), metric, was, now))
    return list(compare_costs(cells))


def test_a_column_that_takes_longer_than_the_others_make_expect() -> None:
    assert costs({"a": (1, 1), "b": (1, 1), "c": (1, 2)}) == [CostChange("c", "seconds", 10, 20)]
    # On a machine half as fast all take twice as long; then one that takes as long as before has become faster.
    assert costs({"a": (1, 2), "b": (1, 2), "c": (1, 1)}) == [CostChange("c", "seconds", 10, 10)]
    assert costs({"a": (1, 2), "b": (1, 2), "c": (1, 2)}) == []


def test_little_is_not_noticed() -> None:
    assert costs({"a": (1, 1), "b": (1, 1), "c": (1, 1.4)}) == []
    # Twice as long, but a tenth of a second longer.
    assert costs({"a": (1, 1), "b": (1, 1), "c": (0.01, 0.02)}) == []


def test_a_machine_that_is_another() -> None:
    assert costs({"a": (1, 4), "b": (1, 4)}) == [CostChange("", "seconds", 20, 80)]


def test_the_largest_cell() -> None:
    same = {"a": (1.0, 1.0), "b": (1.0, 1.0)}
    assert costs(same, {"a": (500, 900)}) == [CostChange("a", "megabytes", 500, 900)]
    assert costs(same, {"a": (500, 690)}) == []
    assert costs(same, {"a": (100, 290)}) == []


def test_cells_without_numbers_have_no_costs() -> None:
    assert costs({"a": (1, 9), "b": (1, 1)}, status="failed") == []
