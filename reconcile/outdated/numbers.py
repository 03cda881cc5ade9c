"""What two rulebooks of a column say of models, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reconcile.errors import ReconcileError
from reconcile.learn import predicted_compute, predicted_parameters
from reconcile.outdated.study import Study
from reconcile.rules import ExpressionError, Rulebook
from reconcile.tools import Metric
from reconcile.trace import Trace, trace_spec
from reconcile.zoo import ModelSpec


@dataclass(frozen=True, slots=True)
class Number:
    """A model's number by the rulebook that is known and by one that was learned of a newer version.

    ``unit`` and ``new_unit`` are MAC or FLOP, or ``parameter``. ``without_formula`` are the layers, functions and
    operators of the model for which one of the two has no formula: with any, neither the numbers nor their difference
    are certain.
    """

    model: str
    metric: Metric
    known: int
    learned: int
    unit: str
    new_unit: str
    without_formula: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the two differ."""
        return self.known != self.learned


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of all models for each study, in the order of the studies; and why some models have none."""

    of_studies: tuple[tuple[Number, ...], ...] = ()
    problems: tuple[str, ...] = ()


def compare_models(
    studies: Sequence[Study],
    models: Sequence[ModelSpec],
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Numbers:
    """Trace each model once, and evaluate both rulebooks of each study on it. ``progress`` is told each model."""
    found: list[list[Number]] = [[] for _ in studies]
    problems: list[str] = []
    for spec in models if any(study.known and study.learned for study in studies) else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a model says while it is built is nothing about its numbers
                trace, _ = trace_spec(spec, seed)
        except ReconcileError as error:
            problems.append(str(error))
            continue
        finally:
            progress(spec.name)
        for study, numbers in zip(studies, found, strict=True):
            if study.known is not None and study.learned is not None:
                try:
                    numbers.extend(numbers_of(spec.name, trace, study.known, study.learned))
                except ExpressionError as error:
                    problems.append(f"a rulebook of {study.subject} does not fit {spec.name}: {error}.")
    return Numbers(tuple(map(tuple, found)), tuple(problems))


def numbers_of(model: str, trace: Trace, known: Rulebook, learned: Rulebook) -> Iterator[Number]:
    """Yield the metrics of a model that both rulebooks have, from a trace of it.

    Raises:
        ExpressionError: A rule uses a quantity that a call does not have.
    """
    here, there = _in_mode(known, trace), _in_mode(learned, trace)
    without = tuple(dict.fromkeys((*_without_formula(known, here), *_without_formula(learned, there))))
    if known.unit and learned.unit:
        before, after = predicted_compute(known, here), predicted_compute(learned, there)
        yield Number(model, "compute", before, after, known.unit, learned.unit, without)
    if known.parameters is not None and learned.parameters is not None:
        before, after = predicted_parameters(known, here), predicted_parameters(learned, there)
        yield Number(model, "params", before, after, "parameter", "parameter")


def _in_mode(book: Rulebook, trace: Trace) -> Trace:
    """The trace of a model in the mode in which the tool runs it."""
    return trace.in_evaluation if book.mode == "eval" and trace.in_evaluation is not None else trace


def _without_formula(book: Rulebook, trace: Trace) -> tuple[str, ...]:
    """What a model holds of that for which a rulebook names no formula, without the settings of its probe."""
    unknown = dict.fromkeys(name.partition(" (")[0] for name in book.without_formula)
    if not unknown:
        return ()
    held = {module.type for module in trace.modules.values()} | {call.name for call in trace.root.walk()}
    return tuple(name for name in unknown if name in held)
