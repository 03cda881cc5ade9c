"""One execution of a model, recorded as a tree of module calls, function calls and operators.

The model runs once on a copy without data (:mod:`reconcile.trace.dataless`). Where control flow needs values, it runs
once more on a real copy. Under ``inference_mode`` torch hands its composed operators (``aten.linear``,
``aten.matmul``, ``aten.scaled_dot_product_attention``) to a dispatch mode whole, and the mode composes them itself,
so the tree holds the documented operation and the operators that it consists of.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any, Literal

import torch
from torch import nn

from reconcile.errors import ModelError, ReconcileError, describe_exception
from reconcile.execution import Readings
from reconcile.trace.dataless import META, copied_inputs, dataless_copy, real_copy
from reconcile.trace.detail import EVERYTHING, Detail
from reconcile.trace.functions import FunctionMode
from reconcile.trace.lookups import noting_lookups
from reconcile.trace.modules import describe_modules, describe_parameters
from reconcile.trace.operators import OperatorMode
from reconcile.trace.recorder import Recorder
from reconcile.trace.tree import Trace
from reconcile.zoo import BuiltModel, Mode, ModelSpec, build, check_mode


def trace(
    module: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    mode: Mode = "eval",
    *,
    detail: Detail = EVERYTHING,
) -> Trace:
    """Run the module once on ``args`` and ``kwargs`` and return what ran, in as much ``detail`` as asked for.

    The module, its inputs and torch's random state are left as they were found, also when it raises. Where it cannot
    run without data, it runs on real tensors.

    Raises:
        ModelError: The model raised, or it cannot be copied.
    """
    check_mode(mode)
    if mode == "train" and detail.functions:
        found = _trace(module, args, kwargs, mode, detail)
        return _beside_evaluation(found, lambda: _trace(module, args, kwargs, "eval", detail))
    return _trace(module, args, kwargs, mode, detail)


def _trace(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] | None, mode: Mode, detail: Detail
) -> Trace:
    has_data = all(tensor.device != META for tensor in (*module.parameters(), *module.buffers()))
    attempts: list[_Attempt] = [_Attempt("meta", torch.inference_mode)]
    if has_data:
        # Under no_grad torch composes its operators by itself, so the tree is less deep; some models need gradients.
        attempts += [_Attempt("real", torch.inference_mode), _Attempt("real", torch.no_grad)]
    failure: BaseException | None = None
    for attempt in attempts:
        try:
            paused = _without_collector() if attempt.execution == "meta" else nullcontext()
            with _ONE_AT_A_TIME, paused, torch.random.fork_rng(devices=[]):
                copied = dataless_copy(module) if attempt.execution == "meta" else real_copy(module)
                return _run(copied, args, kwargs or {}, mode, detail, attempt)
        except (Exception, SystemExit) as error:
            failure = error
    assert failure is not None
    raise ModelError(f"the model raised while it ran ({describe_exception(failure)}).") from failure


def trace_spec(
    spec: ModelSpec, seed: int = 0, *, detail: Detail = EVERYTHING, change: Callable[[nn.Module], None] | None = None
) -> tuple[Trace, str]:
    """Build a model by its name and trace it; return the trace and the inputs in words.

    ``change`` changes the model in place before it is traced.

    Raises:
        ReconcileError: As :func:`reconcile.zoo.build`.
        ModelError: The model raised; the message names it and its input.
    """
    if spec.mode == "train" and detail.functions:
        found, inputs = _trace_spec(spec, seed, detail, change)
        in_evaluation = replace(spec, mode="eval")
        return _beside_evaluation(found, lambda: _trace_spec(in_evaluation, seed, detail, change)[0]), inputs
    return _trace_spec(spec, seed, detail, change)


def _beside_evaluation(found: Trace, trace_in_evaluation: Callable[[], Trace]) -> Trace:
    """A trace in training with one in evaluation mode, if the model runs in that at all."""
    try:
        return replace(found, in_evaluation=trace_in_evaluation())
    except ReconcileError:
        return found


def _trace_spec(
    spec: ModelSpec, seed: int, detail: Detail, change: Callable[[nn.Module], None] | None
) -> tuple[Trace, str]:
    if spec.is_own:
        return _trace_built(spec, _changed(build(spec, seed=seed), change), detail)
    try:
        with _ONE_AT_A_TIME, _without_collector(), torch.random.fork_rng(devices=[]):
            built = _changed(build(spec, "meta", seed), change)
            attempt = _Attempt("meta", torch.inference_mode)
            return _run(built.module, built.args, built.kwargs, spec.mode, detail, attempt), built.inputs
    except Exception:  # it reads values while it is built, or while it runs
        return _trace_built(spec, _changed(build(spec, seed=seed, parameters="random"), change), detail)


def _changed(built: BuiltModel, change: Callable[[nn.Module], None] | None) -> BuiltModel:
    if change is not None:
        change(built.module)
    return built


def _trace_built(spec: ModelSpec, built: BuiltModel, detail: Detail) -> tuple[Trace, str]:
    try:
        found = _trace(built.module, built.args, built.kwargs, spec.mode, detail)
    except ModelError as error:
        raise ModelError(f"{spec.name}, input {built.inputs}: {error}") from error
    return found, built.inputs


_ONE_AT_A_TIME = RLock()
"""A run switches some of torch's flags, which are those of the whole process: threads take turns."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """On which tensors to run, and under which of torch's gradient modes."""

    execution: Literal["meta", "real"]
    gradient_mode: Callable[[], AbstractContextManager[Any]]


def _run(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], mode: Mode, detail: Detail, attempt: _Attempt
) -> Trace:
    """Run a copy that belongs to the tracer."""
    module.train(mode == "train")
    without_data = attempt.execution == "meta"
    args, kwargs = copied_inputs(args, kwargs, without_data=without_data)
    recorder = Recorder(module)
    with (
        attempt.gradient_mode(),
        _without_fast_attention(),
        recorder.watching(),
        OperatorMode(recorder, detail.depth, without_data),
        noting_lookups() if detail.functions else nullcontext(),
        FunctionMode(recorder) if detail.functions else nullcontext(),
    ):
        output = module(*args, **kwargs)
    root = recorder.root(args, kwargs, output)
    parameters = describe_parameters(module)  # after the run: lazy modules have found their shapes by now
    return Trace(
        root=root,
        modules=describe_modules(module),
        parameters=parameters,
        inputs=root.inputs,
        named_inputs=root.named,
        execution=attempt.execution,
        mode=mode,
        calls=dict(recorder.calls),
        used_parameters=frozenset(recorder.used),
        readings=_readings(recorder, mode),
    )


def _readings(recorder: Recorder, mode: Mode) -> Readings | None:
    """What control flow read, if a tool would read the same: tools may switch to eval mode, and values differ there."""
    repeatable = recorder.can_be_repeated and (mode == "eval" or not recorder.readings)
    return tuple(recorder.readings) if repeatable else None


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python from searching for garbage: a trace without data leaves little, in a process that holds much."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _without_fast_attention() -> Iterator[None]:
    """Keep torch from running an attention layer as one operator, which hides what it is composed of."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)
