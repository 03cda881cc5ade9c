"""What a model is called with: shapes and types as written on the command line, and tensors made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
_FORM = re.compile(r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<shape>\d+(?:x\d+)*)(?::(?P<dtype>\w+))?")


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


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The positional and the keyword inputs of a model."""

    positional: tuple[TensorInput, ...] = ()
    keyword: tuple[tuple[str, TensorInput], ...] = ()

    def __str__(self) -> str:
        """Write it as ``--input`` reads it: ``1x3x224x224`` or ``1x8:int64,mask=1x8:bool``."""
        return ",".join([*map(str, self.positional), *(f"{name}={value}" for name, value in self.keyword)])

    def make(self, device: str = "cpu", seed: int = 0) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
        """Return the tensors, positional and by keyword, the same for the same seed."""
        generator = None if device == "meta" else torch.Generator().manual_seed(seed)
        return (
            tuple(value.make(device, generator) for value in self.positional),
            {name: value.make(device, generator) for name, value in self.keyword},
        )


def parse_inputs(texts: Sequence[str]) -> InputSpec:
    """Parse ``1x3x224x224``, ``1x128:int64`` and ``mask=1x128:bool``; several, each on its own or after commas.

    Raises:
        ReconcileError: A text that is not a shape, an axis of length 0, an unknown type, a keyword twice, a
            positional input behind a keyword one.
    """
    positional: list[TensorInput] = []
    keyword: dict[str, TensorInput] = {}
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        match = _FORM.fullmatch(text)
        if match is None:
            raise ReconcileError(f"--input '{text}' is not a shape such as 1x3x224x224 or ids=1x128:int64.")
        dtype = match["dtype"] or "float32"
        if dtype not in DTYPES:
            raise ReconcileError(f"--input '{text}': unknown type '{dtype}'{did_you_mean(dtype, DTYPES)}")
        value = TensorInput(tuple(map(_axis, match["shape"].split("x"))), dtype)
        if 0 in value.shape:
            raise ReconcileError(f"--input '{text}': every axis needs at least one element.")
        if _elements(value.shape) > MAXIMUM_ELEMENTS:
            raise ReconcileError(f"--input '{text}' has more than {MAXIMUM_ELEMENTS} elements.")
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
    """Describe the tensors that a model is called with, in the form of ``--input``; other values by their type."""
    return ",".join([*map(_describe, args), *(f"{name}={_describe(value)}" for name, value in kwargs.items())])


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


def _elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
