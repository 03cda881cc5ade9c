"""Linear layers and matrix products in loops."""

from __future__ import annotations

from collections.abc import Sequence

from tests.truth.arrays import Array, Index, broadcast_shape, indices, permuted
from tests.truth.numbers import Counted, total


def linear(source: Array, weight: Array, bias: Array | None) -> Array:
    """Multiply ``source`` [*, I] with ``weight`` [O, I] and add one number per output."""

    def at(*index: int) -> Counted:
        *row, out = index
        return total(source[*row, i] * weight[out, i] for i in range(weight.shape[1]))

    with source.tally.part("products"):
        sums = source.make((*source.shape[:-1], weight.shape[0]), at)
    return plus(sums, bias)


def matmul(left: Array, right: Array) -> Array:
    """Multiply [*, n, m] with [*, m, p]; a vector is a row on the left and a column on the right."""
    rows = left if len(left.shape) > 1 else left.make((1, *left.shape), lambda _, i: left[(i,)])
    columns = right if len(right.shape) > 1 else right.make((*right.shape, 1), lambda i, _: right[(i,)])
    leading = broadcast_shape(rows.shape[:-2], columns.shape[:-2])

    def at(*index: int) -> Counted:
        *batch, n, p = index
        length = rows.shape[-1]
        return total(rows.broadcast((*batch, n, m)) * columns.broadcast((*batch, m, p)) for m in range(length))

    with left.tally.part("products"):
        found = left.make((*leading, rows.shape[-2], columns.shape[-1]), at)
    return _without_added_axes(found, left, right)


def _without_added_axes(found: Array, left: Array, right: Array) -> Array:
    """Drop the axes of size 1 that stand for a vector."""
    added = {len(found.shape) - 2} if len(left.shape) == 1 else set()
    added |= {len(found.shape) - 1} if len(right.shape) == 1 else set()
    return permuted(found, *(axis for axis in range(len(found.shape)) if axis not in added))


def sum_of_matmuls(left: Array, right: Array) -> Array:
    """Multiply [b, n, m] with [b, m, p] and sum over b too."""
    batches, length = left.shape[0], left.shape[2]

    def at(n: int, p: int) -> Counted:
        return total(left[b, n, m] * right[b, m, p] for b in range(batches) for m in range(length))

    with left.tally.part("products"):
        return left.make((left.shape[1], right.shape[2]), at)


def contract(left: Array, left_axes: str, right: Array, right_axes: str, kept: str) -> Array:
    """Multiply two arrays whose axes have names, and sum over the names that are not kept."""
    size = dict(zip(left_axes + right_axes, left.shape + right.shape, strict=True))
    summed = sorted(set(size) - set(kept))

    def at(*index: int) -> Counted:
        place = dict(zip(kept, index, strict=True))
        return total(
            left[_named(place | inner, left_axes)] * right[_named(place | inner, right_axes)]
            for inner in _places(summed, size)
        )

    with left.tally.part("products"):
        return left.make((size[name] for name in kept), at)


def bilinear(first: Array, second: Array, weight: Array, bias: Array | None) -> Array:
    """Multiply (first^T · weight[o]) · second for ``first`` [*, I1], ``weight`` [O, I1, I2] and ``second`` [*, I2]."""
    filters, size_first, size_second = weight.shape

    def at(*index: int) -> Counted:
        *row, o = index
        inner = [total(first[*row, i] * weight[o, i, j] for i in range(size_first)) for j in range(size_second)]
        return total(number * second[*row, j] for j, number in enumerate(inner))

    with first.tally.part("products"):
        sums = first.make((*first.shape[:-1], filters), at)
    return plus(sums, bias)


def plus(sums: Array, addend: Array | None) -> Array:
    """Add an addend, broadcast, to each sum."""
    if addend is None:
        return sums
    with sums.tally.part("bias"):
        return sums.make(sums.shape, lambda *index: sums[index] + addend.broadcast(index))


def _named(place: dict[str, int], axes: str) -> Index:
    return tuple(place[name] for name in axes)


def _places(names: Sequence[str], size: dict[str, int]) -> list[dict[str, int]]:
    return [dict(zip(names, index, strict=True)) for index in indices(size[name] for name in names)]
