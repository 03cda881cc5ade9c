"""A rulebook put together from what was learned: of all ways to count shared, repeated and nested modules, the best."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from reconcile.learn.battery import OWN_PARAMETERS, UNKNOWN_TYPE
from reconcile.learn.describe import describe
from reconcile.learn.formulas import Known, Learned, amount_of, learn_calls
from reconcile.learn.observe import FUSED, LEVELS, Level, Observation
from reconcile.learn.several import learn_several
from reconcile.learn.structure import IN_EVALUATION, IN_TRAINING
from reconcile.learn.watching import PastHooks, Structure, Watched, mode_of, watched
from reconcile.rules import (
    Functions,
    Modules,
    Operators,
    Parameters,
    Rule,
    Rulebook,
    predict,
    predict_parameters,
)
from reconcile.tools import Unit
from reconcile.trace import ROOT, Trace


def learn_rulebook(
    tool: str,
    version: str,
    unit: Unit,
    observations: Sequence[Observation],
    structure: Structure,
    past_hooks: PastHooks,
) -> Rulebook:
    """Return the rulebook that says what a tool returned for the battery and the structural probes."""
    usable = [item for item in observations if not item.error]
    counted = [item for item in usable if item.compute]
    alternatives = [_learn(counted, found) for found in watched(counted, structure, past_hooks)]
    parts = min(alternatives, key=lambda parts: sum(map(len, parts.without_formula.values())))
    base = Rulebook(
        tool=tool,
        versions=[version],
        unit=unit,
        description="",
        mode=mode_of(structure),
        modules=parts.modules,
        functions=parts.functions,
        operators=parts.operators,
        without_formula={name: list(numbers) for name, numbers in parts.without_formula.items()},
    )
    book = min(_structures(base), key=lambda book: _wrong_compute(book, structure))
    if any(item.parameters is not None for item in usable):
        book = min(_with_parameters(book), key=lambda book: _wrong_parameters(book, structure))
        book = min(_with_shared(book), key=lambda book: _wrong_layers(book, structure))
    if book.parameters is None or book.parameters.of != "handled":
        book = _without_idle_rules(book)
    one_sample = all(item.batch == 1 for item in usable)
    return book.model_copy(update={"description": describe(book, one_sample=one_sample)})


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was learned of modules, functions and operators."""

    modules: Modules | None
    functions: Functions | None
    operators: Operators | None
    without_formula: Mapping[str, Sequence[int]]


def _learn(observations: Sequence[Observation], found: Watched) -> _Parts:
    modules, functions, operators = Learned(), Learned(), None
    if found.functions:
        apart = [item for item in observations if found.booked_on or not found.is_hooked(item)]
        functions = learn_several(apart, found.functions_of, found.on_functions)
    if found.modules:
        modules = learn_calls(_module_cases(observations, found, functions.rules))
    without = {**modules.without_formula, **functions.without_formula}
    if found.operators:
        operators, more = _operators(observations)
        without |= more
    return _Parts(
        _modules(modules, found, observations) if found.modules else None,
        _functions(functions, found) if found.functions else None,
        operators,
        without,
    )


def _module_cases(observations: Sequence[Observation], found: Watched, functions: Sequence[Rule]) -> Iterator[Known]:
    """What the tool books on the one module of each probe, for the whole batch, without functions booked there."""
    for item in observations:
        if item.module is not None:
            value = item.on_modules
            if found.functions and not found.booked_on:
                counted = sum(amount_of(functions, seen) for seen in found.functions_of(item))
                value = value - counted if found.is_hooked(item) else 0
            yield item, item.module, value * (item.batch if found.per_sample else 1)


