"""Which operator has which formula. Formulas are small pure functions over shapes; see ``formulas/``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from reconcile.reference.terms import TERMS
from reconcile.trace import Call, Value

Terms: TypeAlias = "Mapping[str, int]"
"""Terms by name; one that is not named is 0."""


@dataclass(frozen=True, slots=True)
class EitherKind:
    """Kinds of layer of which the operator's arguments tell which it is."""

    kinds: tuple[str, ...]
    choose: Callable[[Mapping[str, Value]], str]


Kind: TypeAlias = "str | EitherKind"
"""The kind of layer (``convolution``, ``batch_norm``)."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, the kind of layer that it stands for, and the arguments of the operator that it reads."""

    kind: Kind
    function: Callable[..., Terms | None]
    arguments: tuple[str, ...]


_FORMULAS: dict[str, tuple[Formula, ...]] = {}
_FREE: set[str] = set()


Registered = TypeVar("Registered", bound="Callable[..., Terms | None]")


def formula(kind: Kind, *operators: str) -> Callable[[Registered], Registered]:
    """Register a function as a formula of operators; one that joins two layers has a formula of each.

    Its parameters are named after the operator's schema; ``output`` is what the operator returned, and ``operator`` its
    name. It returns None where the terms depend on values, which shapes do not tell.
    """

    def register(function: Registered) -> Registered:
        entry = Formula(kind, function, tuple(inspect.signature(function).parameters))
        for operator in operators:
            _FORMULAS[operator] = (*_FORMULAS.get(operator, ()), entry)
        return function

    return register


def free(*operators: str) -> None:
    """Register operators that move or make data, or read it, without arithmetic on it."""
    _FREE.update(operators)


def free_operators() -> frozenset[str]:
    """Return the operators that :func:`free` registered."""
    return frozenset(_FREE)


def is_free(operator: str) -> bool:
    """Whether the operator is known to cost no arithmetic."""
    return _known(operator, _FREE) is not None


def has_formula(operator: str) -> bool:
    """Whether a formula counts the operator; ``aten.add_`` has that of ``aten.add``."""
    return _known(operator, _FORMULAS) is not None


def registered() -> Mapping[str, tuple[Formula, ...]]:
    """Return the formulas of every operator that has one, by its name."""
    return MappingProxyType(_FORMULAS)


def kinds() -> tuple[str, ...]:
    """Return every kind of layer that a formula stands for, in alphabetical order."""
    found = {entry.kind for entries in _FORMULAS.values() for entry in entries}
    return tuple(sorted({name for kind in found for name in ((kind,) if isinstance(kind, str) else kind.kinds)}))


def any_dimension(kind: str) -> str:
    """Return a kind without its number of dimensions: ``average_pool`` for ``average_pool2d``."""
    return re.sub("[123]d$", "", kind)


def terms_of(call: Call) -> dict[str, Terms] | None:
    """Return the terms of one operator call by kind of layer, those that are 0 left out; None where none are known."""
    name = _known(call.name, _FORMULAS)
    if name is None:
        return None
    found: dict[str, Terms] = {}
    for entry in _FORMULAS[name]:
        given: dict[str, Any] = {name: call.named.get(name) for name in entry.arguments if name != "output"}
        if "output" in entry.arguments:
            given["output"] = call.output
        if "operator" in entry.arguments:
            given["operator"] = call.name
        terms = entry.function(**given)
        if terms is None:
            return None
        assert terms.keys() <= TERMS.keys(), f"{entry.function.__name__} returns an unknown term"
        kind = entry.kind if isinstance(entry.kind, str) else entry.kind.choose(call.named)
        found[kind] = {name: value for name, value in terms.items() if value}
    return found


def _known(operator: str, registered: Container[str]) -> str | None:
    if operator in registered:
        return operator
    in_place = operator.removesuffix("_")
    return in_place if in_place in registered else None
