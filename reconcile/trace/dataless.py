"""A copy of a model that holds no data, so that a trace neither computes nor touches the model it was given."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

META = torch.device("meta")


def dataless_copy(module: nn.Module) -> nn.Module:
    """Return a deep copy of the module with every tensor on the meta device.

    Shared parameters stay shared; hooks, modes and plain attributes are copied; the original is not touched.

    Raises:
        Exception: Whatever ``copy.deepcopy`` raises for a module that cannot be copied.
    """
    with _CopyToMeta():
        return real_copy(module)


def real_copy(module: nn.Module) -> nn.Module:
    """Return a deep copy of the module; attributes that cannot be copied, such as locks, are shared with it.

    Raises:
        Exception: As above.
    """
    try:
        return copy.deepcopy(module)
    except Exception:  # an attribute may refuse with any exception
        attributes = (value for below in module.modules() for name, value in vars(below).items() if name not in _STATE)
        return copy.deepcopy(module, {id(value): value for value in attributes if not _can_be_copied(value)})


_STATE = ("_modules", "_parameters", "_buffers")


def _can_be_copied(value: Any) -> bool:
    try:
        copy.deepcopy(value)
    except Exception:  # as above
        return False
    return True


def dataless_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Return a meta tensor of the same shape, strides and type."""
    if tensor.device == META:
        return tensor
    return tensor.detach().to(META)


def map_tensors(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Apply a function to every tensor of nested tuples, lists and dictionaries; other values are kept as they are."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, change) for item in value))
    if type(value) in (tuple, list):
        return type(value)(map_tensors(item, change) for item in value)
    if isinstance(value, dict):
        changed = copy.copy(value)
        changed.update({key: map_tensors(item, change) for key, item in value.items()})
        return changed
    return value


class _CopyToMeta(TorchFunctionMode):
    """While active, deep-copying a tensor gives a meta tensor: ``Parameter`` clones its data, others are copied."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.Tensor.__deepcopy__:
            tensor, memo = args
            if id(tensor) not in memo:
                memo[id(tensor)] = _without_data(tensor)
            return memo[id(tensor)]
        if func is torch.Tensor.clone:
            return _without_data(args[0])
        return func(*args, **(kwargs or {}))


def _without_data(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]  # lazy
    return tensor.detach().to(META).requires_grad_(tensor.requires_grad)
