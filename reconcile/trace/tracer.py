"""One execution of a model, recorded as a tree of module calls, function calls and operators.

The model runs once on a copy without data (:mod:`reconcile.trace.dataless`). Where control flow needs values, it runs
once more on a real copy. Under ``inference_mode`` torch hands its composed operators (``aten.linear``,
``aten.matmul``, ``aten.scaled_dot_product_attention``) to a dispatch mode whole, and the mode composes them itself,
so the tree holds the documented operation and the operators that it consists of.
"""

from __future__ import annotations

import dataclasses
import dis
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._python_dispatch import TorchDispatchMode

from reconcile.errors import ModelError, describe_exception
from reconcile.trace.dataless import META, dataless_copy, dataless_tensor, map_tensors, real_copy
from reconcile.trace.modules import describe_modules, describe_parameters, type_name
from reconcile.trace.tree import ROOT, Call, TensorSpec, Trace, Value
from reconcile.zoo import BuiltModel, Mode, ModelSpec, build, check_mode


def trace(
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    mode: Mode = "eval",
    *,
    may_compute: bool = True,
) -> Trace:
    """Run the module once on ``args`` and ``kwargs`` and return what ran.

    The module, its inputs and torch's random state are left as they were found, also when it raises. Where it cannot
    run without data, it runs on real tensors if ``may_compute`` says so.

    Raises:
        ModelError: The model raised, or it cannot be copied.
    """
    check_mode(mode)
    has_data = all(tensor.device != META for tensor in (*module.parameters(), *module.buffers()))
    attempts: list[_Attempt] = [_Attempt("meta", torch.inference_mode)]
    if may_compute and has_data:
        # Under no_grad torch composes its operators by itself, so the tree is less deep; some models need gradients.
        attempts += [_Attempt("real", torch.inference_mode), _Attempt("real", torch.no_grad)]
    failure: BaseException | None = None
    for attempt in attempts:
        try:
            with torch.random.fork_rng(devices=[]):
                copied = dataless_copy(module) if attempt.execution == "meta" else real_copy(module)
                return _run(copied, args, kwargs or {}, mode, attempt)
        except (Exception, SystemExit) as error:
            failure = error
    assert failure is not None
    raise ModelError(f"the model raised while it ran ({describe_exception(failure)}).") from failure


def trace_spec(spec: ModelSpec, seed: int = 0) -> tuple[Trace, str]:
    """Build a model by its name and trace it; return the trace and the inputs in words.

    Raises:
        ReconcileError: As :func:`reconcile.zoo.build`.
        ModelError: The model raised; the message names it and its input.
    """
    if spec.is_own:
        return _trace_built(spec, build(spec, seed=seed))
    for device in ("meta", "cpu"):  # some cannot be built without data, though they run without
        try:
            return _trace_built(spec, build(spec, device, seed), may_compute=False)
        except ModelError:
            continue
    return _trace_built(spec, build(spec, seed=seed, initialize=True))


def _trace_built(spec: ModelSpec, built: BuiltModel, *, may_compute: bool = True) -> tuple[Trace, str]:
    try:
        return trace(built.module, built.args, built.kwargs, spec.mode, may_compute=may_compute), built.inputs
    except ModelError as error:
        raise ModelError(f"{spec.name}, input {built.inputs}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Attempt:
    """On which tensors to run, and under which of torch's gradient modes."""

    execution: Literal["meta", "real"]
    gradient_mode: Callable[[], AbstractContextManager[Any]]


def _run(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], mode: Mode, attempt: _Attempt) -> Trace:
    """Run a copy that belongs to the tracer."""
    module.train(mode == "train")
    without_data = attempt.execution == "meta"
    change = dataless_tensor if without_data else _own_tensor
    args, kwargs = map_tensors(tuple(args), change), map_tensors(dict(kwargs), change)
    recorder = _Recorder(module)
    with (
        attempt.gradient_mode(),
        _without_onednn(),
        recorder.watching(),
        _Operators(recorder, without_data),
        _Functions(recorder),
    ):
        module(*args, **kwargs)
    parameters = describe_parameters(module)  # after the run: lazy modules have found their shapes by now
    return Trace(
        root=recorder.root,
        modules=describe_modules(module),
        parameters=parameters,
        inputs=recorder.root.inputs,
        named_inputs=recorder.root.named,
        execution=attempt.execution,
        mode=mode,
        calls=dict(recorder.calls),
    )


