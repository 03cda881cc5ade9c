"""Functions that a module holds in its attributes: in a copy of the module, they are to call the copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

from torch import nn


def rebind_functions(original: nn.Module, copied: nn.Module) -> None:
    """Let functions in the attributes of a copied model refer to the copy's modules where they refer to the original's.

    ``copy.deepcopy`` copies methods but takes functions as they are, so that ``module.forward = lambda x: module.f(x)``
    would run the original.
    """
    twins = {id(before): after for before, after in zip(original.modules(), copied.modules(), strict=True)}
    for module in copied.modules():
        for name, value in vars(module).items():
            if isinstance(value, (FunctionType, MethodType, partial)) and _leads_to(value, twins, set()):
                vars(module)[name] = _twin(value, twins, {})


def _leads_to(value: Any, twins: Mapping[int, nn.Module], seen: set[int]) -> bool:
    """Whether a module of the original can be reached from a value."""
    if id(value) in seen:
        return False
    seen.add(id(value))
    return id(value) in twins or any(_leads_to(part, twins, seen) for part in _parts(value))


def _parts(value: Any) -> Iterator[Any]:
    match value:
        case list() | tuple():
            yield from value
        case dict():
            yield from value.values()
        case MethodType():
            yield value.__self__
        case partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case FunctionType():
            yield from value.__defaults__ or ()
            yield from (value.__kwdefaults__ or {}).values()
            yield from (cell.cell_contents for cell in value.__closure__ or () if not _is_empty(cell))
            yield from _modules_among_globals(value).values()


def _modules_among_globals(function: FunctionType) -> dict[str, Any]:
    """Return the modules, and methods of modules, that a function finds under global names."""
    named = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, nn.Module) or (isinstance(value, MethodType) and isinstance(value.__self__, nn.Module))
    }


def _twin(value: Any, twins: Mapping[int, nn.Module], done: dict[int, Any]) -> Any:
    """Return what stands for a value in the copy: the value itself unless it leads to a module of the original."""
    if id(value) in done:
        return done[id(value)]
    if not _leads_to(value, twins, set()):
        return value
    match value:
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(_twin(item, twins, done) for item in value)
        case dict() if type(value) is dict:
            return {key: _twin(item, twins, done) for key, item in value.items()}
        case MethodType():
            return MethodType(value.__func__, _twin(value.__self__, twins, done))
        case partial():
            arguments = [_twin(argument, twins, done) for argument in value.args]
            named = {key: _twin(argument, twins, done) for key, argument in value.keywords.items()}
            return partial(_twin(value.func, twins, done), *arguments, **named)
        case FunctionType():
            return _twin_of_function(value, twins, done)
    return twins.get(id(value), value)


def _twin_of_function(function: FunctionType, twins: Mapping[int, nn.Module], done: dict[int, Any]) -> FunctionType:
    replaced = {name: _twin(value, twins, done) for name, value in _modules_among_globals(function).items()}
    found = {**function.__globals__, **replaced} if replaced else function.__globals__
    cells = tuple(CellType() for _ in function.__closure__ or ())
    twin = FunctionType(function.__code__, found, function.__name__, None, cells)
    done[id(function)] = twin  # before its cells are filled: a function may close over itself
    twin.__defaults__ = tuple(_twin(value, twins, done) for value in function.__defaults__ or ()) or None
    if function.__kwdefaults__:
        twin.__kwdefaults__ = {key: _twin(value, twins, done) for key, value in function.__kwdefaults__.items()}
    twin.__dict__.update(function.__dict__)
    for cell, before in zip(cells, function.__closure__ or (), strict=True):
        if not _is_empty(before):
            cell.cell_contents = _twin(before.cell_contents, twins, done)
    return twin


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # asking is the only way to know
    except ValueError:
        return True
    return False
