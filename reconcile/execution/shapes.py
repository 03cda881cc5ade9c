"""The shapes that operators return, asked of torch's own shape functions in a process that nobody has patched.

Many of torch's shape functions are Python and call torch's public functions. A tool that replaces those would count
what happens in them, so they run in a process of their own, forked before the tool is given anything.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from reconcile.execution.kernels import kernel_result

PATIENCE_SECONDS = 60
"""How long an answer may take: a process that is forked from one with threads may never come to it."""

NEW = -1
"""The place of a tensor that the call was not given."""


@dataclass(frozen=True)  # without slots: thousands travel between processes, and pickle takes those faster
class Layout:
    """A tensor without its values: ``place`` numbers the tensors of one call; one that is returned as given has it."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    place: int = NEW


class UnknownShapeError(Exception):
    """torch has no shape function for this operator, or it needs values."""


class ShapeProcess:
    """Answers questions for shapes until it is closed."""

    def __init__(self) -> None:
        """Fork."""
        self._pipe, other = Pipe()
        with warnings.catch_warnings():
            # Newer Pythons warn that a lock may be held by another thread; what the child does takes none of Python's.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = os.fork()
        if self._process == 0:
            self._pipe.close()
            try:
                _answer(other)
            finally:
                os._exit(0)
        other.close()

    def ask(self, func: torch._ops.OpOverload, args: Any, kwargs: Any) -> Any:
        """Return the layouts that an operator returns for arguments in which layouts stand for tensors.

        Raises:
            UnknownShapeError: torch does not know.
        """
        try:
            self._pipe.send((func.name(), args, kwargs, torch.get_default_dtype()))
            found, answer = self._pipe.recv() if self._pipe.poll(PATIENCE_SECONDS) else (False, "there is no answer")
        except Exception as error:  # the process is gone, or an argument cannot be sent
            raise UnknownShapeError(f"{func} cannot be asked about ({error})") from error
        if not found:
            raise UnknownShapeError(answer)
        return answer

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._pipe.close()
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _answer(pipe: Connection) -> None:
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, _layouts(*question))
        except BaseException as error:  # a shape function may raise anything; the caller decides
            answer = (False, f"{question[0]}: {error}")
        pipe.send(answer)


def _layouts(name: str, args: Any, kwargs: Mapping[str, Any], dtype: torch.dtype) -> Any:
    func = _operator(name)
    places: dict[int, int] = {}

    def dataless(value: Any) -> Any:
        if not isinstance(value, Layout):
            return value
        tensor = torch.empty_strided(value.shape, value.strides, dtype=value.dtype)
        places[id(tensor)] = value.place
        return tensor

    def layout(value: Any) -> Any:
        return layout_of(value, places.get(id(value), NEW)) if isinstance(value, torch.Tensor) else value

    torch.set_default_dtype(dtype)
    with torch.no_grad(), _mode():
        arguments, named = map_leaves((args, kwargs), dataless)
        known = kernel_result(func, arguments, named)
        return map_leaves(func(*arguments, **named) if known is None else known, layout)


@cache
def _mode() -> FakeTensorMode:
    """Unlike the meta device, it lays results out as the CPU does."""
    mode = FakeTensorMode()
    mode.cache_enabled = False  # no question is asked twice
    return mode


def warm_up() -> None:
    """Ask for some common shapes, so that torch's shape functions are loaded in processes that are forked later."""
    image, matrix = Layout((1, 2, 8, 8), (128, 64, 8, 1), torch.float32), Layout((4, 4), (4, 1), torch.float32)
    kernel, channel = Layout((2, 2, 3, 3), (18, 9, 3, 1), torch.float32), Layout((2,), (1,), torch.float32)
    questions: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("aten::convolution", (image, kernel, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)),
        ("aten::native_batch_norm", (image, channel, channel, channel, channel, False, 0.1, 1e-5)),
        ("aten::native_layer_norm", (matrix, [4], None, None, 1e-5)),
        ("aten::max_pool2d_with_indices", (image, [2, 2], [2, 2])),
        ("aten::relu_", (image,)),
        ("aten::gelu", (matrix,)),
        ("aten::add.Tensor", (image, image)),
        ("aten::mul.Tensor", (image, image)),
        ("aten::mean.dim", (image, [2, 3], True)),
        ("aten::addmm", (Layout((4,), (1,), torch.float32), matrix, matrix)),
        ("aten::bmm", (Layout((1, 4, 4), (16, 4, 1), torch.float32),) * 2),
        ("aten::_softmax", (matrix, -1, False)),
        ("aten::cat", ([matrix, matrix], 1)),
        ("aten::clone", (image,)),
    )
    for name, args in questions:
        _layouts(name, args, {}, torch.float32)


def layout_of(tensor: torch.Tensor, place: int = NEW) -> Layout:
    """Return a tensor without its values.

    Raises:
        UnknownShapeError: It is more than a shape and strides.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        raise UnknownShapeError("a tensor that is sparse, quantized or nested")
    shape = tuple(map(int, tensor.shape))  # while torch.jit traces, sizes are tensors
    return Layout(shape, tensor.stride(), tensor.dtype, place)


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply a function to everything in nested tuples, lists and dictionaries."""
    if isinstance(value, tuple):
        return tuple([map_leaves(item, change) for item in value])
    if isinstance(value, list):
        return [map_leaves(item, change) for item in value]
    if isinstance(value, dict):
        return {key: map_leaves(item, change) for key, item in value.items()}
    return change(value)


def _operator(name: str) -> torch._ops.OpOverload:
    qualified, _, overload = name.partition(".")
    namespace, _, base = qualified.partition("::")
    found = getattr(getattr(getattr(torch.ops, namespace), base), overload or "default")
    assert isinstance(found, torch._ops.OpOverload)
    return found
