"""Positions of a window that slides over an axis, as convolutions and pools have it."""

from __future__ import annotations

from collections.abc import Sequence


def per_axis(values: Sequence[int], rank: int) -> tuple[int, ...]:
    """Return one value for each axis: torch takes a single one for all."""
    return tuple(values) if len(values) == rank else tuple(values) * rank


def positions_inside(size_in: int, size_out: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Return how many pairs of an output and a position of its window lie inside the input, on one axis.

    The window of output o has the positions o·stride − pad + t·dilation for t < kernel.
    """
    inside = 0
    for tap in range(kernel):
        offset = tap * dilation - pad
        first = max(0, -(offset // stride))  # the first output with output·stride + offset >= 0
        last = (size_in - 1 - offset) // stride
        inside += max(0, min(last, size_out - 1) - first + 1)
    return inside
