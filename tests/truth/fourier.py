"""Fourier transforms by decimation in time, on complex numbers."""

from __future__ import annotations

from cmath import exp, pi
from collections.abc import Sequence

from tests.truth.arrays import Array
from tests.truth.attention import along
from tests.truth.numbers import Counted, total


def transform(source: Array, axes: Sequence[int], *, inverse: bool = False) -> Array:
    """Transform every line along each of the axes, one after another."""
    with source.tally.part("complex"):
        return _transformed(source, axes, inverse=inverse)


def transform_of_real(source: Array, axes: Sequence[int]) -> Array:
    """Transform real numbers along the last axis, where the upper half mirrors the lower, and the rest of that."""
    *others, last = axes
    with source.tally.part("real"):
        whole = _transformed(source.map(lambda number: number.tally.number(complex(number.value))), [last])
    shape = list(source.shape)
    shape[last] = shape[last] // 2 + 1
    return transform(whole.make(shape, lambda *index: whole[index]), others)


def transform_to_real(half: Array, axes: Sequence[int], length: int) -> Array:
    """Transform the lower half of a spectrum back, the last axis at the end, where it is mirrored to ``length``."""
    *others, last = axes
    half = transform(half, others, inverse=True)

    def mirrored(*index: int) -> Counted:
        at = index[last]
        number = half[*index[:last], min(at, length - at), *index[last + 1 :]].value
        return half.tally.number(number if at <= length - at else complex(number).conjugate())

    with half.tally.part("real"):
        shape = [*half.shape[:last], length, *half.shape[last + 1 :]]
        whole = _transformed(half.make(shape, mirrored), [last], inverse=True)
    return whole.map(lambda number: number.tally.number(complex(number.value).real))


def _transformed(source: Array, axes: Sequence[int], *, inverse: bool = False) -> Array:
    for axis in axes:
        source = along(axis, source, lambda line: _line(line, inverse=inverse))
    return source


def _line(line: list[Counted], *, inverse: bool) -> list[Counted]:
    """Transform one line; the inverse divides by its length, in a part of its own."""
    found = _split(line, 1 if inverse else -1)
    if not inverse:
        return found
    tally = line[0].tally
    with tally.part("scale"):
        count = tally.number(float(len(line)))
        return [number / count for number in found]


def _split(line: list[Counted], sign: int) -> list[Counted]:
    """Split N points by the smallest prime p of N into p transforms, and sum p terms for each of the N outputs.

    The terms are turned by roots of unity in a part of their own.
    """
    length = len(line)
    if length == 1:
        return line
    tally = line[0].tally
    p = next(factor for factor in range(2, length + 1) if length % factor == 0)
    parts = [_split(line[first::p], sign) for first in range(p)]

    def turned(first: int, k: int) -> Counted:
        with tally.part("turn"):
            return parts[first][k % (length // p)] * tally.number(exp(sign * 2j * pi * first * k / length))

    return [total(turned(first, k) for first in range(p)) for k in range(length)]
