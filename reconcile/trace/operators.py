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
from reconcile.trace.fusion import fusion_of_operator, laid_out_as_one, mark_gradients
from reconcile.trace.recorder import Recorder
from reconcile.trace.recurrent import inputs_by_weight
from reconcile.trace.results import known_result
from reconcile.trace.tree import Call, Fusion, Value


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
        self._composing = 0
        self._whole_inputs: dict[int, torch.Tensor] = {}
        self._multiplied: set[int] = set()

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the operator, or compose it, and record it."""
        kwargs = kwargs or {}
        if self._whole_inputs and func is _LINEAR:
            self._multiply_whole_input(args)
            if id(args[1]) in self._multiplied:
                output = _result(func, args, kwargs)
                mark_gradients(func, args, output)
                return output
        for tensor in tensors_in(args):
            self._recorder.note_use(tensor)
        given = (*args, *kwargs.values())
        needs = None if self._composing else self._recorder.uses.needs_of(given)
        if self._without_data:
            args, kwargs = _drop_data(func, args, kwargs)
        name = _name(func)
        depth: Depth = self._depth(name)
        named = {} if depth == "nothing" else self._named(func, args, kwargs)
        children: tuple[Call, ...] = ()
        fusion: Fusion = "" if depth == "nothing" else fusion_of_operator(func, args, kwargs)
        origin = Origin.COMPUTED if self._without_data else self._origin(func, args, kwargs)
        try:
            if depth == "parts":
                output, children = self._with_parts(func, args, kwargs)
                output = laid_out_as_one(func, output) if fusion == "always" else output
            else:
                output = _result(func, args, kwargs)
        except Exception:
            self._recorder.can_be_repeated = False  # if the model goes on from here, it might not have raised elsewhere
            raise
        if not self._without_data:
            self._note_reading(func, args, kwargs, origin, output, in_parts=depth == "parts")
        _mark_source(output, name)
        mark_gradients(func, args, output)
        node = None if needs is None else self._recorder.uses.add_operator(needs, given, _written(func, args), output)
        if depth == "parts" and is_composed(func) and not children:
            depth = "nothing"  # all that it consists of is of no interest
        if depth != "nothing":
            described = self._recorder.describe(output)
            self._recorder.add("operator", name, (), named, described, children, fusion=fusion, node=node)
        return output

    def _multiply_whole_input(self, args: tuple[Any, ...]) -> None:
        """Record the product of a recurrent layer's whole input, where torch begins with that of the first token."""
        weight = id(args[1])
        if weight in self._whole_inputs and weight not in self._multiplied:
            whole = self._whole_inputs.pop(weight)
            with self:
                _LINEAR(whole, *args[1:])
            self._whole_inputs[weight] = whole
            self._multiplied.add(weight)

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
        return {name: self._recorder.describe(value) for name, value in _bind(func, args, kwargs)}

    def _with_parts(
        self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Any, tuple[Call, ...]]:
        self._recorder.open()
        self._composing += 1
        if self._without_data:
            self._whole_inputs |= inputs_by_weight(func, args)
        children: tuple[Call, ...] = ()
        try:
            if is_composed(func):
                with self, _without_onednn() if func in _LSTM else nullcontext():
                    # its own parts, where torch also has a version in Python that tools do not meet
                    output = func._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args, **kwargs)
            else:
                output = _result(func, args, kwargs)
        finally:
            self._composing -= 1
            if not self._composing:
                self._whole_inputs.clear()
                self._multiplied.clear()
            children = self._recorder.close()
        return output, children


def _result(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    known = known_result(func, args, kwargs)
    return func(*args, **kwargs) if known is None else known


@cache
def _name(func: torch._ops.OpOverload) -> str:
    return str(func._overloadpacket)


_LINEAR = torch.ops.aten.linear.default

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


def _written(func: torch._ops.OpOverload, args: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the arguments into which the operator writes."""
    for argument, value in zip(func._schema.arguments, args, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield value


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
    if any(tensor.device.type != "meta" for tensor in tensors_in(tuple(_written(func, args)))):
        raise RuntimeError(f"{func} writes unknown values into a tensor that has data")
    return map_tensors(args, dataless_tensor), map_tensors(kwargs, dataless_tensor)
