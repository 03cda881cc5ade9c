"""What a model is called with: shapes and types as written on the command line, and tensors made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import torch

from reconcile.errors import ReconcileError, did_you_mean

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.complex64,
        torch.complex128,
    )
}

MAXIMUM_ELEMENTS = 2**40
_TENSOR = r"\d+(?:x\d+)*(?::\w+)?"
_FORM = re.compile(
    rf"(?:(?P<name>[A-Za-z_]\w*)=)?(?:(?P<tensor>{_TENSOR})|\[\s*(?P<list>{_TENSOR}(?:\s*,\s*{_TENSOR})*)\s*\])"
)
_OUTER_COMMA = re.compile(r",(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class TensorInput:
    """Shape and element type of one input tensor."""

    shape: tuple[int, ...]
    dtype: str = "float32"

    def __str__(self) -> str:
        """Write it as ``--input`` reads it: ``1x3x224x224``, or ``1x128:int64``."""
        text = "x".join(map(str, self.shape))
        return text if self.dtype == "float32" else f"{text}:{self.dtype}"

    @classmethod
    def of(cls, tensor: torch.Tensor) -> TensorInput:
        """Return the shape and type of a tensor."""
        return cls(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))

    def make(self, device: str, generator: torch.Generator | None) -> torch.Tensor:
        """Return a tensor: uniform random numbers in [0, 1) for floating types, zeros for the others."""
        dtype = DTYPES[self.dtype]
        if device == "meta":
            return torch.empty(self.shape, dtype=dtype, device="meta")
        if dtype.is_floating_point:
            return torch.rand(self.shape, generator=generator).to(dtype)
        return torch.zeros(self.shape, dtype=dtype)


Argument: TypeAlias = "TensorInput | tuple[TensorInput, ...]"
"""One input of a model: a tensor, or a list of tensors, as detection models take."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The positional and the keyword inputs of a model."""

    positional: tuple[Argument, ...] = ()
    keyword: tuple[tuple[str, Argument], ...] = ()

    def __str__(self) -> str:
        """Write it as ``--input`` reads it: ``1x3x224x224``, ``1x8:int64,mask=1x8:bool`` or ``[3x800x800]``."""
        return ",".join([*map(_text, self.positional), *(f"{name}={_text(value)}" for name, value in self.keyword)])

    @property
    def tensors(self) -> tuple[TensorInput, ...]:
        """Every tensor, those in lists too, in order."""
        values = (*self.positional, *(value for _, value in self.keyword))
        return tuple(tensor for value in values for tensor in ((value,) if isinstance(value, TensorInput) else value))

    def make(self, device: str = "cpu", seed: int = 0) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the tensors and lists of tensors, positional and by keyword, the same for the same seed."""
        generator = None if device == "meta" else torch.Generator().manual_seed(seed)
        return (
            tuple(_make(value, device, generator) for value in self.positional),
            {name: _make(value, device, generator) for name, value in self.keyword},
        )


def parse_inputs(texts: Sequence[str]) -> InputSpec:
    """Parse ``1x3x224x224``, ``1x128:int64``, ``[3x800x800]`` and ``mask=1x128:bool``; several, or after commas.

    Raises:
        ReconcileError: A text that is not a shape, an axis of length 0, an unknown type, a keyword twice, a
            positional input behind a keyword one.
    """
    positional: list[Argument] = []
    keyword: dict[str, Argument] = {}
    for text in (part for whole in texts for part in _split(whole)):
        match = _FORM.fullmatch(text)
        if match is None:
            raise ReconcileError(f"--input '{text}' is not a shape such as 1x3x224x224 or ids=1x128:int64.")
        listed = match["list"]
        value: Argument = (
            _tensor(match["tensor"], text)
            if listed is None
            else tuple(_tensor(part.strip(), text) for part in listed.split(","))
        )
        name = match["name"]
        if name is None:
            if keyword:
                raise ReconcileError(f"--input '{text}': a positional input cannot follow a keyword one.")
            positional.append(value)
        elif name in keyword:
            raise ReconcileError(f"--input '{text}': the keyword '{name}' is given twice.")
        else:
            keyword[name] = value
    return InputSpec(tuple(positional), tuple(keyword.items()))


def describe_inputs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Describe what a model is called with: tensors as ``--input`` reads them, numbers and texts, others by type."""
    return ",".join([*map(_describe, args), *(f"{name}={_describe(value)}" for name, value in kwargs.items())])


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    return [part.strip() for part in _OUTER_COMMA.split(text)]


def _tensor(text: str, whole: str) -> TensorInput:
    shape_text, _, dtype = text.partition(":")
    dtype = dtype or "float32"
    if dtype not in DTYPES:
        raise ReconcileError(f"--input '{whole}': unknown type '{dtype}'{did_you_mean(dtype, DTYPES)}")
    value = TensorInput(tuple(map(_axis, shape_text.split("x"))), dtype)
    if 0 in value.shape:
        raise ReconcileError(f"--input '{whole}': every axis needs at least one element.")
    if prod(value.shape) > MAXIMUM_ELEMENTS:
        raise ReconcileError(f"--input '{whole}' has more than {MAXIMUM_ELEMENTS} elements.")
    return value


def _text(value: Argument) -> str:
    return str(value) if isinstance(value, TensorInput) else f"[{','.join(map(str, value))}]"


def _make(value: Argument, device: str, generator: torch.Generator | None) -> Any:
    if isinstance(value, TensorInput):
        return value.make(device, generator)
    return [tensor.make(device, generator) for tensor in value]


def _describe(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return str(TensorInput.of(value))
    if isinstance(value, (tuple, list)):
        return "[" + ",".join(map(_describe, value)) + "]"
    if isinstance(value, (int, float, bool, str, type(None))):
        return repr(value)
    return type(value).__name__


def _axis(digits: str) -> int:
    return int(digits) if len(digits) < 15 else MAXIMUM_ELEMENTS + 1
