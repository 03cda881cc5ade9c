"""Matrices of tool by tool: how often two say the same, how far they are apart, how often they flip two models."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import inf

from reconcile.report.agreement import Agreement, Pair, Ratio
from reconcile.report.numbers import exact, percent, plural, ratio

_CAUSES_IN_HINT = 3
_EQUAL_STEPS = (0.25, 0.5, 0.75)
_RATIO_STEPS = (1.01, 1.05, 1.25, 2.0)
_FLIP_STEPS = (0.01, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One pair in a matrix. ``tone`` is a style class; the diagonal has neither text nor link."""

    text: str = ""
    tone: str = "none"
    hint: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """One symmetric matrix: a row and a column for each tool, in the order of the agreement's columns."""

    title: str
    about: str
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]


def heats(found: Agreement) -> tuple[Heat, ...]:
    """The matrices of one metric; each cell leads to the row of its pair."""
    return (
        Heat(
            "Equal",
            "Percent of the models that both measured. Stronger from 25, 50 and 75 %; green is all of them.",
            _rows(found, _equal),
        ),
        Heat(
            "Ratio",
            "The larger number over the smaller, for the median model. "
            "Stronger from 1, 5 and 25 % and twice; green is equal on all models.",
            _rows(found, _apart),
        ),
        Heat(
            "Flipped",
            "Percent of the pairs of models that the two put in opposite orders. Stronger from 1, 5, 10 and 20 %.",
            _rows(found, _flipped),
        ),
    )


def anchor(metric: str, one: int, other: int) -> str:
    """The place on the page of the pair of two columns, given by their positions."""
    return f"{metric}-{min(one, other)}-{max(one, other)}"


def shown_ratio(quotient: Ratio | None) -> str:
    """A ratio of two tools: ``1`` where they are the same, ``∞`` where one of them counts nothing."""
    if quotient is None:
        return "–"
    if quotient == inf:
        return "∞"
    return "1" if quotient == 1 else ratio(float(quotient))


def _rows(found: Agreement, cell: Callable[[Pair], tuple[str, str]]) -> tuple[tuple[str, tuple[HeatCell, ...]], ...]:
    names = [column.name for column in found.columns]
    pairs = dict(zip(combinations(range(len(names)), 2), found.pairs, strict=True))
    cells = {
        place: HeatCell(*cell(pair), _hint(pair), f"#{anchor(found.metric, *place)}") for place, pair in pairs.items()
    }
    return tuple(
        (name, tuple(_at(cells, row, column) for column in range(len(names)))) for row, name in enumerate(names)
    )


def _at(cells: Mapping[tuple[int, int], HeatCell], row: int, column: int) -> HeatCell:
    return HeatCell() if row == column else cells[min(row, column), max(row, column)]


def _equal(pair: Pair) -> tuple[str, str]:
    if pair.models == 0:
        return "–", "none"
    if pair.equal == pair.models:
        return "100", "agree"
    return _percent(pair.equal, pair.models), _tone("under", pair.equal / pair.models, _EQUAL_STEPS)


def _apart(pair: Pair) -> tuple[str, str]:
    if pair.median_ratio is None:
        return "–", "none"
    if pair.equal == pair.models:
        return "1", "agree"
    if pair.median_ratio == 1:
        return "1", "level"
    return shown_ratio(pair.median_ratio), _tone("over", float(pair.median_ratio), _RATIO_STEPS)


def _flipped(pair: Pair) -> tuple[str, str]:
    order = pair.order
    if order.model_pairs == 0:
        return "–", "none"
    return _percent(order.flipped, order.model_pairs), _tone("over", order.flipped / order.model_pairs, _FLIP_STEPS)


def _percent(part: int, whole: int) -> str:
    return percent(part, whole).removesuffix(" %")


def _tone(side: str, number: float, steps: tuple[float, ...]) -> str:
    return f"{side}-{bisect_right(steps, number) + 1}" if number else "none"


def _hint(pair: Pair) -> str:
    if pair.models == 0:
        return f"{pair.tool.name} and {pair.other.name}: no model that both measured"
    order = pair.order
    causes = [f"{cause.code} {percent(cause.magnitude, cause.gross)}" for cause in pair.causes[:_CAUSES_IN_HINT]]
    more = ["…"] if len(pair.causes) > _CAUSES_IN_HINT else []
    parts = (
        f"equal on {exact(pair.equal)} of {plural(pair.models, 'model')}",
        f"median ratio {shown_ratio(pair.median_ratio)}, largest {shown_ratio(pair.largest_ratio)}",
        f"{exact(order.flipped)} of {plural(order.model_pairs, 'pair')} of models flipped",
        *([f"by {', '.join(causes + more)}"] if causes else []),
    )
    return f"{pair.tool.name} and {pair.other.name}: {'; '.join(parts)}"
