"""Running a model on real tensors without computing what is in them.

Tools count calls, shapes and operators, so a tool's numbers are the same if the arithmetic is left out. While
:class:`WithoutArithmetic` is active, an operator returns memory that nobody has written, of the shape, strides and
type that torch's own shape functions give; views stay views. Values that the model makes itself from numbers that it
knows (``torch.arange(n)``, constants) are computed as ever, so indices and masks are right. An operator that reads
values which were not computed takes them from a real run (:mod:`reconcile.execution.readings`), or stops the run. All
else that reads such values (``tolist``, NumPy, C++, another thread) finds the memory sealed: torch raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from threading import Thread
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from reconcile.execution.readings import Readings, RecordedReadings, ValuesNeededError, reads_values
from reconcile.execution.sealing import seal, unseal
from reconcile.execution.shapes import Layout, ShapeProcess, layout_of, map_leaves
from reconcile.execution.values import Origin, is_composed, mark, origin_of, tensors_in, written_by

Question = tuple[str, torch.dtype, Any]
"""An operator, the default type, and arguments in which layouts stand for tensors."""


class WithoutArithmetic(TorchDispatchMode):
    """Gives operators' results without their values while it is active.

    Raises, out of the operator that the model called:
        ValuesNeededError: Something reads values that were not computed, and the real run did not read them there; or
            the result cannot be told from shapes.
    """

    def __init__(self, readings: Readings = (), results: Mapping[Question, Any] | None = None) -> None:
        """Give ``readings`` to operators that read values; ``results`` are what another run learned of shapes."""
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives this initializer no types
        self._readings = RecordedReadings(readings)
        self._results = dict(results or {})
        self._shapes: ShapeProcess | None = None
        self._closed = False
        self._failure: ValuesNeededError | None = None
        self._entered = 0
        self._start_thread: Callable[[Thread], None] = Thread.start

    @property
    def results(self) -> Mapping[Question, Any]:
        """What operators return for which arguments, as far as it is known by now: the same in every run."""
        return self._results

    def __enter__(self) -> WithoutArithmetic:
        """Start to leave out the arithmetic."""
        if self._shapes is None:
            self._shapes = ShapeProcess()
        if self._entered == 0:
            self._watch_threads()
        self._entered += 1
        super().__enter__()  # type: ignore[no-untyped-call]  # torch gives it no types
        return self

    def __exit__(self, *error: Any) -> None:
        """Compute again."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # as above
        self._entered -= 1
        if self._entered == 0:
            Thread.start = self._start_thread  # type: ignore[method-assign, assignment]  # as it was

    def close(self) -> None:
        """End the process that knows shapes, and make sure that the run took the recorded way.

        Raises:
            ValuesNeededError: It did not, or an error on the way was swallowed.
        """
        if self._shapes is not None and not self._closed:
            self._shapes.close()
        self._closed = True
        if self._failure is not None:
            raise self._failure
        self._readings.check_finished()

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what the operator would return, but for its values."""
        kwargs = kwargs or {}
        given = list(tensors_in((*args, *kwargs.values())))
        origin = origin_of(func, args, kwargs, given)
        if _moves(func):
            return func(*args, **kwargs)  # the memory stays as it is
        if origin is Origin.STATED:
            written = written_by(func, args, kwargs, None)
            unseal(written)  # it may be written over now
            output = func(*args, **kwargs)
            mark(written_by(func, args, kwargs, output), origin)
            return output
        if is_composed(func):
            with self:
                return func.decompose(*args, **kwargs)
        if _is_view(func):
            return func(*args, **kwargs)
        if func is torch.ops.aten.convolution.default and torch._C._get_tracing_state() is not None:
            # torch.jit records convolutions one step below the operator that is dispatched, and nothing further down.
            flags = torch.backends.cudnn
            with torch._C._RestorePythonTLSSnapshot(), self:  # type: ignore[attr-defined]  # torch declares it nowhere
                return torch.ops.aten._convolution.default(
                    *args, flags.benchmark, flags.deterministic, flags.enabled, flags.allow_tf32
                )
        try:
            output = self._without_values(func, args, kwargs, given, origin)
        except Exception as error:
            self._failure = error if isinstance(error, ValuesNeededError) else ValuesNeededError(f"{func}: {error}")
            raise self._failure from error
        written = written_by(func, args, kwargs, output)
        mark(written, origin)
        seal(written)
        return output

    def _without_values(
        self,
        func: torch._ops.OpOverload,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: Sequence[torch.Tensor],
        origin: Origin,
    ) -> Any:
        if reads_values(func, args) or (func.namespace != "aten" and self._readings.recorded):
            result = self._readings.take(func, given, origin).returned
        else:
            result = self._result(func, args, kwargs, given)
        if func in _CHECKS_INDICES:
            _check_indices(func, args, kwargs)

        def tensor(found: Any) -> Any:
            if not isinstance(found, Layout):
                return found
            if found.place < 0:
                return torch.empty_strided(found.shape, found.strides, dtype=found.dtype)
            returned = given[found.place]
            if (tuple(returned.shape), returned.stride()) != (found.shape, found.strides):
                raise ValuesNeededError("its result is resized")
            return returned

        return map_leaves(result, tensor)

    def _result(
        self, func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], given: Sequence[torch.Tensor]
    ) -> Any:
        """Return the layouts of what an operator returns, asked for once."""
        if func.namespace not in _TOLD_FROM_SHAPES:
            raise ValuesNeededError("it is not torch's own")
        if kwargs.get("device", _CPU) not in (None, _CPU):
            raise ValuesNeededError("its result lies on another device")
        places = {id(tensor): place for place, tensor in enumerate(given)}

        def layout(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            if not value.is_cpu:
                raise ValuesNeededError("a tensor lies on another device")
            return layout_of(value, places[id(value)])

        arguments = map_leaves((args, kwargs), layout)
        question = (func.name(), torch.get_default_dtype(), _hashable(arguments))
        if question not in self._results:
            assert self._shapes is not None
            self._results[question] = self._shapes.ask(func, *arguments)
        return self._results[question]

    def _watch_threads(self) -> None:
        """Note that a thread is started: what runs in another thread is computed, from values that are not there."""
        start = self._start_thread = Thread.start

        def noting(thread: Thread) -> None:
            self._failure = ValuesNeededError("the model starts a thread")
            start(thread)

        Thread.start = noting  # type: ignore[method-assign, assignment]  # until the mode is left


_CPU = torch.device("cpu")
_TOLD_FROM_SHAPES = ("aten", "torchvision")
"""Operators whose results can be told from shapes. Others' shape functions are a user's, and may be wrong."""


def _check_indices(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Let the operator raise for indices that are known and out of range; what they select is one number everywhere."""
    indices = list(tensors_in((*args[1:], *kwargs.values())))
    if args and origin_of(func, args, kwargs, indices) is Origin.STATED:
        func(torch.zeros((), dtype=args[0].dtype).expand(args[0].shape), *args[1:], **kwargs)


_CHECKS_INDICES = {
    torch.ops.aten.embedding.default,
    torch.ops.aten.gather.default,
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_select.default,
}


def _hashable(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(map(_hashable, value))
    if isinstance(value, dict):
        return tuple((key, _hashable(item)) for key, item in value.items())
    return value if isinstance(value, Layout) else (type(value), value)


@cache
def _is_view(func: torch._ops.OpOverload) -> bool:
    """Whether all that the operator returns is memory that it was given, as another shape at most."""
    aliases = [item.alias_info for item in (*func._schema.arguments, *func._schema.returns)]
    returned = [item.alias_info for item in func._schema.returns]
    return bool(returned) and all(returned) and not any(alias and alias.is_write for alias in aliases)


@cache
def _moves(func: torch._ops.OpOverload) -> bool:
    """Whether the operator makes a tensor another view of memory in place, as ``unsqueeze_`` does."""
    return torch.Tag.inplace_view in func.tags and func._opname not in ("resize_", "resize_as_")
