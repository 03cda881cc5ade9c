"""Reductions over axes in loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import exp, log, sqrt
from operator import add, mul

from tests.truth.arrays import Array, indices
from tests.truth.attention import along
from tests.truth.numbers import Counted, product, total


def reduced(source: Array, axes: Sequence[int], function: Callable[[list[Counted]], Counted]) -> Array:
    """Apply a function to all elements along some axes, which are dropped."""
    inner = [source.shape[axis] for axis in axes]
    kept = [axis for axis in range(len(source.shape)) if axis not in axes]

    def at(*index: int) -> Counted:
        outer = dict(zip(kept, index, strict=True))
        places = (outer | dict(zip(axes, place, strict=True)) for place in indices(inner))
        return function([source[tuple(place[axis] for axis in range(len(source.shape)))] for place in places])

    with source.tally.part("reduce"):
        return source.make((source.shape[axis] for axis in kept), at)


def mean(numbers: list[Counted]) -> Counted:
    return total(numbers) / _count(numbers)


def variance(numbers: list[Counted]) -> Counted:
    """Divide the sum of squared differences from the mean by n - 1."""
    with numbers[0].tally.part("mean"):
        center = mean(numbers)
    with numbers[0].tally.part("difference"):
        differences = [number - center for number in numbers]
        squares = [number * number for number in differences]
    return total(squares) / _count(numbers[1:])


def deviation(numbers: list[Counted]) -> Counted:
    squared = variance(numbers)
    with squared.tally.part("root"):
        return squared.apply("root", sqrt)


def norm(numbers: list[Counted]) -> Counted:
    with numbers[0].tally.part("squares"):
        squares = [number * number for number in numbers]
    summed = total(squares)
    with summed.tally.part("root"):
        return summed.apply("root", sqrt)


def log_sum_exp(numbers: list[Counted]) -> Counted:
    with numbers[0].tally.part("exponentials"):
        exponentials = [number.apply("exponential", exp) for number in numbers]
    return total(exponentials).apply("logarithm", log)


def place_of_greatest(numbers: list[Counted]) -> Counted:
    greatest = max(numbers)
    return greatest.tally.number(float([number is greatest for number in numbers].index(True)))


def cumulated(source: Array, axis: int, *, by_product: bool) -> Array:
    """Return the sums, or products, of the first elements of each row: n - 1 operations for n results."""
    with source.tally.part("reduce"):
        return along(axis, source, lambda row: list(accumulate(row, mul if by_product else add)))


def bags(table: Array, rows: Sequence[Sequence[int]], weights: Sequence[Sequence[Counted]] | None, how: str) -> Array:
    """Look up rows of ``table`` [N, D] for each bag, weighted or not, and sum, average or compare them."""
    tally = table.tally

    def at(bag: int, d: int) -> Counted:
        found = [table[row, d] for row in rows[bag]]
        if weights is not None:
            with tally.part("weigh"):
                found = [number * weight for number, weight in zip(found, weights[bag], strict=True)]
        return {"sum": total, "mean": mean, "max": max}[how](found)

    with tally.part("reduce"):
        return table.make((len(rows), table.shape[1]), at)


def distances(left: Array, right: Array, power: float) -> Array:
    """Return the distance of each row of ``left`` [*, P, M] to each of ``right`` [*, R, M] in a norm."""
    tally, width = left.tally, left.shape[-1]

    def at(*index: int) -> Counted:
        *batch, p, r = index
        with tally.part("difference"):
            differences = [left[*batch, p, m] - right[*batch, r, m] for m in range(width)]
        with tally.part("power"):
            powers = [number.apply("power", lambda x: abs(x) ** power) for number in differences]
        with tally.part("reduce"):
            summed = total(powers)
        with tally.part("power"):
            return summed.apply("power", lambda x: x ** (1 / power))

    return left.make((*left.shape[:-1], right.shape[-2]), at)


def weight_norm(direction: Array, length: Array, axis: int) -> Array:
    """g · v / ‖v‖, with a norm over all axes but one: each element is scaled once."""
    others = [other for other in range(len(direction.shape)) if other != axis]
    norms = reduced(direction, others, norm)
    with direction.tally.part("ratio"):
        ratios = norms.make(norms.shape, lambda at: _only(length, axis, at) / norms[(at,)])
    with direction.tally.part("scale"):
        return direction.make(direction.shape, lambda *index: direction[index] * ratios[index[axis : axis + 1]])


def _only(length: Array, axis: int, at: int) -> Counted:
    return length[tuple(at if other == axis else 0 for other in range(len(length.shape)))]


def _count(numbers: Sequence[Counted]) -> Counted:
    return numbers[0].tally.number(float(len(numbers)))


FUNCTIONS: dict[str, Callable[[list[Counted]], Counted]] = {
    "sum": total,
    "mean": mean,
    "prod": product,
    "var": variance,
    "std": deviation,
    "amax": max,
    "amin": min,
    "argmax": place_of_greatest,
    "norm": norm,
    "logsumexp": log_sum_exp,
}
"""Reductions by their names in torch."""
