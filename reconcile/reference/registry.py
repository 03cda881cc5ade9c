"""Which operator has which formula. Formulas are small pure functions over shapes; see ``formulas/``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconcile.reference.terms import TERMS
from reconcile.trace import Call, Value

Terms: TypeAlias = "Mapping[str, int]"
"""Terms by name; one that is not named is 0."""

Kind: TypeAlias = "str | Callable[[Mapping[str, Value]], str]"
"""The kind of layer (``convolution``, ``batch_norm``), or a function that tells it from the operator's arguments."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, the kind of layer that it stands for, and the arguments of the operator that it reads."""

    kind: Kind
    function: Callable[..., Terms]
    arguments: tuple[str, ...]


_FORMULAS: dict[str, Formula] = {}
_FREE: set[str] = set()


def formula(kind: Kind, *operators: str) -> Callable[[Callable[..., Terms]], Callable[..., Terms]]:
    """Register a function as the formula of operators.

    Its parameters are named after the operator's schema; ``output`` is what the operator returned.
    """

    def register(function: Callable[..., Terms]) -> Callable[..., Terms]:
        entry = Formula(kind, function, tuple(inspect.signature(function).parameters))
        for operator in operators:
            _FORMULAS[operator] = entry
        return function

    return register


def free(*operators: str) -> None:
    """Register operators that move or make data, or read it, without arithmetic on it."""
    _FREE.update(operators)


def is_free(operator: str) -> bool:
    """Whether the operator is known to cost no arithmetic."""
    return _known(operator, _FREE) is not None


def formula_of(operator: str) -> Formula | None:
    """Return the formula of an operator; ``aten.add_`` has that of ``aten.add``."""
    name = _known(operator, _FORMULAS)
    return None if name is None else _FORMULAS[name]


def terms_of(entry: Formula, call: Call) -> tuple[str, Terms]:
    """Return the kind of layer and the terms of one operator call, those that are 0 left out."""
    given: dict[str, Any] = {name: call.named.get(name) for name in entry.arguments if name != "output"}
    if "output" in entry.arguments:
        given["output"] = call.output
    terms = entry.function(**given)
    assert terms.keys() <= TERMS.keys(), f"{entry.function.__name__} returns an unknown term"
    kind = entry.kind if isinstance(entry.kind, str) else entry.kind(call.named)
    return kind, {name: value for name, value in terms.items() if value}


def _known(operator: str, registered: Mapping[str, Formula] | set[str]) -> str | None:
    if operator in registered:
        return operator
    in_place = operator.removesuffix("_")
    return in_place if in_place in registered else None
