"""Recording calls of torch's functions and tensor methods, under the names by which a program calls them."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from reconcile.trace.lookups import name_of, was_looked_up
from reconcile.trace.recorder import Recorder
from reconcile.trace.sizes import noticing, products_in
from reconcile.trace.tree import Call


class FunctionMode(TorchFunctionMode):
    """Records calls of torch's Python functions and tensor methods that dispatch at least one operator."""

    def __init__(self, recorder: Recorder) -> None:
        """Record into ``recorder`` while the mode is active."""
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function and record it."""
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "__get__":
            found = func(*args, **kwargs)
            return noticing(found, self._recorder.begin_product) if func.__self__ is torch.Tensor.shape else found  # type: ignore[attr-defined]  # the method of a property
        if func in _SIZES:
            return noticing(func(*args, **kwargs), self._recorder.begin_product)
        looked_up = was_looked_up(func, sys._getframe(1))
        self._recorder.uses.begin_function([*map(self._recorder.node_of, products_in((args, kwargs)))])
        self._recorder.open()
        children: tuple[Call, ...] = ()
        try:
            if isinstance(func, FunctionType) and _asks_for_handlers(func):
                with self:
                    output = _opened(func)(*args, **kwargs)
            else:
                output = func(*args, **kwargs)
        except Exception:
            self._recorder.can_be_repeated = False  # if the model goes on from here, it might not have raised elsewhere
            raise
        finally:
            children = self._recorder.close()
            self._recorder.uses.end_function()
        if children:
            describe = self._recorder.describe
            name = _function_name(func, sys._getframe(1))
            self._recorder.add(
                "function",
                name,
                tuple(describe(value) for value in args),
                {key: describe(value) for key, value in kwargs.items()},
                describe(output),
                children,
                kept=not (looked_up or name.startswith("torch.Tensor.")),
            )
        return output


_SIZES = (torch.Tensor.size, torch.Tensor.numel, torch.Tensor.nelement)


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
    name = name_of(func)
    code = caller.f_code
    if name in _SYNTAX and (caller.f_lasti in _operator_offsets(code) or _names_no_method(code, name)):
        return _SYNTAX[name]
    return name


def _names_no_method(code: CodeType, name: str) -> bool:
    """Whether a program cannot have called a method by its name, as ``sum`` does not when it adds."""
    return {name.rpartition(".")[2], "getattr"}.isdisjoint(code.co_names)


@cache
def _operator_offsets(code: CodeType) -> frozenset[int]:
    """Offsets of the instructions that apply an operator of the language (``x + y``, ``x @= y``)."""
    return frozenset(
        instruction.offset for instruction in dis.get_instructions(code) if instruction.opname == "BINARY_OP"
    )
