"""Building a library's model without the random numbers that its builder draws, and without data at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any, Literal, TypeAlias

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from reconcile.errors import ModelError, describe_exception
from reconcile.zoo.inputs import InputSpec

Initialization = Literal["random", "zeros", "unwritten"]
"""What a model's parameters are: as its builder makes them, zeros, or memory as it comes, for runs that do not compute.

Arithmetic on memory as it comes is slow where that holds subnormal numbers: it takes zeros.
"""

Device: TypeAlias = Literal["cpu", "meta"]
"""Where a model is built: in memory, or nowhere, with shapes and types alone."""


def construct(
    called: str,
    builder: Callable[[], nn.Module],
    inputs: InputSpec,
    device: Device,
    parameters: Initialization,
    initializers: Sequence[ModuleType] = (),
) -> nn.Module:
    """Return what ``builder`` builds on the device, with parameters of the inputs' floating type.

    ``parameters`` says what they are filled with. ``initializers`` are modules of functions that initialize a tensor in
    place, beside ``torch.nn.init``. ``called`` is the model's name with its arguments.

    Raises:
        ModelError: The builder raised, or its model cannot be on this device.
    """
    try:
        with (
            _ONE_AT_A_TIME,
            nullcontext() if parameters == "random" else _idle((nn.init, *initializers), parameters),
        ):
            module = _without_data(builder) if device == "meta" else builder()
        types = dict.fromkeys(getattr(torch, tensor.dtype) for tensor in inputs.tensors)
        floating = [dtype for dtype in types if dtype.is_floating_point]
        if floating and floating != [torch.float32]:
            module = module.to(floating[0])
        return module.to("meta") if device == "meta" else module
    except Exception as error:
        raise ModelError(f"{called} cannot be built for input {inputs} ({describe_exception(error)}).") from error


_ONE_AT_A_TIME = RLock()
"""Building replaces functions of modules, which are those of the whole process: threads take turns."""


def _without_data(builder: Callable[[], nn.Module]) -> nn.Module:
    """Build without data; a builder that computes with what it fills, too, needs data, and has it for a moment."""
    try:
        with _WithoutData():
            return builder()
    except Exception:
        return builder()


class _WithoutData(TorchFunctionMode):
    """While active, tensors that are made to be filled hold no data; those that are computed stay real.

    A model may compute with small tensors while it is built (widths, indices), and read their values.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLED and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)


_FILLED = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn}


@contextmanager
def _idle(modules: Sequence[ModuleType], parameters: Initialization) -> Iterator[None]:
    """Let initializers fill with zeros or not at all: counts depend on no values, and random numbers take time.

    Initializers are what has a name such as ``normal_``. Private ones are among them: a layer that has imported a
    function by its name still calls what that function is made of.
    """

    def fill(tensor: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        with torch.no_grad():
            return tensor if parameters == "unwritten" or tensor.device.type == "meta" else tensor.zero_()

    originals = [
        (module, name, value)
        for module in modules
        for name, value in vars(module).items()
        if name.endswith("_") and isinstance(value, FunctionType)
    ]
    try:
        for module, name, _ in originals:
            setattr(module, name, fill)
        yield
    finally:
        for module, name, value in originals:
            setattr(module, name, value)
