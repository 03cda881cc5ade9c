"""Softmax and attention in loops."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, sqrt

from tests.truth.arrays import Array, broadcast_shape, indices
from tests.truth.numbers import Counted, total


def softmax(scores: Array, axis: int) -> Array:
    """exp(x) / Σ exp(x) along an axis of n elements: n exponentials, n - 1 additions, n divisions per row."""

    def of_row(row: list[Counted]) -> list[Counted]:
        exponentials = [number.apply("exponential", exp) for number in row]
        below = total(exponentials)
        return [number / below for number in exponentials]

    with scores.tally.part("softmax"):
        return along(axis, scores, of_row)


def log_softmax(scores: Array, axis: int) -> Array:
    """x - log Σ exp(x) along an axis: n exponentials, n - 1 additions, a logarithm and n subtractions per row."""

    def of_row(row: list[Counted]) -> list[Counted]:
        below = total([number.apply("exponential", exp) for number in row]).apply("logarithm", log)
        return [number - below for number in row]

    with scores.tally.part("softmax"):
        return along(axis, scores, of_row)


def attend(query: Array, key: Array, value: Array, mask: Array | None = None, *, causal: bool = False) -> Array:
    """softmax(Q·Kᵀ / √E + mask) · V for Q [*, H, L, E], K [*, G, S, E], V [*, G, S, Ev]; H / G queries share a key."""
    tally = query.tally
    length, keys, width = query.shape[-2], key.shape[-2], query.shape[-1]
    key, value = _shared(key, query), _shared(value, query)
    leading = broadcast_shape(query.shape[:-2], key.shape[:-2], value.shape[:-2])

    def product(*index: int) -> Counted:
        *batch, row, column = index
        return total(query.broadcast((*batch, row, e)) * key.broadcast((*batch, column, e)) for e in range(width))

    with tally.part("products"):
        scores = query.make((*leading, length, keys), product)
    with tally.part("scale"):
        scale = tally.number(1 / sqrt(width))
        scores = scores.map(lambda score: score * scale)
    if causal:
        mask = query.make((length, keys), lambda row, column: tally.number(0.0 if column <= row else -inf))
    if mask is not None:
        with tally.part("mask"):
            scores = scores.make(scores.shape, lambda *index: scores[index] + mask.broadcast(index))
    weights = softmax(scores, -1)

    def weighted(*index: int) -> Counted:
        *batch, row, v = index
        return total(weights[*batch, row, s] * value.broadcast((*batch, s, v)) for s in range(keys))

    with tally.part("products"):
        return query.make((*leading, length, value.shape[-1]), weighted)


def _shared(key: Array, query: Array) -> Array:
    """Give each head of a query its group's key, which is read and not computed again."""
    if len(query.shape) < 3 or query.shape[-3] % key.shape[-3]:
        return key
    each = query.shape[-3] // key.shape[-3]
    if each == 1:
        return key
    *batch, heads, keys, width = key.shape
    return key.make((*batch, heads * each, keys, width), lambda *at: key[*at[:-3], at[-3] // each, *at[-2:]])


def along(axis: int, source: Array, of_row: Callable[[list[Counted]], list[Counted]]) -> Array:
    """Apply a function to every row along an axis."""
    axis %= len(source.shape)
    cells = dict(source.cells)
    for index in indices([*source.shape[:axis], 1, *source.shape[axis + 1 :]]):
        row = [(*index[:axis], at, *index[axis + 1 :]) for at in range(source.shape[axis])]
        cells.update(zip(row, of_row([source[place] for place in row]), strict=True))
    return Array(source.shape, cells, source.tally)
