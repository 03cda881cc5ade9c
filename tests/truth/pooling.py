"""Poolings in loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import inf
from typing import TypeAlias

from tests.truth.arrays import Array, Index
from tests.truth.numbers import Counted, total

Window: TypeAlias = "Iterable[Index]"
Windows: TypeAlias = "list[list[int]]"
"""For each output on one axis, the positions on that axis that it is taken over."""


def sliding(size: int, kernel: int, stride: int, pad: int, dilation: int = 1, *, ceil: bool = False) -> Windows:
    """Return windows that slide over a padded axis; positions outside of it lie in the padding.

    With ``ceil`` there may be one more, which starts inside; what it has beyond the padding does not count.
    """
    last = size + pad - dilation * (kernel - 1) - 1
    starts = list(range(-pad, last + 1, stride))
    if ceil and starts[-1] < last and starts[-1] + stride < size:
        starts.append(starts[-1] + stride)
    positions = ((start + tap * dilation for tap in range(kernel)) for start in starts)
    return [[position for position in window if position < size + pad] for window in positions]


def without_padding(windows: Windows, size: int) -> Windows:
    """Keep the positions that lie on the axis itself."""
    return [[position for position in window if 0 <= position < size] for window in windows]


def adaptive(size: int, outputs: int) -> Windows:
    """Return windows from ⌊i·in/out⌋ to ⌈(i+1)·in/out⌉."""
    return [list(range(i * size // outputs, -(-(i + 1) * size // outputs))) for i in range(outputs)]


def average(source: Array, windows: Sequence[Windows]) -> Array:
    """Average over windows on the last axes, padded zeros included: n - 1 additions and a division each."""
    zero = source.tally.number(0.0, padding=True)

    def mean(numbers: list[Counted]) -> Counted:
        return total(numbers) / source.tally.number(float(len(numbers)))

    with source.tally.part("pool"):
        return _pooled(source, windows, zero, mean)


def maximum(source: Array, windows: Sequence[Windows]) -> Array:
    """Take the greatest of windows on the last axes, by n - 1 comparisons; padded positions hold -inf."""
    with source.tally.part("pool"):
        return _pooled(source, windows, source.tally.number(-inf, padding=True), max)


def _pooled(
    source: Array, windows: Sequence[Windows], padding: Counted, reduced: Callable[[list[Counted]], Counted]
) -> Array:
    outer = source.shape[: len(source.shape) - len(windows)]

    def at(*index: int) -> Counted:
        before, inner = index[: len(outer)], index[len(outer) :]
        window = product(*(axis[i] for axis, i in zip(windows, inner, strict=True)))
        return reduced([source.cells.get((*before, *place), padding) for place in window])

    return source.make((*outer, *map(len, windows)), at)
