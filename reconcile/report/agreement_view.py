"""How tools agree with each other as a page shows it: the matrices, every pair, and the flips against the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from reconcile.report.agreement import Agreement, ModelInput, Pair, PairCause
from reconcile.report.heat import Heat, anchor, heats
from reconcile.report.names import model_labels

_CAUSES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class FlipRow:
    """One flip: two models with their pages, and what the two columns say of each, as given and each in its unit."""

    lower: str
    lower_href: str
    upper: str
    upper_href: str
    tool: tuple[int, int]
    unit: str
    other: tuple[int, int]
    other_unit: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair with its place on the page, the model of its largest ratio, its first causes and its flips."""

    anchor: str
    pair: Pair
    largest: str
    largest_href: str
    causes: tuple[PairCause, ...]
    hidden: tuple[PairCause, ...]
    flips: tuple[FlipRow, ...]


@dataclass(frozen=True, slots=True)
class AgreementView:
    """One metric; ``with_reference`` are the rows of the pairs with the reference, most flips first."""

    found: Agreement
    heats: tuple[Heat, ...]
    rows: tuple[PairRow, ...]
    with_reference: tuple[PairRow, ...]


def agreement_view(found: Agreement, pages: Mapping[ModelInput, str]) -> AgreementView:
    """Lay one metric out. ``pages`` are the names of the models' pages."""
    labels = model_labels(found.models)
    hrefs = {model: f"models/{pages[model]}.html" for model in found.models}
    rows = tuple(
        _pair_row(anchor(found.metric, *place), pair, labels, hrefs)
        for place, pair in zip(combinations(range(len(found.columns)), 2), found.pairs, strict=True)
    )
    with_reference = (row for row in rows if row.pair.is_with_reference)
    return AgreementView(
        found=found,
        heats=heats(found),
        rows=rows,
        with_reference=tuple(sorted(with_reference, key=lambda row: -_share_flipped(row.pair))),
    )


def _pair_row(place: str, pair: Pair, labels: Mapping[ModelInput, str], hrefs: Mapping[ModelInput, str]) -> PairRow:
    largest = pair.largest_ratio_model
    return PairRow(
        anchor=place,
        pair=pair,
        largest=labels[largest] if largest is not None else "",
        largest_href=hrefs[largest] if largest is not None else "",
        causes=pair.causes[:_CAUSES_SHOWN],
        hidden=pair.causes[_CAUSES_SHOWN:],
        flips=tuple(_flip_rows(pair, labels, hrefs)) if pair.is_with_reference else (),
    )


def _flip_rows(pair: Pair, labels: Mapping[ModelInput, str], hrefs: Mapping[ModelInput, str]) -> Iterator[FlipRow]:
    ours, theirs = pair.tool.levels, pair.other.levels
    for flip in pair.order.flips:
        lower, upper = flip.lower, flip.upper
        yield FlipRow(
            lower=labels[lower],
            lower_href=hrefs[lower],
            upper=labels[upper],
            upper_href=hrefs[upper],
            tool=(ours[lower].own, ours[upper].own),
            unit=ours[lower].unit,
            other=(theirs[lower].own, theirs[upper].own),
            other_unit=theirs[lower].unit,
        )


def _share_flipped(pair: Pair) -> Fraction:
    return Fraction(pair.order.flipped, pair.order.model_pairs or 1)
