"""Results of operators that are known from shapes, so that the operator need not run as torch runs it without data.

There, torch runs some as dozens of Python functions, which would take most of the time of a count, and lays out some
results otherwise than a CPU. Where a call may raise, or its result be laid out otherwise, nothing is known, and the
operator runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from reconcile.execution import is_told, kernel_result, normalized_batch
from reconcile.trace.dataless import META


def known_result(func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return tensors without data as the operator would return them for these, or None where that is not known."""
    result = _COMPOSED.get(func)
    if result is None and not is_told(func):
        return None
    if not _are_dataless([value for value in args if isinstance(value, torch.Tensor)]):
        return None
    return kernel_result(func, args, kwargs) if result is None or kwargs else result(*args)


def _are_dataless(tensors: Sequence[torch.Tensor]) -> bool:
    """Whether none of the tensors has data, and all are of one floating type."""
    dtypes = {tensor.dtype for tensor in tensors}
    return len(dtypes) == 1 and dtypes.pop().is_floating_point and all(tensor.device == META for tensor in tensors)


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


_COMPOSED: dict[torch._ops.OpOverload, Callable[..., torch.Tensor | None]] = {
    torch.ops.aten.batch_norm.default: normalized_batch,
    torch.ops.aten.layer_norm.default: _layer_norm,
    torch.ops.aten.linear.default: _linear,
}
