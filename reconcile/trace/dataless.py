"""A copy of a model that holds no data, so that a trace neither computes nor touches the model it was given."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from reconcile.trace.closures import rebind_functions

META = torch.device("meta")


def dataless_copy(module: nn.Module) -> nn.Module:
    """Return a deep copy of the module with every tensor on the meta device.

    Shared parameters stay shared; hooks, modes and plain attributes are copied; the original is not touched.

    Raises:
        Exception: Whatever ``copy.deepcopy`` raises for a module that cannot be copied.
    """
    with _CopyToMeta():
        return _copied_module(module)


def real_copy(module: nn.Module) -> nn.Module:
    """Return a deep copy of the module; attributes that cannot be copied, such as locks, are shared with it.

    Raises:
        Exception: As above.
    """
    with _CopyDetached():
        return _copied_module(module)


def copied_inputs(args: Sequence[Any], kwargs: Mapping[str, Any], *, without_data: bool) -> tuple[Any, dict[str, Any]]:
    """Return deep copies of a model's inputs, of whatever types; what cannot be copied is shared, but for tensors."""
    with _CopyToMeta() if without_data else _CopyDetached():
        try:
            return copy.deepcopy((tuple(args), dict(kwargs)))
        except Exception:  # an input may refuse with any exception
            change = _without_data if without_data else _detached
            return map_tensors(tuple(args), change), map_tensors(dict(kwargs), change)


def _copied_module(module: nn.Module) -> nn.Module:
    try:
        copied = copy.deepcopy(module)
    except Exception:  # an attribute may refuse with any exception
        attributes = (value for below in module.modules() for name, value in vars(below).items() if name not in _STATE)
        copied = copy.deepcopy(module, {id(value): value for value in attributes if not _can_be_copied(value)})
    rebind_functions(module, copied)
    return copied


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


class _CopyTensors(TorchFunctionMode):
    """While active, deep-copying a tensor gives what :meth:`copy_of` makes of it, the same for the same tensor."""

    def copy_of(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the copy."""
        raise NotImplementedError

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
                memo[id(tensor)] = self.copy_of(tensor)
            return memo[id(tensor)]
        return func(*args, **(kwargs or {}))


class _CopyToMeta(_CopyTensors):
    """Copies have no data. ``Parameter`` copies itself by cloning its data."""

    def copy_of(self, tensor: torch.Tensor) -> torch.Tensor:
        return _without_data(tensor)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.Tensor.clone:
            return _without_data(args[0])
        return super().__torch_function__(func, types, args, kwargs)


class _CopyDetached(_CopyTensors):
    """Copies have data, and belong to no graph of gradients: torch would refuse to copy tensors that do."""

    def copy_of(self, tensor: torch.Tensor) -> torch.Tensor:
        return _detached(tensor)


def _without_data(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]  # a lazy parameter takes no data
    if tensor.is_inference():
        dataless = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    else:
        dataless = tensor.detach().to(META)
    return dataless.requires_grad_(tensor.requires_grad)


def _detached(tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        return type(tensor)(device=tensor.device, dtype=tensor.dtype)  # type: ignore[call-arg]  # a lazy parameter takes no data
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)
