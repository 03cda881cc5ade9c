"""What cells take, then and now: by column, less what the whole machine was faster or slower."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import exp, log
from statistics import median

from reconcile.changes.columns import ColumnPair, ModelPair
from reconcile.changes.record import Number
from reconcile.changes.result import CostChange

NOTICED_RATIO = 1.5
"""Less than this, time differs from one run to the next on the same machine."""

NOTICED_RATIO_OF_ALL = 3.0
"""Machines of one kind differ by less than this."""

NOTICED_SECONDS = 5.0
NOTICED_MEGABYTES = 200.0
"""What a process takes differs by some tens, by what was imported before."""


def compare_costs(cells: Iterable[tuple[ColumnPair, ModelPair, str, Number, Number]]) -> Iterator[CostChange]:
    """Yield what takes noticeably more or less: all cells together, a column's seconds, a column's largest cell.

    Only cells that gave numbers in both runs count, each once. A column's seconds are held against those that it would
    have taken if its cells had become slower or faster by as much as the median cell.
    """
    seconds: dict[str, list[tuple[float, float]]] = defaultdict(list)
    memory: dict[str, list[tuple[float, float]]] = defaultdict(list)
    seen = set()
    for column, model, _, was, now in cells:
        if (column, model) in seen or was.status != "ok" or now.status != "ok":
            continue
        seen.add((column, model))
        if was.seconds and now.seconds:
            seconds[column.name].append((was.seconds, now.seconds))
        if was.peak_rss_mb and now.peak_rss_mb:
            memory[column.name].append((was.peak_rss_mb, now.peak_rss_mb))
    yield from _times(seconds)
    for tool, pairs in memory.items():
        before, after = max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
        if _is_noticed(before, after) and abs(after - before) >= NOTICED_MEGABYTES:
            yield CostChange(tool, "megabytes", before, after)


def _times(seconds: dict[str, list[tuple[float, float]]]) -> Iterator[CostChange]:
    ratios = [log(after / before) for pairs in seconds.values() for before, after in pairs]
    machine = exp(median(ratios)) if ratios else 1.0
    before, after = (sum(pair[place] for pairs in seconds.values() for pair in pairs) for place in (0, 1))
    if _is_noticed(1, machine, NOTICED_RATIO_OF_ALL) and abs(after - before) >= NOTICED_SECONDS:
        yield CostChange("", "seconds", before, after)
    for tool, pairs in seconds.items():
        before, after = (sum(pair[place] for pair in pairs) for place in (0, 1))
        expected = before * machine
        if len(seconds) > 1 and _is_noticed(expected, after) and abs(after - expected) >= NOTICED_SECONDS:
            yield CostChange(tool, "seconds", before, after)


def _is_noticed(before: float, after: float, ratio: float = NOTICED_RATIO) -> bool:
    return abs(log(after / before)) > log(ratio)
