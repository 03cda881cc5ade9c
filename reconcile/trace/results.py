"""Results of operators that are known from shapes, so that the operator need not run.

On tensors without data, torch runs these as dozens of Python functions, which would take most of the time of a count.
Where a call may raise, or its result be laid out otherwise, nothing is known, and the operator runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from reconcile.trace.dataless import META

Result = torch.Tensor | tuple[torch.Tensor, ...]


def known_result(func: torch._ops.OpOverload, args: Sequence[Any]) -> Result | None:
    """Return tensors without data as the operator would return them for these, or None where that is not known."""
    result = _RESULTS.get(func)
    if result is None or not _fit_together([value for value in args if isinstance(value, torch.Tensor)]):
        return None
    return result(*args)


def _fit_together(tensors: Sequence[torch.Tensor]) -> bool:
    """Whether none of the tensors has data, and all are of one floating type."""
    (dtype, *others) = {tensor.dtype for tensor in tensors}
    return not others and dtype.is_floating_point and all(tensor.device == META for tensor in tensors)


def _batch_norm(
    given: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    training: bool,
    *_: object,
) -> torch.Tensor | None:
    per_channel = (weight, bias, running_mean, running_var)
    fits = all(tensor is None or tensor.shape == given.shape[1:2] for tensor in per_channel)
    fits = fits and (training or (running_mean is not None and running_var is not None))
    fits = fits and given.ndim > 1 and _is_dense(given)
    return torch.empty_like(given) if fits else None


def _native_batch_norm(given: torch.Tensor, *others: Any) -> tuple[torch.Tensor, ...] | None:
    normalized = _batch_norm(given, *others)
    if normalized is None:
        return None
    statistics = given.shape[1:2]
    return normalized, given.new_empty(statistics), given.new_empty(statistics)


def _is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements lie in the order of the axes, or of the axes with channels last."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(tensor.ndim, torch.contiguous_format)
    return tensor.is_contiguous() or tensor.is_contiguous(memory_format=last)


def _layer_norm(
    given: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    *_: object,
) -> torch.Tensor | None:
    shape = torch.Size(normalized_shape)
    fits = len(shape) > 0 and given.shape[-len(shape) :] == shape
    fits = fits and all(tensor is None or tensor.shape == shape for tensor in (weight, bias))
    return torch.empty_like(given, memory_format=torch.contiguous_format) if fits else None


def _linear(
    given: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
) -> torch.Tensor | None:
    fits = weight.ndim == 2 and given.ndim > 0 and given.shape[-1] == weight.shape[1]
    fits = fits and (bias is None or bias.shape == weight.shape[:1])
    return given.new_empty((*given.shape[:-1], weight.shape[0])) if fits else None


_RESULTS: dict[torch._ops.OpOverload, Callable[..., Result | None]] = {
    torch.ops.aten.batch_norm.default: _batch_norm,
    torch.ops.aten.layer_norm.default: _layer_norm,
    torch.ops.aten.linear.default: _linear,
    torch.ops.aten.native_batch_norm.default: _native_batch_norm,
}
