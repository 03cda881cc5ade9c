"""Recording operators as torch dispatches them, composed ones with the operators that they consist of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reconcile.execution import (
    Origin,
    ValuesNeededError,
    is_composed,
    mark,
    origin_of,
    reading_of,
    tensors_in,
    written_by,
)
from reconcile.trace.dataless import META, dataless_tensor, map_tensors
from reconcile.trace.detail import Depth
from reconcile.trace.recorder import Recorder
from reconcile.trace.results import known_result
from reconcile.trace.tree import Call, Value


class OperatorMode(TorchDispatchMode):
    """Records operators; composed ones with the operators that they consist of.

    Without data, tensors that the model makes while it runs may be real (``torch.arange(n)``, constants): they stay
    so among themselves, and lose their data where they meet a tensor that has none.
    """

    def __init__(self, recorder: Recorder, depth: Callable[[str], Depth], without_data: bool) -> None:
        """Record into ``recorder`` while the mode is active; ``without_data`` says what the model is given."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives this initializer no types
        self._recorder = recorder
        self._depth = cache(depth)
        self._without_data = without_data

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the operator, or compose it, and record it."""
        kwargs = kwargs or {}
        for tensor in tensors_in(args):
            self._recorder.note_use(tensor)
        if self._without_data:
            args, kwargs = _drop_data(func, args, kwargs)
        name = _name(func)
        depth: Depth = self._depth(name)
        named = {} if depth == "nothing" else self._named(func, args, kwargs)
        children: tuple[Call, ...] = ()
        origin = Origin.COMPUTED if self._without_data else self._origin(func, args, kwargs)
        try:
            if depth == "parts":
                output, children = self._with_parts(func, args, kwargs)
            else:
                output = _result(func, args, kwargs)
        except Exception:
            self._recorder.can_be_repeated = False  # if the model goes on from here, it might not have raised elsewhere
            raise
        if not self._without_data:
            self._note_reading(func, args, kwargs, origin, output, in_parts=depth == "parts")
        _mark_source(output, name)
        if depth == "parts" and is_composed(func) and not children:
            depth = "nothing"  # all that it consists of is of no interest
        if depth != "nothing":
            self._recorder.add("operator", name, (), named, self._recorder.describe(output), children)
        return output

    def _origin(self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Origin:
        return origin_of(func, args, kwargs, list(tensors_in((*args, *kwargs.values()))))

    def _note_reading(
        self,
        func: torch._ops.OpOverload,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        origin: Origin,
        output: Any,
        *,
        in_parts: bool,
    ) -> None:
        """Keep what the operator read, if its values are not to be had without the model's arithmetic."""
        if is_composed(func):
            self._recorder.can_be_repeated &= in_parts  # else what its parts read was not seen
            return
        if torch.Tag.inplace_view in func.tags:
            return
        mark(written_by(func, args, kwargs, output), origin)
        try:
            reading = reading_of(func, args, kwargs, origin, output)
        except ValuesNeededError:
            self._recorder.can_be_repeated = False
            return
        if reading is not None:
            self._recorder.readings.append(reading)

    def _named(self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
        """Describe the arguments, before the operator changes them in place."""
        named = {name: self._recorder.describe(value) for name, value in _bind(func, args, kwargs)}
        if func in _FUSED_ON_CPU:
            named["fused"] = _FUSED_ON_CPU[func](args, kwargs)
        return named

    def _with_parts(
        self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Any, tuple[Call, ...]]:
        self._recorder.open()
        children: tuple[Call, ...] = ()
        try:
            if is_composed(func):
                with self, _without_onednn() if func in _LSTM else nullcontext():
                    output = func.decompose(*args, **kwargs)
            else:
                output = _result(func, args, kwargs)
        finally:
            children = self._recorder.close()
        return output, children


def _result(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    known = None if kwargs else known_result(func, args)
    return func(*args, **kwargs) if known is None else known


@cache
def _name(func: torch._ops.OpOverload) -> str:
    return str(func._overloadpacket)


_LSTM = (torch.ops.aten.lstm.input, torch.ops.aten.lstm.data)


@contextmanager
def _without_onednn() -> Iterator[None]:
    """Keep oneDNN from running an LSTM as one operator, which would hide what it is composed of.

    Only for an LSTM: elsewhere its results may differ in the last bit, and control flow may depend on that.
    """
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(enabled)


def _attention_is_fused(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """torch decides by shapes and strides; memory that is never touched stands in for tensors without data."""

    def on_cpu(tensor: torch.Tensor) -> torch.Tensor:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)

    return bool(torch._fused_sdp_choice(*map_tensors(args, on_cpu), **map_tensors(dict(kwargs), on_cpu)))


def _lstm_is_fused(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:  # noqa: ARG001  # one signature for all
    """oneDNN's layer takes single precision, without projections."""
    weights = args[2]
    gates, recurrent = weights[1].shape
    return bool(torch.backends.mkldnn.is_available()) and args[0].dtype == torch.float32 and gates == 4 * recurrent


_FUSED_ON_CPU: dict[torch._ops.OpOverload, Callable[[tuple[Any, ...], Mapping[str, Any]], bool]] = {
    torch.ops.aten.scaled_dot_product_attention.default: _attention_is_fused,
    torch.ops.aten.lstm.input: _lstm_is_fused,
}
"""Composed operators that a CPU, where the tools are measured, may run as one; recorded as the argument ``fused``."""


def _mark_source(output: Any, name: str) -> None:
    for value in output if isinstance(output, (tuple, list)) else (output,):
        if isinstance(value, torch.Tensor):
            value._reconcile_source = name  # type: ignore[attr-defined]  # the tensor is the tracer's own


def _bind(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the operator's arguments by their schema's names, defaults where none is given."""
    for position, (name, default) in enumerate(_schema(func)):
        if position < len(args):
            yield name, args[position]
        else:
            yield name, kwargs.get(name, default)


@cache
def _schema(func: torch._ops.OpOverload) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (argument.name, argument.default_value if argument.has_default_value() else None)
        for argument in func._schema.arguments
    )


def _drop_data(
    func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Where tensors with and without data meet, take the data from those that have it.

    Raises:
        RuntimeError: The operator would write values that nobody knows into a tensor that has data.
    """
    devices = {tensor.device.type for tensor in tensors_in((*args, *kwargs.values()))}
    if "meta" not in devices:
        return args, kwargs
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": META}
    if devices == {"meta"}:
        return args, kwargs
    written = [argument.alias_info is not None and argument.alias_info.is_write for argument in func._schema.arguments]
    for writes, value in zip(written, args, strict=False):
        if writes and any(tensor.device.type != "meta" for tensor in tensors_in((value,))):
            raise RuntimeError(f"{func} writes unknown values into a tensor that has data")
    return map_tensors(args, dataless_tensor), map_tensors(kwargs, dataless_tensor)
