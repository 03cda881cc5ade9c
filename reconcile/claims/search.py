"""What a published number may be, step by step: plain counts, other inputs, other networks, slips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf, log

from reconcile.claims.counts import Counts, CountsOf, Network, measures
from reconcile.claims.hypothesis import SEARCHED, Hypothesis
from reconcile.claims.inputs import is_video, other_inputs
from reconcile.claims.question import Question, Table
from reconcile.claims.slips import number_of_slips, slips, slips_of_columns
from reconcile.claims.variants import variants
from reconcile.zoo import InputSpec

MOST_INPUTS = 4
"""Of the other inputs, how many are counted for one measure: those whose size fits best."""

VIEWS = (2, 3, 4, 5, 10, 15, 30)
"""Clips and crops of a video over which numbers are summed up."""


@dataclass(frozen=True)
class Candidate:
    """Something that a number may be: its count, which is estimated where there is no hypothesis.

    ``weight`` is how many numbers the count could have become, more than one for slips.
    """

    hypothesis: Hypothesis | None
    count: Fraction | float
    weight: int = 1


def plain_hypotheses(asked: Question, counts_of: CountsOf) -> tuple[Hypothesis, ...]:
    """Return the counts by every measure, on the stated inputs."""
    found: list[Hypothesis] = []
    for inputs in asked.inputs:
        counts = counts_of(Network(asked.spec, inputs))
        if isinstance(counts, Counts):
            found.extend(_hypothesis(counts, measure) for measure, count in counts.by_measure.items() if count > 0)
    return tuple(found)


def steps(
    asked: Question, table: Table, plain: Sequence[Hypothesis], counts_of: CountsOf
) -> Iterator[Sequence[Candidate]]:
    """Yield the steps of a search, each with what the number may be, the likeliest first; nothing is counted before."""
    labelled = asked.claim.unit.kind
    ranked = sorted(plain, key=lambda item: item.rank(labelled, table.measure))
    yield [Candidate(item, item.count) for item in ranked]
    bases: dict[str, Hypothesis] = {}  # of what is searched beyond these counts, the likeliest measures first
    for item in ranked:
        if item.measure in (table.measure, *SEARCHED):
            bases.setdefault(item.measure, item)
    yield tuple(_other_inputs(asked, bases, counts_of))
    yield tuple(_other_networks(asked, bases, plain, counts_of))
    yield tuple(_slips(asked, table, [item for item in ranked if item.measure in bases], counts_of))


def _other_inputs(asked: Question, bases: Mapping[str, Hypothesis], counts_of: CountsOf) -> Iterator[Candidate]:
    """Inputs by how usual they are: a count grows about as its input's positions do, and few need be counted."""
    first = asked.inputs[0] or asked.default
    if first is None:
        return
    sizes = [(inputs, share) for inputs, share in other_inputs(first) if inputs not in asked.inputs]
    near = {measure: _nearest(asked, base, sizes, counts_of) for measure, base in bases.items()}
    for inputs, share in sizes:
        for measure, base in bases.items():
            counts = counts_of(Network(asked.spec, inputs)) if inputs in near[measure] else ""
            if isinstance(counts, Counts) and measure in counts.by_measure:
                found = _hypothesis(counts, measure, is_stated_input=False)
                yield Candidate(found, found.count)
            else:
                yield Candidate(None, float(base.count) * share)
    if is_video(first):
        for views in VIEWS:
            for base in bases.values():
                words, count = f"{first}, {views} views", base.count * views
                yield Candidate(replace(base, input=words, count=count, is_stated_input=False), count)


def _nearest(
    asked: Question, base: Hypothesis, sizes: Sequence[tuple[InputSpec, float]], counts_of: CountsOf
) -> Sequence[InputSpec]:
    """The inputs on which the count may come nearest to the number; each that is counted says more of the others."""
    ratio = float(base.count / asked.number.value)
    chosen: list[InputSpec] = []
    for _ in range(MOST_INPUTS):
        apart = [
            (abs(log(ratio * share)), place) for place, (inputs, share) in enumerate(sizes) if inputs not in chosen
        ]
        distance, place = min(apart, default=(inf, 0))
        if distance > log(1.5):
            break
        inputs, share = sizes[place]
        chosen.append(inputs)
        counts = counts_of(Network(asked.spec, inputs))
        if isinstance(counts, Counts) and counts.by_measure.get(base.measure):
            ratio = float(counts.by_measure[base.measure] / asked.number.value) / share
    return chosen


def _other_networks(
    asked: Question, bases: Mapping[str, Hypothesis], plain: Sequence[Hypothesis], counts_of: CountsOf
) -> Iterator[Candidate]:
    """On the stated inputs; on their own too, where none is stated."""
    known = {(item.measure, item.count) for item in plain}
    for variant in variants(asked.spec):
        inputs = asked.inputs if asked.claim.input and asked.stated is not None else (None, *asked.inputs)
        for given in dict.fromkeys(inputs):
            counts = counts_of(Network(variant.spec, given, variant.change))
            if isinstance(counts, Counts):
                for measure in bases:
                    if (measure, counts.by_measure.get(measure, 0)) not in {*known, (measure, 0)}:
                        found = _hypothesis(counts, measure, variant=variant.words)
                        yield Candidate(found, found.count)


def _slips(asked: Question, table: Table, plain: Sequence[Hypothesis], counts_of: CountsOf) -> Iterator[Candidate]:
    for item in plain:
        for words in slips(asked.number, item.count):
            yield Candidate(replace(item, slip=words), item.count, number_of_slips(asked.number))
    counts = counts_of(asked.network)
    if plain and isinstance(counts, Counts):
        own = next((item.count for item in plain if item.measure == table.measure), None)
        others = {name: count for name, count in table.counts.items() if name != asked.claim.model and count != own}
        for words, count in slips_of_columns(asked.number, counts.parameters[""], others):
            yield Candidate(replace(plain[0], slip=words, count=count), count, 1 + len(others))


def _hypothesis(counts: Counts, measure: str, *, is_stated_input: bool = True, variant: str = "") -> Hypothesis:
    count = Fraction(counts.by_measure[measure])
    return Hypothesis(measure, measures()[measure].kind, counts.model, counts.input, count, is_stated_input, variant)