@contextmanager
def _without_onednn() -> Iterator[None]:
    """Keep oneDNN from running an LSTM as one operator, which would hide what it is composed of."""
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(enabled)


def _own_tensor(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


class _Recorder:
    """Collects calls while the model runs; a stack of lists, one for each call that is under way."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._paths = {below: path for path, below in module.named_modules()}
        self._parameters = {id(parameter): name for name, parameter in module.named_parameters()}
        self._open: list[list[Call]] = [[]]
        self._stacks: list[tuple[str, ...]] = [(ROOT,)]
        self.calls: dict[str, int] = {}

    @property
    def root(self) -> Call:
        """The call of the model itself."""
        return self._open[0][-1]

    def open(self) -> None:
        """A call begins."""
        self._open.append([])

    def close(self) -> tuple[Call, ...]:
        """The call ends; return what it called."""
        return tuple(self._open.pop())

    def add(
        self, kind: Literal["function", "operator"], name: str, inputs: tuple[Value, ...], named: Mapping[str, Value],
        output: Value, children: tuple[Call, ...],
    ) -> None:  # fmt: skip
        """Record a call that has ended, in the module that is running."""
        self._open[-1].append(Call(kind, name, self._stacks[-1], inputs, named, output, children))

    def watching(self) -> _ModuleHooks:
        """Record the calls of the model's modules while the returned context is open."""
        return _ModuleHooks(self._module, self._enter, self._leave)

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        path = self._paths[module]
        self._stacks.append((path, *self._stacks[-1]) if path != ROOT else (ROOT,))
        self.open()

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        children = self.close()
        stack = self._stacks.pop()
        path = stack[0]
        number = self.calls.get(path, 0)
        self.calls[path] = number + 1
        call = Call(
            kind="module",
            name=type_name(type(module)),
            stack=stack,
            inputs=tuple(self.describe(value) for value in args),
            named={key: self.describe(value) for key, value in kwargs.items()},
            output=self.describe(output),
            children=children,
            number=number,
        )
        self._open[-1].append(call)

    def describe(self, value: Any) -> Value:
        """Return a value without its data."""
        if isinstance(value, torch.Tensor) and not is_lazy(value):
            return TensorSpec(
                tuple(value.shape),
                _plain_name(value.dtype),
                self._parameters.get(id(value)),
                getattr(value, "_reconcile_source", ""),
            )
        if isinstance(value, (bool, int, float, str, type(None))):
            return value
        if isinstance(value, (tuple, list)):
            return tuple(self.describe(item) for item in value)
        if isinstance(value, Mapping):
            return {str(key): self.describe(item) for key, item in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {item.name: self.describe(getattr(value, item.name)) for item in dataclasses.fields(value)}
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return _plain_name(value)
        return f"<{type(value).__name__}>"


class _ModuleHooks:
    """Hooks on every module of a copy, taken off again at the end."""

    def __init__(self, module: nn.Module, enter: Callable[..., None], leave: Callable[..., None]) -> None:
        self._module, self._enter, self._leave = module, enter, leave
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        for module in self._module.modules():
            self._handles.append(module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True))
            self._handles.append(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True))

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


