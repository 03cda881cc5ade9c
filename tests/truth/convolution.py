"""Convolutions and transposed convolutions in loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tests.truth.arrays import Array, Index, indices
from tests.truth.numbers import Counted, total

Sizes: TypeAlias = Sequence[int]
Place: TypeAlias = "Callable[[int, int], int]"


def convolve(source: Array, weight: Array, bias: Array | None, stride: Sizes, dilation: Sizes, groups: int) -> Array:
    """Slide ``weight`` [K, C/g, *kernel] over ``source`` [B, C, *in], which is padded already."""
    filters, channels, *kernel = weight.shape
    size = [
        len(range(0, length - dilated * (taps - 1), step))
        for length, taps, step, dilated in zip(source.shape[2:], kernel, stride, dilation, strict=True)
    ]

    def at(batch: int, k: int, *position: int) -> Counted:
        first = k // (filters // groups) * channels
        return total(
            source[batch, first + c, *_reached(position, tap, stride, dilation)] * weight[k, c, *tap]
            for c in range(channels)
            for tap in indices(kernel)
        )

    with source.tally.part("products"):
        sums = source.make([source.shape[0], filters, *size], at)
    return with_bias(sums, bias)


def convolve_transposed(
    source: Array,
    weight: Array,
    bias: Array | None,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    dilation: Sizes,
    groups: int,
) -> Array:
    """Add each element of ``source`` [B, C, *in], times ``weight`` [C, K/g, *kernel], to the outputs that it reaches.

    The outputs lie on a canvas of which ``padding`` is cut off on both sides; a product that falls there is not added.
    """
    tally = source.tally
    batches, channels, *size_in = source.shape
    _, filters, *kernel = weight.shape
    size = transposed_size(size_in, kernel, stride, padding, output_padding, dilation)
    canvas: dict[Index, Counted] = {}
    with tally.part("products"):
        for batch, c, *position in source:
            first = c // (channels // groups) * filters
            for k, *tap in indices([filters, *kernel]):
                product = source[batch, c, *position] * weight[c, k, *tap]
                reached = _reached(position, tap, stride, dilation)
                target = [at - cut for at, cut in zip(reached, padding, strict=True)]
                if all(0 <= at < length for at, length in zip(target, size, strict=True)):
                    index = (batch, first + k, *target)
                    canvas[index] = canvas[index] + product if index in canvas else product
                else:
                    tally.current["cut_off"] += 1
    nothing = tally.number(0.0)
    sums = source.make([batches, filters * groups, *size], lambda *index: canvas.get(index, nothing))
    return with_bias(sums, bias)


def transposed_size(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, output_padding: Sizes, dilation: Sizes
) -> list[int]:
    """Return the size of a transposed convolution's output."""
    axes = zip(size, kernel, stride, padding, output_padding, dilation, strict=True)
    return [(n - 1) * step + far * (taps - 1) + 1 + more - 2 * cut for n, taps, step, cut, more, far in axes]


def padded(source: Array, before: Sizes, after: Sizes) -> Array:
    """Surround the inner axes of ``source`` [B, C, *in] with zeros that are marked as padding."""
    zero = source.tally.number(0.0, padding=True)
    size = (n + front + back for n, front, back in zip(source.shape[2:], before, after, strict=True))

    def at(batch: int, c: int, *position: int) -> Counted:
        return source.cells.get((batch, c, *(at - front for at, front in zip(position, before, strict=True))), zero)

    return source.make([*source.shape[:2], *size], at)


def extended(source: Array, pads: Sizes, mode: str) -> Array:
    """Surround the inner axes with elements of the input itself, as a ``padding_mode`` of torch names them."""
    place = PLACES[mode]
    inner = source.shape[2:]

    def at(batch: int, c: int, *position: int) -> Counted:
        places = (place(at - pad, size) for at, pad, size in zip(position, pads, inner, strict=True))
        return source[batch, c, *places]

    return source.make([*source.shape[:2], *(size + 2 * pad for size, pad in zip(inner, pads, strict=True))], at)


def _mirrored(at: int, size: int) -> int:
    if at < 0:
        return -at
    return at if at < size else 2 * (size - 1) - at


PLACES: dict[str, Place] = {
    "reflect": _mirrored,
    "replicate": lambda at, size: min(max(at, 0), size - 1),
    "circular": lambda at, size: at % size,
}
"""For each padding mode, the element that stands at a position outside of the input."""


def with_bias(sums: Array, bias: Array | None) -> Array:
    """Add one number per channel, the second axis."""
    if bias is None:
        return sums
    with sums.tally.part("bias"):
        return sums.make(sums.shape, lambda *index: sums[index] + bias[index[1:2]])


def _reached(position: Sizes, tap: Sizes, stride: Sizes, dilation: Sizes) -> Index:
    return tuple(at * step + one * far for at, step, one, far in zip(position, stride, tap, dilation, strict=True))
