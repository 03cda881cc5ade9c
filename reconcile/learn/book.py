"""A rulebook put together from what was learned: of all ways to count shared, repeated and nested modules, the best."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

from reconcile.learn.battery import OWN_PARAMETERS, UNKNOWN_TYPE
from reconcile.learn.formulas import Known, Learned, learn_calls
from reconcile.learn.observe import FUSED, LEVELS, Level, Observation
from reconcile.learn.several import learn_several
from reconcile.learn.watching import Structure, Watched, watched
from reconcile.rules import Functions, Modules, Operators, Parameters, Rulebook, predict, predict_parameters
from reconcile.tools import Unit
from reconcile.trace import Trace


def learn_rulebook(
    tool: str, version: str, unit: Unit, observations: Sequence[Observation], structure: Structure
) -> Rulebook:
    """Return the rulebook that says what a tool returned for the battery and the structural probes."""
    usable = [item for item in observations if not item.error]
    found = watched(usable, structure)
    modules, functions, operators = Learned(), Learned(), Learned()
    level: Level = "dispatched"
    if found.modules:
        modules = learn_calls(_module_cases(usable, per_sample=found.per_sample))
    if found.functions:
        functions = learn_several(usable, lambda item: item.functions, lambda item: _of_functions(item, found))
    if found.operators:
        at_level = {
            "graph": learn_several(usable, lambda item: item.graph, lambda item: item.total),
            "dispatched": learn_several(usable, lambda item: item.dispatched, lambda item: item.total),
        }
        # Every operator of a graph can have a rule of its own, so its level explains at least as much.
        level = min(reversed(LEVELS), key=lambda level: sum(map(len, at_level[level].without_formula.values())))
        operators = at_level[level]
    without = {**modules.without_formula, **functions.without_formula, **operators.without_formula}
    base = Rulebook(
        tool=tool,
        versions=[version],
        unit=unit or "MAC",
        description=_description(found, level),
        modules=_modules(modules, found, usable) if found.modules else None,
        functions=_functions(functions, found) if found.functions else None,
        operators=_operators(operators, level) if found.operators else None,
        parameters=Parameters(of="all"),
        without_formula={name: list(numbers) for name, numbers in without.items()},
    )
    structured = min(_structures(base), key=lambda book: _wrong(book, structure))
    counted = min(_with_parameters(structured), key=lambda book: _wrong_parameters(book, structure))
    return counted if counted.parameters.of == "handled" else _without_idle_rules(counted)


def _module_cases(observations: Sequence[Observation], *, per_sample: bool) -> Iterator[Known]:
    """What the tool books on the one module of each probe, for the whole batch."""
    for item in observations:
        if item.module is not None:
            yield item, item.module, item.on_modules * (item.batch if per_sample else 1)


def _of_functions(item: Observation, found: Watched) -> int:
    """What the tool counts for the functions of a probe, beside what it may book on modules."""
    return item.elsewhere if found.modules else item.total


def _modules(learned: Learned, found: Watched, observations: Sequence[Observation]) -> Modules:
    """Rules for modules; the one for a layer of an unknown type comes last, for all that no other rule is for.

    A module that counts nothing has a rule only if that shows: in its parameters, or since all others have one.
    """
    with_parameters = {
        item.module.name for item in observations if item.module is not None and item.parameters > OWN_PARAMETERS
    }
    rest = [rule for rule in learned.rules if UNKNOWN_TYPE in rule.names and rule.counts]
    rules = []
    for rule in learned.rules:
        shows = rule.counts or rule.where or rest
        names = [name for name in rule.names if name != UNKNOWN_TYPE and (shows or name in with_parameters)]
        if names:
            rules.append(rule.model_copy(update={"bases" if found.subclasses else "names": names}))
    if found.subclasses:
        rules = [rule.model_copy(update={"names": []}) for rule in rules]
    return Modules(
        per_sample=found.per_sample, rules=[*rules, *(rule.model_copy(update={"names": []}) for rule in rest)]
    )


def _without_idle_rules(book: Rulebook) -> Rulebook:
    """Where all parameters count, that a module has some says nothing of whether it has a rule."""
    if book.modules is None or not all(rule.names or rule.bases for rule in book.modules.rules):
        return book
    rules = [rule for rule in book.modules.rules if rule.counts or rule.where]
    return book.model_copy(update={"modules": book.modules.model_copy(update={"rules": rules})})


def _functions(learned: Learned, found: Watched) -> Functions:
    return Functions(booked_on=found.booked_on, rules=[rule for rule in learned.rules if rule.counts])


def _operators(learned: Learned, level: Level) -> Operators:
    return Operators(level=level, fused=FUSED, rules=list(learned.rules))


def _description(found: Watched, level: Level) -> str:
    parts = []
    if found.modules:
        parts.append("hooks on modules of exactly known types" if not found.subclasses else "hooks on known modules")
    if found.functions:
        parts.append("functions of torch that it replaces")
    if found.operators:
        parts.append("operators of a traced graph" if level == "graph" else "operators that torch dispatches")
    return f"Counts {', and '.join(parts)}." if parts else "Counts no operations."


def _structures(book: Rulebook) -> Iterator[Rulebook]:
    """Every way to count modules that are shared, called again, or hold others; plain ways first."""
    if book.modules is None:
        yield book
        return
    for owners, calls, watch in itertools.product(_OWNERS, _CALLS, _WATCH):
        modules = book.modules.model_copy(update={"owners": owners, "calls": calls, "watch": watch})
        yield book.model_copy(update={"modules": modules})


_OWNERS, _CALLS, _WATCH = ("once", "each", "squared"), ("all", "last"), ("all", "leaves")


def _with_parameters(book: Rulebook) -> Iterator[Rulebook]:
    for of, trainable_only in itertools.product(_PARAMETERS, (False, True)):
        if of != "handled" or book.modules is not None:
            yield book.model_copy(update={"parameters": Parameters(of=of, trainable_only=trainable_only)})


_PARAMETERS: tuple[Literal["all", "handled", "rows"], ...] = ("all", "handled", "rows")


def _wrong(book: Rulebook, structure: Structure) -> int:
    """For how many structural probes the rulebook says another count than the tool."""
    return sum(
        item.compute is not None and predicted_compute(book, item.trace) != item.compute for item in structure.values()
    )


def _wrong_parameters(book: Rulebook, structure: Structure) -> int:
    return sum(
        item.parameters is not None and predicted_parameters(book, item.trace) != item.parameters
        for item in structure.values()
    )


def predicted_compute(book: Rulebook, trace: Trace) -> int:
    """Return what a tool counts for a model, by its rulebook."""
    return sum(claim.value for claim in predict(book, trace))


def predicted_parameters(book: Rulebook, trace: Trace) -> int:
    """Return how many parameters a tool says that a model has, by its rulebook."""
    found = predict_parameters(book, trace)
    return sum(trace.parameters[name].elements for _, name in found.counted) + sum(found.adjustments.values())
