"""What the CPU's kernels return, where torch's shape functions lay it out otherwise or take many times as long.

What follows may be dispatched otherwise for a layout: a linear layer on a tensor with gaps adds its bias as an operator
of its own, and tools that watch operators count that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch._prims_common import suggest_memory_format

Result = torch.Tensor | tuple[torch.Tensor, ...]


def is_told(func: torch._ops.OpOverload) -> bool:
    """Whether `kernel_result` may know what an operator returns."""
    return func in _RESULTS or func in _FORMATS


def kernel_result(func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Result | None:
    """Return tensors of the shapes and layouts that the CPU's kernel returns, on the device of those that it is given.

    None where torch's own shape function tells that well, or has to say what is wrong with the arguments.
    """
    if not kwargs and func in _RESULTS and _are_of_one_type(args):
        return _RESULTS[func](*args)
    memory_format = _FORMATS[func](args) if func in _FORMATS else None
    return None if memory_format is None else _laid_out(func(*args, **kwargs), memory_format)


def normalized_batch(
    given: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    training: bool,
    *_: object,
) -> torch.Tensor | None:
    """Return what batch normalization makes of a batch, or None where it refuses.

    Source: ``batch_norm_cpu`` in aten/src/ATen/native/Normalization.cpp.
    """
    per_channel = (weight, bias, running_mean, running_var)
    fits = given.ndim > 1 and all(tensor is None or tensor.shape == given.shape[1:2] for tensor in per_channel)
    fits = fits and (training or (running_mean is not None and running_var is not None))
    return torch.empty_like(given, memory_format=suggest_memory_format(given)) if fits else None


def _native_batch_norm(given: torch.Tensor, *others: Any) -> Result | None:
    normalized = normalized_batch(given, *others)
    if normalized is None:
        return None
    training = others[4]
    channels = given.shape[1] if training else 0
    return normalized, given.new_empty(channels), given.new_empty(channels)


def _native_group_norm(
    given: torch.Tensor,
    weight: torch.Tensor | None,  # noqa: ARG001  # as the operator's
    bias: torch.Tensor | None,  # noqa: ARG001  # as the operator's
    samples: int,
    channels: int,  # noqa: ARG001  # as the operator's
    positions: int,  # noqa: ARG001  # as the operator's
    groups: int,
    *_: object,
) -> Result:
    """Source: ``native_group_norm`` in aten/src/ATen/native/group_norm.cpp."""
    normalized = torch.empty_like(given, memory_format=suggest_memory_format(given))
    return normalized, given.new_empty((samples, groups)), given.new_empty((samples, groups))


def _as_given(args: Sequence[Any]) -> torch.memory_format:
    """Channels last if the first argument is, else first."""
    return suggest_memory_format(args[0])


def _channels_first(args: Sequence[Any]) -> torch.memory_format:  # noqa: ARG001  # whatever it is given
    return torch.contiguous_format


def _as_convolved(args: Sequence[Any]) -> torch.memory_format | None:
    """Source: ``mkldnn_conv_use_channels_last`` in aten/src/ATen/native/ConvUtils.h."""
    given, weight = args[:2]
    layouts = {suggest_memory_format(given), suggest_memory_format(weight)} - {torch.contiguous_format}
    if given.ndim not in (4, 5) or given.dtype == torch.float64 or not layouts:
        return None
    return layouts.pop()


def _laid_out(result: Result, memory_format: torch.memory_format) -> Result:
    """The result with its first tensor laid out as told."""
    if isinstance(result, torch.Tensor):
        return torch.empty_like(result, memory_format=memory_format)
    return torch.empty_like(result[0], memory_format=memory_format), *result[1:]


def _are_of_one_type(args: Sequence[Any]) -> bool:
    dtypes = {value.dtype for value in args if isinstance(value, torch.Tensor)}
    return len(dtypes) == 1 and dtypes.pop().is_floating_point


_aten = torch.ops.aten

_RESULTS: dict[torch._ops.OpOverload, Callable[..., Result | None]] = {
    _aten.native_batch_norm.default: _native_batch_norm,
    _aten.native_group_norm.default: _native_group_norm,
}

_FORMATS: dict[torch._ops.OpOverload, Callable[[Sequence[Any]], torch.memory_format | None]] = {
    _aten.channel_shuffle.default: _as_given,
    _aten.convolution.default: _as_convolved,
    _aten.reflection_pad2d.default: _as_given,
    _aten.reflection_pad3d.default: _as_given,
    _aten.replication_pad2d.default: _as_given,
    _aten.replication_pad3d.default: _as_given,
    _aten.roll.default: _as_given,
    _aten.rrelu_with_noise.default: _channels_first,
}
