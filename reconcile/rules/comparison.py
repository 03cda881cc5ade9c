"""Two rulebooks in words: what the second says otherwise than the first, named by layer."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TypeAlias

from pydantic import BaseModel

from reconcile.rules.rulebook import Modules, Rule, Rulebook

_Conditions: TypeAlias = "tuple[str, ...]"
_Amounts: TypeAlias = "tuple[tuple[str, str], ...]"
_Saying: TypeAlias = "Mapping[_Conditions, _Amounts]"
"""What a rulebook says of one name: what it counts under each condition."""

_NOTHING = "counts nothing"
_NO_FORMULA = "counts by no formula that was found"
_MOST_NAMES = 8


def compare_rulebooks(first: Rulebook, second: Rulebook, among: Container[str] | None = None) -> Iterator[str]:
    """Yield sentences on all that differs between two rulebooks, layers that changed in the same way in one.

    How rules are grouped and ordered is no difference, but a formula in other words is one. So, where more is known,
    ``among`` are the names of layers, functions and operators that are compared at all. What is counted for a layer of
    which only one rulebook has a rule is compared with nothing. Versions, descriptions, and layers for which no formula
    was found are not compared; nor is the mode where one does not say it.
    """
    names = _title(first), _title(second)
    yield from _field("unit", first.unit, second.unit, names)
    if first.mode is not None and second.mode is not None:
        yield from _field("mode", first.mode, second.mode, names)
    for kind in ("modules", "functions", "operators"):
        yield from _part(kind, (first, second), among)
    for kind in ("parameters", "activations", "memory"):
        yield from _fields(kind, getattr(first, kind), getattr(second, kind), names)


def changed_rules(then: Rulebook, now: Rulebook) -> Iterator[str]:
    """Yield sentences on what a version of a tool counts otherwise than another, by their rulebooks.

    Beside what :func:`compare_rulebooks` says, the layers of which only one has a formula.
    """
    yield from compare_rulebooks(then, now)
    without = [_without_formula(book) for book in (then, now)]
    titles = [_title(book) for book in (then, now)]
    for place, names in enumerate((without[0] - without[1], without[1] - without[0])):
        if names:
            lost, found = titles[place], titles[1 - place]
            yield f"{', '.join(sorted(names))}: no formula was found for {lost}, which differs from that of {found}."


def _title(book: Rulebook) -> str:
    return f"{book.tool} {', '.join(book.versions)}"


def _part(kind: str, books: tuple[Rulebook, Rulebook], among: Container[str] | None) -> Iterator[str]:
    """Compare what two rulebooks say of modules, of functions or of operators."""
    first, second = (getattr(book, kind) for book in books)
    names = _title(books[0]), _title(books[1])
    if first is None and second is None:
        return
    yield from _fields(kind, first, second, names)
    sayings = [{} if part is None else _sayings(part) for part in (first, second)]
    rests = [_rest(part) for part in (first, second)]
    groups: dict[tuple[str, str], list[str]] = {}
    for name in sorted({*sayings[0], *sayings[1]}):
        before, after = (saying.get(name, rest) for saying, rest in zip(sayings, rests, strict=True))
        if before != after and (among is None or name in among):
            changed = [
                _NO_FORMULA if not said and name in _without_formula(book) else _words(said)
                for said, book in zip((before, after), books, strict=True)
            ]
            groups.setdefault((changed[0], changed[1]), []).append(name)
    if rests[0] != rests[1] and among is None:
        groups.setdefault((_words(rests[0]), _words(rests[1])), []).append("every other layer")
    for (before_words, after_words), layers in groups.items():
        yield f"{_list(layers)}: {names[0]} {before_words}, {names[1]} {after_words}."


def _sayings(part: BaseModel) -> dict[str, _Saying]:
    """What is said of each name. Of rules for the same name and condition, the first holds."""
    found: dict[str, dict[_Conditions, _Amounts]] = {}
    for rule in _rules(part):
        for name in (*rule.names, *rule.bases, *_named_by_part(rule)):
            said = found.setdefault(name, {})
            if () not in said:  # a rule without a condition leaves nothing to those after it
                for condition in _conditions(rule):
                    said.setdefault(condition, _amounts(rule))
    return {
        name: {condition: amounts for condition, amounts in said.items() if amounts} for name, said in found.items()
    }


def _rest(part: BaseModel | None) -> _Saying:
    """What is counted for a layer that no rule names."""
    for rule in () if part is None else _rules(part):
        if not rule.names and not rule.bases and rule.class_name_contains is None:
            return {condition: _amounts(rule) for condition in _conditions(rule) if rule.counts}
    return {}


def _rules(part: BaseModel) -> Sequence[Rule]:
    rules: Sequence[Rule] = part.rules  # type: ignore[attr-defined]  # all three parts of a rulebook have rules
    return rules


def _named_by_part(rule: Rule) -> tuple[str, ...]:
    return () if rule.class_name_contains is None else (f"layers with '{rule.class_name_contains}' in their names",)


def _conditions(rule: Rule) -> Iterator[_Conditions]:
    """One condition for each combination of the values that a rule names."""
    found: list[_Conditions] = [()]
    for name, allowed in sorted(rule.where.items()):
        found = [(*known, f"{name} is {value}") for known in found for value in allowed]
    yield from found


def _amounts(rule: Rule) -> _Amounts:
    return tuple(sorted((term, str(amount)) for term, amount in rule.counts.items() if amount != 0))


def _without_formula(book: Rulebook) -> frozenset[str]:
    """Names for which no formula was found, without their settings."""
    return frozenset(name.partition(" (")[0] for name in book.without_formula)


def _words(saying: _Saying) -> str:
    """What is counted, in words."""
    if not saying:
        return _NOTHING
    return "counts " + "; ".join(
        " + ".join(f"{term} {amount}" for term, amount in amounts)
        + (f" where {' and '.join(condition)}" if condition else "")
        for condition, amounts in sorted(saying.items())
    )


def _list(names: Sequence[str]) -> str:
    further = len(names) - _MOST_NAMES
    return ", ".join(names) if further <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {further} more"


def _fields(what: str, first: BaseModel | None, second: BaseModel | None, names: tuple[str, str]) -> Iterator[str]:
    """Compare everything but the rules."""
    if first is None or second is None:
        if first is not second:
            has, lacks = names if second is None else reversed(names)
            yield f"{what}: {has} counts them, {lacks} does not."
        return
    if isinstance(first, Modules) and isinstance(second, Modules):
        before, after = (any(rule.bases for rule in part.rules) for part in (first, second))
        yield from _field(f"{what}, subclasses of known types", before, after, names)
    for field in type(first).model_fields:
        if field not in _NOT_COMPARED:
            subject = f"{what}, {_SUBJECTS.get(field, field)}"
            yield from _field(subject, getattr(first, field), getattr(second, field), names)


_SUBJECTS = {
    "below": "what lies below one with a rule",
    "calls": "of one that is called again, the calls that count",
    "inside": "which count inside modules",
    "kept": "functions that a program kept are seen",
    "level": "those that are seen",
    "model": "the model itself",
    "nested": "functions that other functions call are seen",
    "of": "those that count",
    "owners": "a call of one with several owners counts",
    "shared": "those of several owners stand on",
}
"""What the fields of a rulebook are about, where their names alone do not say it."""

_NOT_COMPARED = ("rules", "opened", "fused")
"""Fields that are compared layer by layer, or that say how torch runs an operator."""


def _field(what: str, first: object, second: object, names: tuple[str, str]) -> Iterator[str]:
    if first != second:
        yield f"{what.replace('_', ' ')}: {names[0]} {_value(first)}, {names[1]} {_value(second)}."


def _value(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, sorted(value))) or "all"
        case _:
            return str(value) or "none"
