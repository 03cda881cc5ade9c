"""How often two tools of a run say the same, how far they are apart where they do not, and by which causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import inf
from typing import TypeAlias

from reconcile.report.common_unit import Level, causes_between, level, reference_level
from reconcile.report.order import Order, compare_order
from reconcile.report.overview import models_of, tools_of
from reconcile.run.result import Run

METRICS = ("compute", "params")
"""The metrics that most tools have, and mean the same thing by."""

REFERENCE = "reference"
"""The name of the reference where it stands among the tools."""

ModelInput: TypeAlias = tuple[str, str]
"""A model and its input: the same model on another input is another one."""

Ratio: TypeAlias = Fraction | float
"""The larger number over the smaller: exact, or ``math.inf`` where the smaller is 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """The numbers of one tool, or of the reference, by model and input, in the run's order."""

    name: str
    levels: Mapping[ModelInput, Level]
    is_reference: bool = False


@dataclass(frozen=True, slots=True)
class PairCause:
    """One cause between two tools: on how many models, and the sum of its magnitudes out of all causes' sum."""

    code: str
    models: int
    magnitude: int
    gross: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two columns on the models that both measured. Ratios are None where there is no such model.

    ``causes`` has the largest share first; what no cause explains is among them as ``unexplained``.
    """

    tool: Column
    other: Column
    models: int
    equal: int
    median_ratio: Ratio | None
    largest_ratio: Ratio | None
    largest_ratio_model: ModelInput | None
    causes: tuple[PairCause, ...]
    order: Order[ModelInput]

    @property
    def is_with_reference(self) -> bool:
        """Whether one of the two is the reference, rather than a tool."""
        return self.tool.is_reference or self.other.is_reference


@dataclass(frozen=True, slots=True)
class Agreement:
    """One metric: its columns, the reference last, and each pair of them in that order."""

    metric: str
    columns: tuple[Column, ...]
    pairs: tuple[Pair, ...]

    @property
    def models(self) -> tuple[ModelInput, ...]:
        """Every model that some column has."""
        return tuple(dict.fromkeys(model for column in self.columns for model in column.levels))

    @property
    def compared(self) -> int:
        """How often two tools measured one model, over all pairs of tools and without the reference."""
        return sum(pair.models for pair in self.pairs if not pair.is_with_reference)

    @property
    def equal(self) -> int:
        """How often the two said the same."""
        return sum(pair.equal for pair in self.pairs if not pair.is_with_reference)


def agreements(run: Run) -> tuple[Agreement, ...]:
    """Compare each two columns of a run in compute and in parameters; a column without numbers is left out."""
    return tuple(agreement(metric, columns_of(run, metric)) for metric in METRICS)


def agreement(metric: str, columns: Sequence[Column]) -> Agreement:
    """Compare each two columns."""
    return Agreement(metric, tuple(columns), tuple(compare(one, other) for one, other in combinations(columns, 2)))


def columns_of(run: Run, metric: str) -> tuple[Column, ...]:
    """The columns that have a number for some model, in the run's order, and the reference of these numbers last."""
    items = {
        (cell.model, cell.input, cell.tool): cell.reconciliations[metric]
        for cell in run.cells
        if cell.status == "ok" and metric in cell.reconciliations
    }
    models, tools = models_of(run), tools_of(run)
    measured = {
        tool: {model: level(items[*model, tool]) for model in models if (*model, tool) in items} for tool in tools
    }
    known = {(model, given): reference_level(item) for (model, given, _), item in items.items()}
    reference = {model: known[model] for model in models if model in known}
    columns = [Column(tool, levels) for tool, levels in measured.items() if levels]
    return (*columns, Column(REFERENCE, reference, is_reference=True)) if columns else ()


def compare(one: Column, other: Column) -> Pair:
    """Compare two columns on the models that both have."""
    shared = [model for model in one.levels if model in other.levels]
    ratios = [ratio(one.levels[model].value, other.levels[model].value) for model in shared]
    largest = max(ratios, default=None)
    return Pair(
        tool=one,
        other=other,
        models=len(shared),
        equal=sum(one.levels[model].value == other.levels[model].value for model in shared),
        median_ratio=_median(ratios),
        largest_ratio=largest,
        largest_ratio_model=shared[ratios.index(largest)] if largest is not None else None,
        causes=_causes([causes_between(one.levels[model], other.levels[model]) for model in shared]),
        order=compare_order(
            {model: one.levels[model].value for model in shared}, {model: other.levels[model].value for model in shared}
        ),
    )


def ratio(one: int, other: int) -> Ratio:
    """The larger of two numbers over the smaller: 1 where they are the same."""
    smaller, larger = sorted((one, other))
    if smaller == larger:
        return Fraction(1)
    return Fraction(larger, smaller) if smaller > 0 else inf


def _median(ratios: Sequence[Ratio]) -> Ratio | None:
    ordered, half = sorted(ratios), len(ratios) // 2
    if len(ratios) % 2 == 0:
        return (ordered[half - 1] + ordered[half]) / 2 if ratios else None
    return ordered[half]


def _causes(differences: Sequence[Mapping[str, int]]) -> tuple[PairCause, ...]:
    models: dict[str, int] = {}
    magnitudes: dict[str, int] = {}
    for causes in differences:
        for cause, delta in causes.items():
            models[cause] = models.get(cause, 0) + 1
            magnitudes[cause] = magnitudes.get(cause, 0) + abs(delta)
    gross = sum(magnitudes.values())
    found = (PairCause(cause, models[cause], magnitude, gross) for cause, magnitude in magnitudes.items())
    return tuple(sorted(found, key=lambda cause: (-cause.magnitude, cause.code)))
