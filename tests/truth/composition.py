"""Layers of transformers in loops, composed of the loops of their parts."""

from __future__ import annotations

from collections.abc import Mapping

from tests.truth.arrays import Array
from tests.truth.attention import attend
from tests.truth.elementwise import activation, each
from tests.truth.matrix import linear
from tests.truth.normalization import affine, before_last, last, normalize, statistics_of

EPSILON = 1e-5


def multi_head_attention(query: Array, source: Array, weights: Mapping[str, Array], heads: int) -> Array:
    """Project ``query`` [B, L, E] and ``source`` [B, S, E], attend in each head, and project back."""
    width = query.shape[-1]
    inputs = query, source, source
    projected = [
        _split(linear(one, *_rows(weights, "in_proj", at * width, width)), heads) for at, one in enumerate(inputs)
    ]
    return linear(_joined(attend(*projected)), weights["out_proj.weight"], weights.get("out_proj.bias"))


def encoder_layer(source: Array, weights: Mapping[str, Array], heads: int) -> Array:
    """Self-attention, then two linear layers; each is added to what went in, and normalized."""
    attended = multi_head_attention(source, source, below(weights, "self_attn"), heads)
    return _fed_forward(_added(source, attended, below(weights, "norm1")), weights, "norm2")


def decoder_layer(target: Array, memory: Array, weights: Mapping[str, Array], heads: int) -> Array:
    """As an encoder's layer, with attention to ``memory`` in between."""
    attended = multi_head_attention(target, target, below(weights, "self_attn"), heads)
    target = _added(target, attended, below(weights, "norm1"))
    attended = multi_head_attention(target, memory, below(weights, "multihead_attn"), heads)
    return _fed_forward(_added(target, attended, below(weights, "norm2")), weights, "norm3")


def below(weights: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return the weights of a part, under its own names."""
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


def _fed_forward(source: Array, weights: Mapping[str, Array], norm: str) -> Array:
    hidden = linear(source, weights["linear1.weight"], weights.get("linear1.bias"))
    with source.tally.part("activation"):
        hidden = activation(hidden, lambda x: max(x, 0.0))
    found = linear(hidden, weights["linear2.weight"], weights.get("linear2.bias"))
    return _added(source, found, below(weights, norm))


def _added(source: Array, found: Array, norm: Mapping[str, Array]) -> Array:
    with source.tally.part("residual"):
        summed = each(lambda one, other: one + other, source, found)
    row = before_last(1)
    normalized = normalize(summed, row, statistics_of(summed, row), EPSILON)
    return affine(normalized, last(1), norm["weight"], norm.get("bias"))


def _rows(weights: Mapping[str, Array], name: str, first: int, count: int) -> tuple[Array, Array | None]:
    weight, bias = weights[f"{name}_weight"], weights.get(f"{name}_bias")
    chosen = weight.make((count, weight.shape[1]), lambda at, i: weight[first + at, i])
    return chosen, None if bias is None else bias.make((count,), lambda at: bias[(first + at,)])


def _split(source: Array, heads: int) -> Array:
    batch, length, width = source.shape
    each_head = width // heads
    return source.make((batch, heads, length, each_head), lambda b, h, at, e: source[b, at, h * each_head + e])


def _joined(source: Array) -> Array:
    batch, heads, length, width = source.shape
    return source.make((batch, length, heads * width), lambda b, at, e: source[b, e // width, at, e % width])
