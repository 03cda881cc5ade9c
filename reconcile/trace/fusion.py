"""What a CPU, where the tools are measured, runs as one operator, so that nobody sees what it consists of.

A trace always holds the parts. torch decides by shapes, strides, settings, and by whether gradients are needed, which
a trace does not compute: what depends on trained parameters is marked on the way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.nn.utils.stateless import _reparametrize_module
from torch.utils._python_dispatch import _disable_current_modes

from reconcile.execution import tensors_in
from reconcile.trace.dataless import map_tensors
from reconcile.trace.tree import Fusion


def fusion_of_operator(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Fusion:
    """Return whether a CPU runs a composed operator as one."""
    decide = _OPERATORS.get(func)
    return "" if decide is None else decide(args, kwargs)


def laid_out_as_one(func: torch._ops.OpOverload, output: Any) -> Any:
    """Return what a composed operator returned with the strides that it has where it runs as one.

    Fused attention puts out tokens before heads: what follows may be dispatched otherwise for it.
    """
    if func is torch.ops.aten.scaled_dot_product_attention.default and output.ndim == 4:
        return output.transpose(1, 2).contiguous().transpose(1, 2)
    return output


def fusion_of_module(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Fusion:
    """Return whether a CPU runs a module as one operator: torch's attention layers, where no gradients are needed.

    Their own forward method decides. It runs on memory that nobody reads until it calls either that operator or the
    first of its parts.
    """
    if type(module).forward not in _LAYERS or module.training:
        return ""
    on_cpu = cache(_on_cpu)  # the same tensor for the same one: self-attention is told by that
    try:
        with _undisturbed(module):
            state = {name: _on_cpu(tensor) for name, tensor in (*module.named_parameters(), *module.named_buffers())}
            with _reparametrize_module(module, state):
                given, named = map_tensors(args, on_cpu), map_tensors(dict(kwargs), on_cpu)
                _LAYERS[type(module).forward](module, *given, **named)
    except _OneOperatorError:
        return "without-gradients"
    except Exception:  # of its parts, or of arguments that it does not take: the run itself will show that again
        return ""
    return ""


def mark_gradients(func: torch._ops.OpOverload, args: tuple[Any, ...], output: Any) -> None:
    """Mark what an operator returns if it depends on parameters that are trained."""
    if func is not torch.ops.aten.detach.default and any(map(_needs_gradients, tensors_in(args))):
        for tensor in tensors_in((output,)):
            if tensor.is_floating_point() or tensor.is_complex():
                tensor._reconcile_trained = True  # type: ignore[attr-defined]  # the tensor is the tracer's own


def _needs_gradients(tensor: torch.Tensor) -> bool:
    return tensor.requires_grad or getattr(tensor, "_reconcile_trained", False)


def _on_cpu(tensor: torch.Tensor) -> torch.Tensor:
    """Memory that is never touched stands in for a tensor without data."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)


def _on_cpu_with_gradients(tensor: torch.Tensor) -> torch.Tensor:
    return _on_cpu(tensor).requires_grad_(_needs_gradients(tensor))


def _fusion_of_attention(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Fusion:
    if not torch._fused_sdp_choice(*map_tensors(args, _on_cpu), **map_tensors(dict(kwargs), _on_cpu)):
        return ""
    with torch.inference_mode(False), torch.enable_grad():
        given = map_tensors((args, dict(kwargs)), _on_cpu_with_gradients)
        return "always" if torch._fused_sdp_choice(*given[0], **given[1]) else "without-gradients"


def _fusion_of_lstm(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Fusion:  # noqa: ARG001  # one signature for all
    """oneDNN's layer takes single precision, without projections."""
    weights = args[2]
    gates, recurrent = weights[1].shape
    fits = torch.backends.mkldnn.is_available() and args[0].dtype == torch.float32 and gates == 4 * recurrent
    return "always" if fits else ""


_OPERATORS: dict[torch._ops.OpOverload, Callable[[tuple[Any, ...], Mapping[str, Any]], Fusion]] = {
    torch.ops.aten.scaled_dot_product_attention.default: _fusion_of_attention,
    torch.ops.aten.lstm.input: _fusion_of_lstm,
}

_LAYERS: dict[Any, Callable[..., Any]] = {
    layer.forward: layer.forward for layer in (nn.MultiheadAttention, nn.TransformerEncoderLayer)
}


class _OneOperatorError(Exception):
    """The layer runs as one operator."""


class _PartsError(Exception):
    """The layer runs in parts."""


@contextmanager
def _undisturbed(module: nn.Module) -> Iterator[None]:
    """Let a layer decide as if nobody traced it, and stop it then."""

    def one(*_: object, **__: object) -> None:
        raise _OneOperatorError

    def parts(*_: object, **__: object) -> None:
        raise _PartsError

    enabled = torch.backends.mha.get_fastpath_enabled()
    with (
        torch._C.DisableTorchFunction(),
        _disable_current_modes(),
        _without_hooks_of_the_tracer(module),
        patch.object(torch, "_native_multi_head_attention", one),
        patch.object(torch, "_transformer_encoder_layer_fwd", one),
        patch.object(nn.functional, "multi_head_attention_forward", parts),
    ):
        torch.backends.mha.set_fastpath_enabled(True)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(enabled)


@contextmanager
def _without_hooks_of_the_tracer(module: nn.Module) -> Iterator[None]:
    """A layer with hooks never runs as one operator: those of the model count, those of the tracer do not."""
    kept = [(below, name, getattr(below, name)) for below in module.modules() for name in _HOOKS]
    try:
        for below, name, hooks in kept:
            own = ((key, hook) for key, hook in hooks.items() if hook.__module__ != _TRACER)
            setattr(below, name, OrderedDict(own))
        yield
    finally:
        for below, name, hooks in kept:
            setattr(below, name, hooks)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_TRACER = "reconcile.trace.recorder"
