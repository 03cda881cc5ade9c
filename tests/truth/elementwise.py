"""Operations on single elements in loops."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, erf, exp, expm1, log1p, tanh

from tests.truth.arrays import Array, broadcast_shape
from tests.truth.numbers import Counted


def each(function: Callable[..., Counted], *sources: Array) -> Array:
    """Apply a function to the elements of arrays that are broadcast to one shape."""
    shape = broadcast_shape(*(source.shape for source in sources))
    return sources[0].make(shape, lambda *index: function(*(source.broadcast(index) for source in sources)))


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def softplus(x: float) -> float:
    return log1p(exp(x))


def _limited(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: _limited(x, 0.0, 6.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * expm1(x)),
    "celu": lambda x: max(x, 0.0) + min(expm1(x), 0.0),
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * tanh(softplus(x)),
    "sigmoid": sigmoid,
    "tanh": tanh,
    "hardtanh": lambda x: _limited(x, -1.0, 1.0),
    "hardswish": lambda x: x * _limited(x + 3, 0.0, 6.0) / 6,
    "hardsigmoid": lambda x: _limited(x / 6 + 0.5, 0.0, 1.0),
    "hardshrink": lambda x: x if abs(x) > 0.5 else 0.0,
    "softshrink": lambda x: copysign(max(abs(x) - 0.5, 0.0), x),
    "softplus": softplus,
    "logsigmoid": lambda x: -softplus(-x),
}
"""torch's activations of one number, by their names in torch.nn.functional."""


def activation(source: Array, function: Callable[[float], float]) -> Array:
    """Evaluate a function at every element."""
    return each(lambda x: x.apply("evaluate", function), source)


def parametric_relu(source: Array, weight: Array) -> Array:
    """Evaluate x, or a·x below zero, with one slope for all channels or one for each of the second axis."""

    def at(*index: int) -> Counted:
        slope = weight[index[1:2] if weight.shape != (1,) else (0,)]
        return source[index].apply("evaluate", lambda x, a: x if x > 0 else a * x, slope)

    return source.make(source.shape, at)


def gated(source: Array, axis: int) -> Array:
    """a · σ(b) for the two halves of an axis."""
    half = source.shape[axis] // 2

    def at(*index: int) -> Counted:
        gate = (*index[:axis], index[axis] + half, *index[axis + 1 :])
        return source[index] * source[gate].apply("evaluate", sigmoid)

    return source.make((*source.shape[:axis], half, *source.shape[axis + 1 :]), at)
