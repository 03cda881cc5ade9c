"""Results of operators that are known from shapes, so that the operator need not run.

Without data, torch runs these as dozens of Python functions, which would take most of the time of a count. Where a
call may raise, nothing is known, and the operator runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch


def known_result(func: torch._ops.OpOverload, args: Sequence[Any]) -> torch.Tensor | None:
    """Return a tensor without data as the operator would return it for these, or None where that is not known."""
    result = _RESULTS.get(func)
    return None if result is None else result(*args)


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
    return torch.empty_like(given) if fits else None


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
    fits = fits and all(tensor is None or tensor.dtype == given.dtype for tensor in (weight, bias))
    return given.new_empty((*given.shape[:-1], weight.shape[0])) if fits else None


_RESULTS: dict[torch._ops.OpOverload, Callable[..., torch.Tensor | None]] = {
    torch.ops.aten.batch_norm.default: _batch_norm,
    torch.ops.aten.layer_norm.default: _layer_norm,
    torch.ops.aten.linear.default: _linear,
}
