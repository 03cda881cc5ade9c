"""Inputs for which a number may have been counted: as stated, or one that is widely used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reconcile.zoo import InputSpec, TensorInput

IMAGE_SIZES = (
    224, 256, 299, 384, 320, 288, 240, 260, 300, 227, 512, 192, 160, 128, 448, 380, 456, 528, 600, 640, 480, 96, 331,
    416, 608, 800, 520, 1024, 336, 518, 560, 112, 144, 176, 208, 231, 352, 400, 576, 720, 768, 896,
)  # fmt: skip  # a list of numbers
FRAMES = (16, 8, 32, 64, 4, 13, 12, 24)
CROPS = (224, 112, 256, 312, 160, 182, 172, 128)
"""What models of images and of videos are reported for, what is usual first."""

LARGEST_SIZE = 8192
"""Of an axis: a model whose control flow reads values needs memory for its input."""


@dataclass(frozen=True)
class Stated:
    """The inputs that a text may stand for, the first first; none where it says nothing that is understood."""

    inputs: tuple[InputSpec, ...]
    is_understood: bool = True


def stated_inputs(text: str, default: InputSpec) -> Stated:
    """Read an input as printed: ``224``, ``224x224``, ``224/227``, ``227?``, ``16x224x224``, ``1x3x224x224``.

    One number is the height and the width, three are frames, height and width of a video, or the channels before them.
    """
    if not text:
        return Stated((default,))
    found = []
    for part in re.split(r"\s*(?:/|,|;|\bor\b)\s*", text):
        match = re.fullmatch(r"(\d{1,5}(?:\s*[x×*]\s*\d{1,5}){0,4})\s*(?:px|pixels)?\s*(?:\^2|²)?\s*\??", part.strip())
        if match is None:
            return Stated((default,), is_understood=False)
        sizes = tuple(map(int, re.split(r"\s*[x×*]\s*", match[1])))
        changed = _with_sizes(default, sizes) if min(sizes) > 0 and max(sizes) <= LARGEST_SIZE else None
        if changed is None:
            return Stated((default,), is_understood=False)
        found.append(changed)
    return Stated(tuple(dict.fromkeys(found)))


def other_inputs(default: InputSpec) -> Iterator[tuple[InputSpec, float]]:
    """Yield other inputs of images and videos, each with its elements as a share of the default's."""
    shape = _image(default)
    if shape is None:
        return
    elements = _positions(shape)
    for sizes in _of_videos() if len(shape) == 5 else ((size, size) for size in IMAGE_SIZES):
        changed = _with_sizes(default, sizes)
        if changed is not None and changed != default:
            yield changed, _positions(_image(changed) or shape) / elements


def is_video(default: InputSpec) -> bool:
    """Whether the model takes a video: samples, channels, frames, height, width."""
    shape = _image(default)
    return shape is not None and len(shape) == 5


def _of_videos() -> Iterator[tuple[int, int, int]]:
    return ((frames, crop, crop) for frames in FRAMES for crop in CROPS)


def _positions(shape: Sequence[int]) -> int:
    frames = shape[-3] if len(shape) == 5 else 1
    return frames * shape[-2] * shape[-1]


def _image(inputs: InputSpec) -> tuple[int, ...] | None:
    """The shape of the one floating tensor that is an image or a video."""
    shapes = [tensor.shape for tensor in inputs.tensors if "float" in tensor.dtype and 3 <= len(tensor.shape) <= 5]
    return shapes[0] if shapes and len(set(shapes)) == 1 else None


def _with_sizes(inputs: InputSpec, sizes: tuple[int, ...]) -> InputSpec | None:
    """The inputs with other sizes; None where they are not of a kind that has them."""
    shape = _image(inputs)
    if shape is None:
        return None
    axes = len(shape)
    if len(sizes) == axes:
        changed = sizes
    elif len(sizes) == 1:
        changed = (*shape[:-2], sizes[0], sizes[0])
    elif len(sizes) == 2:
        changed = (*shape[:-2], *sizes)
    elif len(sizes) == 3 and axes == 5:
        changed = (*shape[:-3], *sizes)
    elif len(sizes) == axes - 1 and sizes[0] == shape[1]:
        changed = (shape[0], *sizes)
    else:
        return None
    return InputSpec(
        tuple(_changed(value, shape, changed) for value in inputs.positional),
        tuple((name, _changed(value, shape, changed)) for name, value in inputs.keyword),
    )


def _changed(
    value: TensorInput | tuple[TensorInput, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> TensorInput | tuple[TensorInput, ...]:
    if isinstance(value, TensorInput):
        return replace(value, shape=after) if value.shape == before else value
    return tuple(replace(item, shape=after) if item.shape == before else item for item in value)
