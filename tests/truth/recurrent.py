"""Recurrent layers in loops, after the equations in torch's documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import tanh
from typing import TypeAlias

from tests.truth.arrays import Array
from tests.truth.elementwise import activation, each, sigmoid
from tests.truth.matrix import linear

State: TypeAlias = "tuple[Array, ...]"
"""Hidden state h [B, H] and, of an LSTM, cell state c."""

Weights: TypeAlias = "tuple[Array, Array, Array | None, Array | None]"
"""w_ih [gates·H, I], w_hh [gates·H, H], b_ih and b_hh."""

Cell: TypeAlias = "Callable[[Array, State, Weights], State]"


def rnn_cell(source: Array, state: State, weights: Weights) -> State:
    """h' = tanh(W·x + b + W·h + b)"""
    given, kept = _products(source, state, weights)
    return (_evaluated(_plus(given, kept), tanh),)


def relu_cell(source: Array, state: State, weights: Weights) -> State:
    """h' = relu(W·x + b + W·h + b)"""
    given, kept = _products(source, state, weights)
    return (_evaluated(_plus(given, kept), lambda x: max(x, 0.0)),)


def lstm_cell(source: Array, state: State, weights: Weights) -> State:
    """c' = σ(f)·c + σ(i)·tanh(g); h' = σ(o)·tanh(c'), where each gate is W·x + b + W·h + b."""
    gates = [_plus(*pair) for pair in zip(*(_gates(one, 4) for one in _products(source, state, weights)), strict=True)]
    i, f, g, o = (
        _evaluated(gate, function) for gate, function in zip(gates, (sigmoid, sigmoid, tanh, sigmoid), strict=True)
    )
    cell = _plus(_times(f, state[1]), _times(i, g))
    return _times(o, _evaluated(cell, tanh)), cell


def gru_cell(source: Array, state: State, weights: Weights) -> State:
    """h' = (1 - z)·n + z·h, where r and z = σ(W·x + b + W·h + b) and n = tanh(W·x + b + r·(W·h + b))."""
    n, z = _gru_gates(source, state, weights)
    with source.tally.part("elementwise"):
        rest = z.map(lambda number: number.tally.number(1.0) - number)
    return (_plus(_times(rest, n), _times(z, state[0])),)


def gru_cell_as_composed(source: Array, state: State, weights: Weights) -> State:
    """The same number by one product less: h' = (h - n)·z + n."""
    n, z = _gru_gates(source, state, weights)
    with source.tally.part("elementwise"):
        difference = each(lambda one, other: one - other, state[0], n)
    return (_plus(_times(difference, z), n),)


def _gru_gates(source: Array, state: State, weights: Weights) -> tuple[Array, Array]:
    given, kept = (_gates(one, 3) for one in _products(source, state, weights))
    r, z = (_evaluated(_plus(given[at], kept[at]), sigmoid) for at in (0, 1))
    return _evaluated(_plus(given[2], _times(r, kept[2])), tanh), z


def run(
    cell: Cell, source: Array, weights: Mapping[str, Array], layers: int, bidirectional: bool, states: int
) -> Array:
    """Run layers over ``source`` [T, B, I], forwards and backwards; states are zero at first."""
    found = source
    for layer in range(layers):
        directions = []
        for suffix in ("", "_reverse")[: 1 + bidirectional]:
            names = (f"{name}_l{layer}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            directions.append(_over_time(cell, found, tuple(map(weights.get, names)), states, backwards=bool(suffix)))
        found = _side_by_side(directions)
    return found


def _over_time(cell: Cell, source: Array, weights: Weights, states: int, *, backwards: bool) -> Array:
    steps, batch, width = source.shape
    hidden = weights[1].shape[1]
    state = (source.make((batch, hidden), lambda *_: source.tally.number(0.0)),) * states
    outputs = {}
    for t in reversed(range(steps)) if backwards else range(steps):
        now = source.make((batch, width), lambda b, i, t=t: source[t, b, i])
        state = cell(now, state, weights)
        outputs[t] = state[0]
    return source.make((steps, batch, hidden), lambda t, b, h: outputs[t][b, h])


def _side_by_side(directions: list[Array]) -> Array:
    *outer, hidden = directions[0].shape
    shape = (*outer, hidden * len(directions))
    return directions[0].make(shape, lambda *at: directions[at[-1] // hidden][*at[:-1], at[-1] % hidden])


def _products(source: Array, state: State, weights: Weights) -> tuple[Array, Array]:
    w_ih, w_hh, b_ih, b_hh = weights
    return linear(source, w_ih, b_ih), linear(state[0], w_hh, b_hh)


def _gates(products: Array, count: int) -> list[Array]:
    batch, width = products.shape
    hidden = width // count
    return [
        products.make((batch, hidden), lambda b, h, first=gate * hidden: products[b, first + h])
        for gate in range(count)
    ]


def _evaluated(source: Array, function: Callable[[float], float]) -> Array:
    with source.tally.part("activation"):
        return activation(source, function)


def _plus(left: Array, right: Array) -> Array:
    with left.tally.part("elementwise"):
        return each(lambda one, other: one + other, left, right)


def _times(left: Array, right: Array) -> Array:
    with left.tally.part("elementwise"):
        return each(lambda one, other: one * other, left, right)
