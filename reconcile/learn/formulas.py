"""A rule for each name that a tool counts: one formula for all settings, or one for each value of an argument."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from reconcile.learn.battery import KEPT_BACK
from reconcile.learn.observe import Observation, Seen
from reconcile.learn.solve import Case, Form, forms
from reconcile.rules import ExpressionError, Rule, evaluate

Known: TypeAlias = "tuple[Observation, Seen, int]"
"""A probe, the call in it that is looked at, and what the tool counts for that call."""

_MOST_VALUES = 6
"""An argument with more values than these is a size, and no setting."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Rules, and by name the numbers for which there is none."""

    rules: tuple[Rule, ...] = ()
    without_formula: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def learn_calls(cases: Iterable[Known]) -> Learned:
    """Learn a rule for each name among the calls."""
    by_name: dict[str, list[Known]] = {}
    for case in cases:
        by_name.setdefault(case[1].name, []).append(case)
    made = {name: rules_for(name, group) for name, group in by_name.items()}
    without: dict[str, tuple[int, ...]] = {}
    for name, group in by_name.items():
        for item, seen, value in group:
            if amount_of(made[name], seen) != value:
                place = f"{name} ({item.setting})" if item.setting and made[name] else name
                without[place] = (*without.get(place, ()), value)
    return Learned(merged(rule for rules in made.values() for rule in rules), without)


def rules_for(name: str, cases: Sequence[Known]) -> list[Rule]:
    """Return a rule for all cases; or one for each value of an argument, as far as there is one; or for most cases."""
    form = _fit(cases)
    if form is not None:
        return [_rule(name, {}, form)]
    best: list[Rule] = []
    most = 0
    for fact in _settings(cases):
        groups = _grouped(cases, [_plain(seen, fact) for _, seen, _ in cases])
        fitted = {value: _fit(group, simple=True) for value, group in groups.items()}
        found = {value: form for value, form in fitted.items() if form is not None}
        explained = sum(len(groups[value]) for value in found)
        if explained > most:
            most, best = explained, _by_value(name, fact, found)
        if explained == len(cases):
            return best
    for group in _grouped(cases, [(item.subject, item.setting) for item, *_ in cases]).values():
        form = _fit(group, simple=True)
        explained = 0 if form is None else sum(_gives(form, seen, value) for _, seen, value in cases)
        if form is not None and explained > most:
            most, best = explained, [_rule(name, {}, form)]
    return best


def _grouped(cases: Sequence[Known], keys: Sequence[_Key]) -> Mapping[_Key, Sequence[Known]]:
    groups: dict[_Key, list[Known]] = {}
    for case, key in zip(cases, keys, strict=True):
        groups.setdefault(key, []).append(case)
    return groups


_Key = TypeVar("_Key", bound=Hashable)


def _by_value(name: str, fact: str, forms: Mapping[str | bool | int | None, Form]) -> list[Rule]:
    """A rule for each form, for all values of the argument for which it is the form."""
    values: dict[str, list[str | bool | int | None]] = {}
    for value, form in forms.items():
        values.setdefault(repr(form), []).append(value)
    return [_rule(name, {fact: values[repr(form)]}, form) for form in _each_once(forms.values())]


def _each_once(forms: Iterable[Form]) -> Iterable[Form]:
    return {repr(form): form for form in forms}.values()


def _rule(name: str, where: dict[str, list[str | bool | int | None]], form: Form) -> Rule:
    rounded = [term for term, amount in form.items() if isinstance(amount, str) and amount.startswith("significant(")]
    return Rule(names=[name], where=where, counts=dict(form), causes=dict.fromkeys(rounded, "rounding"))


def amount_of(rules: Sequence[Rule], seen: Seen) -> int:
    """Return what the first rule that fits counts for a call."""
    for rule in rules:
        if seen.name in rule.names and all(seen.facts.get(name) in allowed for name, allowed in rule.where.items()):
            return amount(rule.counts, seen)
    return 0


def amount(counts: Form, seen: Seen) -> int:
    """Return what a rule's counts are for a call."""
    known = {**seen.quantities, **seen.terms}
    return sum(
        amount * seen.terms.get(term, 0) if isinstance(amount, int) else evaluate(amount, known)
        for term, amount in counts.items()
    )


def merged(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules, those that count the same in one."""
    found: dict[str, Rule] = {}
    for rule in rules:
        key = repr((rule.where, rule.counts))
        known = found.get(key)
        names = rule.names if known is None else [*known.names, *rule.names]
        found[key] = rule.model_copy(update={"names": names})
    return tuple(found.values())


def _fit(cases: Sequence[Known], *, simple: bool = False) -> Form | None:
    """The simplest form of the cases to learn from that gives those that were kept back, too."""
    learned = [Case(seen.terms, seen.quantities, value) for item, seen, value in cases if item.variant not in KEPT_BACK]
    checked = [(seen, value) for item, seen, value in cases if item.variant in KEPT_BACK]
    if not learned or not checked:
        return None
    fitting = forms(learned, _home(learned), simple=simple)
    return next((form for form in fitting if all(_gives(form, seen, value) for seen, value in checked)), None)


def _gives(form: Form, seen: Seen, value: int) -> bool:
    try:
        return amount(form, seen) == value
    except ExpressionError:  # a size that this call does not have
        return False


def _home(cases: Sequence[Case]) -> str:
    """The term that a layer is about: the largest of the documented ones."""
    totals: dict[str, int] = {}
    for case in cases:
        for term, number in case.terms.items():
            totals[term] = totals.get(term, 0) + number
    return max(totals, key=lambda term: totals[term], default="elementwise")


def _settings(cases: Sequence[Known]) -> list[str]:
    """Arguments and attributes with plain values that differ between the cases."""
    found = []
    for fact in dict.fromkeys(name for _, seen, _ in cases for name in seen.facts):
        values = [seen.facts.get(fact) for _, seen, _ in cases]
        plain = all(value is None or isinstance(value, (str, bool, int)) for value in values)
        if plain and 1 < len(set(map(repr, values))) <= _MOST_VALUES:
            found.append(fact)
    return found


def _plain(seen: Seen, fact: str) -> str | bool | int | None:
    value = seen.facts.get(fact)
    assert value is None or isinstance(value, (str, bool, int))
    return value
