"""Whether a program looks a function of torch up when it calls it, or calls what it had kept.

A tool that replaces ``torch.nn.functional.gelu`` is called by ``F.gelu(x)``. A program that kept the function before,
as ``from torch.nn.functional import gelu`` and ``self.activation = F.gelu`` do, calls torch's own: the tool misses it.
Functions stay what they are here, since a program may ask which one it has; what is noted is that they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import FrameType, ModuleType
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import get_overridable_functions, resolve_name


@contextmanager
def noting_lookups() -> Iterator[None]:
    """Let :func:`was_looked_up` know, while this is open, which functions are read from torch by their names."""
    classes: list[tuple[ModuleType, type[ModuleType]]] = [(place, type(place)) for place in _PLACES]
    noting = [(place, _noting(of)) for place, of in classes]
    _READ.clear()
    try:
        for place, of in noting:
            place.__class__ = of
        yield
    finally:
        for place, of in classes:
            place.__class__ = of


def was_looked_up(function: Callable[..., Any], caller: FrameType | None) -> bool:
    """Whether a function that begins now was read from torch for it, which it can be once for each time that it is.

    ``caller`` is what runs below the function. What ``torch.nn.functional`` calls itself, it looks up in itself.
    """
    name = name_of(function)
    if _READ[name]:
        _READ[name] -= 1
        return True
    own = getattr(function, "__code__", None)
    while caller is not None and (caller.f_code is own or caller.f_globals.get("__name__") == "torch.overrides"):
        caller = caller.f_back
    return caller is not None and caller.f_globals.get("__name__") == functional.__name__


def name_of(function: Callable[..., Any]) -> str:
    """Return the name under which a program finds a function of torch, as it calls itself if torch has several.

    ``torch.mm`` is ``torch.spmm`` and ``torch.dsmm``, too, and equal to both.
    """
    own = getattr(function, "__name__", "")
    found = _resolved(function)
    is_free = found.rpartition(".")[0] == "torch"
    return f"torch.{own}" if is_free and vars(torch).get(own) is function else found


@cache
def _resolved(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", None) or "torch"
    return resolve_name(function) or f"{module}.{getattr(function, '__qualname__', function)}"


_PLACES = (torch, functional)

_READ: Counter[str] = Counter()
"""How often a function was read and not called since, by name. Traces take turns, see the tracer."""


def _noting(of: type[ModuleType]) -> type[ModuleType]:
    """Return the class of a package that notes which of its functions are read."""
    names = _overridable()

    class NotingPackage(of):  # type: ignore[valid-type, misc]  # made at run time, of what the package is
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            found = names.get(id(value))
            if found is not None:
                _READ[found] += 1
            return value

    return NotingPackage


@cache
def _overridable() -> Mapping[int, str]:
    """Names of torch's functions that do something with tensors, by identity."""
    functions = (function for functions in get_overridable_functions().values() for function in functions)
    return {id(function): name_of(function) for function in functions}
