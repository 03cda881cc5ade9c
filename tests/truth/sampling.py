"""Interpolations between elements in loops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import floor, prod
from typing import TypeAlias

from tests.truth.arrays import Array, indices
from tests.truth.convolution import with_bias
from tests.truth.numbers import Counted, Tally, total

Taps: TypeAlias = "list[tuple[int, float]]"
"""Positions on one axis, each with its weight."""

CUBIC = -0.75
"""The constant of the cubic kernel that torch uses."""


def blend(source: Array, outer: Sequence[int], axes: Sequence[Taps]) -> Counted:
    """Interpolate once: sum elements at combinations of taps, times their weights; zeros outside of the input."""
    tally = source.tally
    with tally.part("resample"):
        tally.current["interpolate"] += 1
    with tally.part("blend"):
        zero = tally.number(0.0, padding=True)
        parts = [
            source.cells.get((*outer, *(at for at, _ in taps)), zero) * tally.number(prod(weight for _, weight in taps))
            for taps in product(*axes)
        ]
        return total(parts) if parts else zero


def resized(source: Array, sizes: Sequence[int], mode: str, align: bool = False) -> Array:
    """Interpolate ``source`` [B, C, *in] to other sizes, one axis like the other."""
    axes = [
        [taps(size, length, at, mode, align) for at in range(length)]
        for size, length in zip(source.shape[2:], sizes, strict=True)
    ]

    def number(b: int, c: int, *index: int) -> Counted:
        return blend(source, (b, c), [axis[at] for axis, at in zip(axes, index, strict=True)])

    return source.make((*source.shape[:2], *sizes), number)


def taps(size: int, length: int, at: int, mode: str, align: bool) -> Taps:
    """Return the positions on an axis of ``size`` that make up one position of ``length``, by name of the mode."""
    if mode == "nearest":
        return [(at * size // length, 1.0)]
    if mode == "nearest-exact":
        return [((2 * at + 1) * size // (2 * length), 1.0)]
    place = at * (size - 1) / max(length - 1, 1) if align else (at + 0.5) * size / length - 0.5
    if mode == "bicubic":
        return [(min(max(one, 0), size - 1), weight) for one, weight in cubic(place)]
    return [(min(one, size - 1), weight) for one, weight in linear(max(place, 0.0))]


def linear(place: float) -> Taps:
    low = floor(place)
    return [(low, low + 1 - place), (low + 1, place - low)]


def cubic(place: float) -> Taps:
    """Keys' kernel over four positions."""

    def weight(far: float) -> float:
        if far <= 1:
            return ((CUBIC + 2) * far - (CUBIC + 3)) * far * far + 1
        return ((CUBIC * far - 5 * CUBIC) * far + 8 * CUBIC) * far - 4 * CUBIC

    low = floor(place)
    return [(one, weight(abs(place - one))) for one in range(low - 1, low + 3)]


def grid_sample(source: Array, grid: Array, mode: str, align: bool) -> Array:
    """Read ``source`` [B, C, *in] where ``grid`` [B, *out, axes] points, the last axis first, in [-1, 1]."""
    size = source.shape[2:]

    def placed(at: float, length: int) -> Taps:
        place = (at + 1) / 2 * (length - 1) if align else ((at + 1) * length - 1) / 2
        return linear(place) if mode == "bilinear" else [(round(place), 1.0)]

    def number(b: int, c: int, *index: int) -> Counted:
        point = [grid[b, *index, axis].value for axis in reversed(range(len(size)))]
        return blend(source, (b, c), [placed(at, length) for at, length in zip(point, size, strict=True)])

    return source.make((*source.shape[:2], *grid.shape[1:-1]), number)


def deformed_convolution(
    source: Array,
    offset: Array,
    weight: Array,
    mask: Array | None,
    bias: Array | None,
    stride: int,
    padding: int,
    dilation: int,
) -> Array:
    """Convolve ``source`` [B, C, H, W] at positions moved by ``offset`` [B, 2·groups·taps, H', W'].

    Samples are taken once and read by every filter; a mask [B, groups·taps, H', W'] scales each.
    """
    filters, channels, rows, columns = weight.shape
    batches, source_channels, *_ = source.shape
    count = rows * columns
    moved = offset.shape[1] // (2 * count)

    def sample(b: int, c: int, i: int, j: int, y: int, x: int) -> Counted:
        moves = (c // (source_channels // moved) * count + i * columns + j) * 2
        place = (
            y * stride - padding + i * dilation + offset[b, moves, y, x].value,
            x * stride - padding + j * dilation + offset[b, moves + 1, y, x].value,
        )
        number = blend(source, (b, c), [linear(at) for at in place])
        if mask is None:
            return number
        with source.tally.part("mask"):
            return number * mask[b, moves // 2, y, x]

    samples = source.make((batches, source_channels, rows, columns, *offset.shape[2:]), sample)
    each = filters * channels // source_channels

    def at(b: int, k: int, y: int, x: int) -> Counted:
        first = k // each * channels
        return total(
            samples[b, first + c, i, j, y, x] * weight[k, c, i, j] for c, i, j in indices((channels, rows, columns))
        )

    with source.tally.part("products"):
        sums = source.make((batches, filters, *offset.shape[2:]), at)
    return with_bias(sums, bias)


def region_average(
    source: Array, regions: Array, sizes: Sequence[int], scale: float, samples: int, aligned: bool
) -> Array:
    """Average samples² samples in each of the bins of ``regions`` [K, 5], of the image that the first number names."""

    def number(k: int, c: int, *bins: int) -> Counted:
        image, left, top, right, bottom = (int(regions[k, 0].value), *(regions[k, at].value for at in range(1, 5)))
        axes = []
        for axis, (low, high) in enumerate(((top, bottom), (left, right))):
            first = low * scale - 0.5 * aligned
            length = high * scale - low * scale
            step = (length if aligned else max(length, 1.0)) / sizes[axis]
            inside = [first + bins[axis] * step + (at + 0.5) * step / samples for at in range(samples)]
            axes.append([_clipped(place, source.shape[2 + axis]) for place in inside])
        found = [blend(source, (image, c), both) for both in product(*axes)]
        with source.tally.part("pool"):
            return total(found) / source.tally.number(float(len(found)))

    return source.make((regions.shape[0], source.shape[1], *sizes), number)


def _clipped(place: float, size: int) -> Taps:
    """Return no taps more than one outside of the input, and its first or last element within."""
    if not -1 <= place <= size:
        return []
    return linear(min(max(place, 0.0), size - 1.0))


def interpolations(tally: Tally) -> int:
    return tally["resample"]["interpolate"]