def _modules(learned: Learned, found: Watched, observations: Sequence[Observation]) -> Modules:
    """Rules for modules; the one for a layer of an unknown type comes last, for all that no other rule is for.

    A module that counts nothing has a rule only if that shows: in its parameters, or since all others have one.
    """
    with_parameters = {
        item.module.name
        for item in observations
        if item.module is not None and item.parameters is not None and item.parameters > OWN_PARAMETERS
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
    return Functions(
        booked_on=found.booked_on,
        nested=found.nested,
        inside=found.inside,
        rules=[rule for rule in learned.rules if rule.counts or rule.where],
    )


def _operators(observations: Sequence[Observation]) -> tuple[Operators, Mapping[str, tuple[int, ...]]]:
    """Rules for operators at the level that explains most. Of two that explain as much, it is the inner one.

    Every operator of a graph can have a rule of its own, so its level explains at least as much as what is dispatched.
    """
    at_level: dict[Level, Learned] = {
        "every": learn_several(observations, lambda item: item.every, lambda item: item.total),
        "graph": learn_several(observations, lambda item: item.graph, lambda item: item.total),
        "dispatched": learn_several(observations, lambda item: item.dispatched, lambda item: item.total),
    }
    level = min(reversed(LEVELS), key=lambda level: sum(map(len, at_level[level].without_formula.values())))
    learned = at_level[level]
    return Operators(level=level, fused=FUSED, rules=list(learned.rules)), learned.without_formula


def _structures(book: Rulebook) -> Iterator[Rulebook]:
    """Every way to count what is shared, called again, or holds others; plain ways first."""
    for modules in _with_each(book.modules, _OF_MODULES):
        for functions in _with_each(book.functions, _OF_FUNCTIONS):
            yield book.model_copy(update={"modules": modules, "functions": functions})


def _with_each(part: Any, choices: Sequence[str]) -> Iterator[Any]:
    """A part of a rulebook with every combination of the values that these fields can have; the first are plain."""
    if part is None:
        yield None
        return
    values = [get_args(type(part).model_fields[name].annotation) for name in choices]
    for chosen in itertools.product(*values):
        yield part.model_copy(update=dict(zip(choices, chosen, strict=True)))


_OF_MODULES = ("owners", "calls", "watch", "below", "model")
_OF_FUNCTIONS = ("owners",)


def _with_parameters(book: Rulebook) -> Iterator[Rulebook]:
    for of, trainable_only in itertools.product(get_args(Parameters.model_fields["of"].annotation), (False, True)):
        parameters = Parameters(of=of, trainable_only=trainable_only)
        if of in ("ran", "called"):
            for names in ([], ["weight", "bias"]):
                named = parameters.model_copy(update={"names": names})
                for watching in _with_each(named, ("watch",)):
                    yield book.model_copy(update={"parameters": watching})
        elif of != "handled" or book.modules is not None:
            yield book.model_copy(update={"parameters": parameters})


def _with_shared(book: Rulebook) -> Iterator[Rulebook]:
    """Every place where shared parameters can stand, which is all the same to their sum."""
    if book.parameters is None or book.parameters.of != "all":
        yield book
        return
    for parameters in _with_each(book.parameters, ("shared",)):
        yield book.model_copy(update={"parameters": parameters})


def _wrong_compute(book: Rulebook, structure: Structure) -> int:
    """For how many structural probes the rulebook says another count than the tool."""
    traces = ((trace_in_mode(book, structure, *place), outcome.compute) for place, outcome in structure.items())
    return sum(
        trace is not None and value is not None and predicted_compute(book, trace) != value for trace, value in traces
    )


def _wrong_parameters(book: Rulebook, structure: Structure) -> int:
    traces = ((trace_in_mode(book, structure, *place), outcome.parameters) for place, outcome in structure.items())
    return sum(
        trace is not None and value is not None and predicted_parameters(book, trace) != value
        for trace, value in traces
    )


def _wrong_layers(book: Rulebook, structure: Structure) -> int:
    """For how many structural probes the rulebook has other parameters on a layer than the tool."""
    traces = ((trace_in_mode(book, structure, *place), outcome.parameters_on) for place, outcome in structure.items())
    return sum(
        trace is not None and predicted_on_layers(book, trace, reported) != reported for trace, reported in traces
    )


def trace_in_mode(book: Rulebook, structure: Structure, name: str, batch: int) -> Trace | None:
    """The trace of a structural probe in the mode in which the tool runs it."""
    forced = {"eval": IN_EVALUATION, "train": IN_TRAINING}.get(book.mode or "")
    if forced is not None and name in (IN_EVALUATION, IN_TRAINING):
        name = forced
    return structure[name, batch].trace


def predicted_compute(book: Rulebook, trace: Trace) -> int:
    """Return what a tool counts for a model, by its rulebook."""
    return sum(claim.value for claim in predict(book, trace))


def predicted_parameters(book: Rulebook, trace: Trace) -> int:
    """Return how many parameters a tool says that a model has, by its rulebook."""
    found = predict_parameters(book, trace)
    return sum(trace.parameters[name].elements for _, name in found.counted) + sum(found.adjustments.values())


def predicted_on_layers(book: Rulebook, trace: Trace, reported: Collection[str]) -> dict[str, int]:
    """Return how many of these a tool says that each layer has that it reports, or the nearest of these above it."""
    found = predict_parameters(book, trace)
    booked = [(layer, trace.parameters[name].elements) for layer, name in found.counted]
    booked += [(layer, delta) for (layer, _), delta in found.adjustments.items()]
    on_layers = dict.fromkeys(reported, 0)
    for layer, elements in booked:
        place = layer
        while place not in on_layers and place != ROOT:
            place = place.rpartition(".")[0]
        on_layers[place] = on_layers.get(place, 0) + elements
    return on_layers
