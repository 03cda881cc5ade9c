"""Rules for calls of which a probe makes several: each is learned where all others are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from reconcile.learn.formulas import Known, Learned, amount_of, merged, rules_for
from reconcile.learn.observe import Observation, Seen
from reconcile.rules import Rule

Calls: TypeAlias = "Callable[[Observation], Sequence[Seen]]"
"""The calls of a probe that a tool may count."""

Value: TypeAlias = "Callable[[Observation], int]"
"""What a tool counts for all of them."""

_Rules: TypeAlias = "dict[str, list[Rule]]"


def learn_several(observations: Sequence[Observation], calls: Calls, value: Value) -> Learned:
    """Learn rules for calls of one kind from what a tool counts for all that a probe makes.

    What is left without a formula goes by the first call that has none.
    """
    rules = _learn(observations, calls, value)
    without: dict[str, tuple[int, ...]] = {}
    for item in observations:
        if _sum(calls(item), rules) != value(item):
            unknown = [seen.name for seen in calls(item) if seen.name not in rules]
            name = unknown[0] if unknown else f"{item.subject} ({item.setting})" if item.setting else item.subject
            without[name] = (*without.get(name, ()), value(item))
    counting = {name for name, made in rules.items() if any(rule.counts for rule in made)}
    found = merged(
        rule
        for name, made in rules.items()
        for rule in made
        if name in counting or name.removesuffix("_") in counting  # of add_, where add counts: that it counts nothing
    )
    return Learned(found, without)


def _learn(observations: Sequence[Observation], calls: Calls, value: Value) -> _Rules:
    rules: _Rules = {}
    given_up: set[str] = set()
    while True:
        cases: dict[str, list[Known]] = {}
        for item in observations:
            unknown = [seen for seen in calls(item) if seen.name not in rules]
            if len(unknown) == 1 and unknown[0].name not in given_up:
                known = [seen for seen in calls(item) if seen.name in rules]
                cases.setdefault(unknown[0].name, []).append((item, unknown[0], value(item) - _sum(known, rules)))
        made = {name: rules_for(name, group) for name, group in cases.items()}
        given_up |= {name for name, found in made.items() if not found}
        learned = {name: found for name, found in made.items() if found}
        if not learned:
            learned = _counting_nothing(observations, calls, value, rules, given_up)
        if not learned:
            learned = _for_the_outer(observations, calls, value, rules, given_up)
        if not learned:
            return rules
        rules |= learned


def _for_the_outer(
    observations: Sequence[Observation], calls: Calls, value: Value, rules: _Rules, given_up: set[str]
) -> _Rules:
    """A rule for the first of several unknown calls, the outermost, where the others then count nothing."""
    cases: dict[str, list[Known]] = {}
    others: dict[str, set[str]] = {}
    for item in observations:
        unknown = [seen for seen in calls(item) if seen.name not in rules]
        first = unknown[0].name if unknown else ""
        if first and first not in given_up and first not in {seen.name for seen in unknown[1:]}:
            known = [seen for seen in calls(item) if seen.name in rules]
            cases.setdefault(first, []).append((item, unknown[0], value(item) - _sum(known, rules)))
            others.setdefault(first, set()).update(seen.name for seen in unknown[1:])
    for name, group in cases.items():
        found = rules_for(name, group)
        if found and all(amount_of(found, seen) == counted for _, seen, counted in group):
            return {name: found} | {other: [Rule(names=[other])] for other in others[name]}
        given_up.add(name)
    return {}


def _counting_nothing(
    observations: Sequence[Observation], calls: Calls, value: Value, rules: _Rules, given_up: set[str]
) -> _Rules:
    """Calls in probes for which the tool counts no more than for the calls that are known."""
    found: _Rules = {}
    for item in observations:
        unknown = {seen.name for seen in calls(item) if seen.name not in rules}
        known = [seen for seen in calls(item) if seen.name in rules]
        if unknown and not given_up & unknown and value(item) == _sum(known, rules):
            found |= {name: [Rule(names=[name], counts={})] for name in unknown}
    return found


def _sum(calls: Sequence[Seen], rules: Mapping[str, Sequence[Rule]]) -> int:
    return sum(amount_of(rules.get(seen.name, ()), seen) for seen in calls)