class _Functions(TorchFunctionMode):
    """Records calls of torch's Python functions and tensor methods that dispatch at least one operator."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "__get__":
            return func(*args, **kwargs)
        self._recorder.open()
        children: tuple[Call, ...] = ()
        try:
            if isinstance(func, FunctionType) and _asks_for_handlers(func):
                with self:
                    output = _opened(func)(*args, **kwargs)
            else:
                output = func(*args, **kwargs)
        finally:
            children = self._recorder.close()
        if children:
            describe = self._recorder.describe
            self._recorder.add(
                "function",
                _function_name(func, sys._getframe(1)),
                tuple(describe(value) for value in args),
                {key: describe(value) for key, value in kwargs.items()},
                describe(output),
                children,
            )
        return output


@cache
def _asks_for_handlers(func: FunctionType) -> bool:
    """Whether a function of torch is written in Python and asks by itself whether a mode wants to handle it.

    Such a function may call others, which tools that patch functions see too.
    """
    free = func.__module__ in ("torch.nn.functional", "torch.functional")
    return free and any(map(_is_question, func.__code__.co_names))


def _is_question(name: str) -> bool:
    return name.startswith("has_torch_function")


@cache
def _opened(func: FunctionType) -> FunctionType:
    """Return the function without its own question whether a mode wants to handle it, so that what it calls is seen."""
    opened = FunctionType(
        func.__code__, _globals_without_handlers(func.__module__), func.__name__, func.__defaults__, func.__closure__
    )
    opened.__kwdefaults__ = func.__kwdefaults__
    return opened


@cache
def _globals_without_handlers(module: str) -> dict[str, Any]:
    def nobody(*_: object) -> bool:
        return False

    found = dict(vars(sys.modules[module]))
    return found | {name: nobody for name in found if _is_question(name)}


class _Operators(TorchDispatchMode):
    """Records operators; composed ones with the operators that they consist of.

    Without data, tensors that the model makes while it runs may be real (``torch.arange(n)``, constants): they stay
    so among themselves, and lose their data where they meet a tensor that has none.
    """

    def __init__(self, recorder: _Recorder, without_data: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives this initializer no types
        self._recorder = recorder
        self._without_data = without_data

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self._without_data:
            args, kwargs = _drop_data(func, args, kwargs)
        describe = self._recorder.describe
        named = {name: describe(value) for name, value in _bind(func, args, kwargs)}
        if func in _FUSED_ON_CPU:
            named["fused"] = _FUSED_ON_CPU[func](args, kwargs)
        self._recorder.open()
        children: tuple[Call, ...] = ()
        try:
            if _is_composed(func):
                with self:
                    output = func.decompose(*args, **kwargs)
            else:
                output = func(*args, **kwargs)
        finally:
            children = self._recorder.close()
        name = str(func._overloadpacket)
        _mark_source(output, name)
        self._recorder.add("operator", name, (), named, describe(output), children)
        return output


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


@cache
def _is_composed(func: torch._ops.OpOverload) -> bool:
    return bool(
        torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), torch._C.DispatchKey.CompositeImplicitAutograd)
    )


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
    devices = {tensor.device.type for tensor in _tensors((*args, *kwargs.values()))}
    if "meta" not in devices:
        return args, kwargs
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": META}
    if devices == {"meta"}:
        return args, kwargs
    written = [argument.alias_info is not None and argument.alias_info.is_write for argument in func._schema.arguments]
    for writes, value in zip(written, args, strict=False):
        if writes and any(tensor.device.type != "meta" for tensor in _tensors((value,))):
            raise RuntimeError(f"{func} writes unknown values into a tensor that has data")
    return map_tensors(args, dataless_tensor), map_tensors(kwargs, dataless_tensor)


def _tensors(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(value)


@cache
def _plain_name(value: torch.dtype | torch.device | torch.layout | torch.memory_format) -> str:
    return str(value).removeprefix("torch.")


_SYNTAX = {
    "torch.Tensor.add": "torch.Tensor.__add__",
    "torch.Tensor.sub": "torch.Tensor.__sub__",
    "torch.Tensor.mul": "torch.Tensor.__mul__",
    "torch.Tensor.div": "torch.Tensor.__truediv__",
    "torch.Tensor.matmul": "torch.Tensor.__matmul__",
    "torch.Tensor.add_": "torch.Tensor.__iadd__",
    "torch.Tensor.sub_": "torch.Tensor.__isub__",
    "torch.Tensor.mul_": "torch.Tensor.__imul__",
    "torch.Tensor.div_": "torch.Tensor.__itruediv__",
}
"""Methods that torch reports for an operator of the language; a tool that patches ``Tensor.add`` misses ``x + y``."""


def _function_name(func: Callable[..., Any], caller: FrameType) -> str:
    name = _resolved_name(func)
    if name in _SYNTAX and caller.f_lasti in _operator_offsets(caller.f_code):
        return _SYNTAX[name]
    return name


def _resolved_name(func: Callable[..., Any]) -> str:
    return resolve_name(func) or f"{getattr(func, '__module__', None) or 'torch'}.{getattr(func, '__qualname__', func)}"


@cache
def _operator_offsets(code: CodeType) -> frozenset[int]:
    """Offsets of the instructions that apply an operator of the language (``x + y``, ``x @= y``)."""
    return frozenset(
        instruction.offset for instruction in dis.get_instructions(code) if instruction.opname == "BINARY_OP"
    )
