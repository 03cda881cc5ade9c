"""The rulebook of another version: the one that is known, changed only where the tool returns something else now.

A rulebook that is known says more than one that is learned, as it was checked on whole models, and says it in its own
words. So two versions can be compared rule by rule, and what did not change stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from reconcile.learn.lesson import Lesson, checks_of, checks_of_structure, names_of
from reconcile.learn.observe import Observation
from reconcile.rules import Functions, Modules, Operators, Rule, Rulebook

_PARTS = ("modules", "functions", "operators")


def revised(known: Rulebook, lesson: Lesson) -> Rulebook:
    """Return a known rulebook with the rules of a lesson wherever these, and not those, say what the tool returned.

    Layers for which neither does are among those without a formula.
    """
    learned = lesson.rulebook
    book = known.model_copy(update={"tool": learned.tool, "versions": learned.versions, "without_formula": {}})
    for part in _PARTS:
        if getattr(book, part) is None:
            book = _better(book, book.model_copy(update={part: getattr(learned, part)}), lesson, lesson.unused)
    by_name = _observations_by_name(lesson)
    for name in _wrong_names(book, lesson.unused):
        book = _better(book, _with_rules_for(name, book, learned), lesson, by_name[name])
    for part, field in _fields(learned):
        if getattr(book, part) is not None:
            changed = getattr(book, part).model_copy(update={field: getattr(getattr(learned, part), field)})
            book = _better(book, book.model_copy(update={part: changed}), lesson, lesson.unused)
    for field in ("mode", "parameters"):
        candidate = book.model_copy(update={field: getattr(learned, field)})
        book = _better(book, candidate, lesson, lesson.unused)
    return book.model_copy(update={"without_formula": _without_formula(book, lesson.unused)})


def _better(book: Rulebook, candidate: Rulebook, lesson: Lesson, observations: Iterable[Observation]) -> Rulebook:
    """The one of two rulebooks of which fewer numbers are wrong; the first if it is the same for both."""
    known = tuple(observations)
    return min((book, candidate), key=lambda item: _number_wrong(item, lesson, known))


def _number_wrong(book: Rulebook, lesson: Lesson, observations: Iterable[Observation]) -> int:
    checks = (*checks_of(book, observations), *checks_of_structure(book, lesson.structure))
    return sum(not check.holds for check in checks)


def _fields(book: Rulebook) -> Iterator[tuple[str, str]]:
    """Everything that a rulebook says of what a tool watches, beside its rules."""
    for part in _PARTS:
        for field in type(getattr(book, part)).model_fields if getattr(book, part) is not None else ():
            if field != "rules":
                yield part, field


def _wrong_names(book: Rulebook, observations: Iterable[Observation]) -> list[str]:
    """Names of what is called in the probes for which a rulebook is wrong, each once."""
    wrong = (item for item in observations if not all(check.holds for check in checks_of(book, [item])))
    return list(dict.fromkeys(name for item in wrong for name in names_of(item)))


def _observations_by_name(lesson: Lesson) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = defaultdict(list)
    for item in lesson.unused:
        for name in dict.fromkeys(names_of(item)):
            found[name].append(item)
    return found


def _with_rules_for(name: str, book: Rulebook, learned: Rulebook) -> Rulebook:
    """The rulebook, with the learned rules for one name in place of its own."""
    update: dict[str, Modules | Functions | Operators] = {}
    for part in _PARTS:
        known, other = getattr(book, part), getattr(learned, part)
        if known is not None and other is not None:
            taken = [_only(rule, name) for rule in other.rules if name in (*rule.names, *rule.bases)]
            kept = [_without(rule, name) for rule in known.rules]
            rules = [*taken, *(rule for rule in kept if rule is not None)]
            update[part] = known.model_copy(update={"rules": rules})
    return book.model_copy(update=update)


def _only(rule: Rule, name: str) -> Rule:
    fields = {field: [name] for field in ("names", "bases") if name in getattr(rule, field)}
    return rule.model_copy(update={"names": [], "bases": [], **fields})


def _without(rule: Rule, name: str) -> Rule | None:
    """The rule for all other names; None if there is none."""
    if name not in (*rule.names, *rule.bases):
        return rule
    names, bases = ([other for other in listed if other != name] for listed in (rule.names, rule.bases))
    if not names and not bases and rule.class_name_contains is None:
        return None
    return rule.model_copy(update={"names": names, "bases": bases})


def _without_formula(book: Rulebook, observations: Iterable[Observation]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for check in checks_of(book, observations):
        if not check.holds and check.metric == "compute":
            found.setdefault(check.probe, []).append(check.returned)
    return found
