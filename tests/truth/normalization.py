"""Normalizations in loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import sqrt
from typing import TypeAlias

from tests.truth.arrays import Array, Index
from tests.truth.numbers import Counted, total

Group: TypeAlias = "Callable[[Index], Hashable]"
"""Tells which elements are normalized together."""

Statistics: TypeAlias = "Mapping[Hashable, tuple[Counted, Counted]]"
"""Mean and variance of each group."""


def statistics_of(source: Array, group: Group) -> Statistics:
    """Return mean and variance: n - 1 additions and a division, and the same over n squares of n differences."""
    tally = source.tally
    found = {}
    for name, numbers in _grouped(source, group).items():
        count = tally.number(float(len(numbers)))
        with tally.part("mean"):
            mean = total(numbers) / count
        with tally.part("deviation"):
            deviations = [number - mean for number in numbers]
            squares = [number * number for number in deviations]
        with tally.part("variance"):
            found[name] = mean, total(squares) / count
    return found


def normalize(source: Array, group: Group, statistics: Statistics, epsilon: float) -> Array:
    """(x - mean) / √(variance + ε): for each element a shift and a division."""
    tally = source.tally
    with tally.part("root"):
        roots = {name: _root(variance, epsilon) for name, (_, variance) in statistics.items()}
    with tally.part("normalize"):
        return source.make(source.shape, lambda *at: (source[at] - statistics[group(at)][0]) / roots[group(at)])


def normalize_by_mean_square(source: Array, group: Group, epsilon: float) -> Array:
    """x / √(mean(x²) + ε): for each element a division."""
    tally = source.tally
    roots = {}
    for name, numbers in _grouped(source, group).items():
        with tally.part("deviation"):
            squares = [number * number for number in numbers]
        with tally.part("mean"):
            mean = total(squares) / tally.number(float(len(numbers)))
        with tally.part("root"):
            roots[name] = _root(mean, epsilon)
    with tally.part("normalize"):
        return source.make(source.shape, lambda *at: source[at] / roots[group(at)])


def affine(source: Array, place: Callable[[Index], Index], weight: Array | None, bias: Array | None) -> Array:
    """Scale each element by a learned weight, and shift it by a bias where there is one."""
    if weight is None:
        return source
    with source.tally.part("affine"):
        scaled = source.make(source.shape, lambda *at: source[at] * weight[place(at)])
    if bias is None:
        return scaled
    with source.tally.part("shift"):
        return scaled.make(scaled.shape, lambda *at: scaled[at] + bias[place(at)])


def channel(index: Index) -> Index:
    return index[1:2]


def last(axes: int) -> Callable[[Index], Index]:
    """Return the position on the last axes, as a function of the whole."""
    return lambda index: index[len(index) - axes :]


def before_last(axes: int) -> Callable[[Index], Index]:
    """Return the position on all but the last axes, as a function of the whole."""
    return lambda index: index[: len(index) - axes]


def _grouped(source: Array, group: Group) -> dict[Hashable, Sequence[Counted]]:
    groups: dict[Hashable, list[Counted]] = {}
    for index in source:
        groups.setdefault(group(index), []).append(source[index])
    return dict(groups)


def _root(variance: Counted, epsilon: float) -> Counted:
    return (variance + variance.tally.number(epsilon)).apply("root", sqrt)
