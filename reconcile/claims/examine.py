"""What one published number counts: every hypothesis under which it would be printed as it is, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log

from reconcile.claims.counts import Counts, CountsOf, Network
from reconcile.claims.hypothesis import Hypothesis, chance, plain_measures, printing_of
from reconcile.claims.names import NamedModel
from reconcile.claims.question import Question, Table
from reconcile.claims.search import Candidate, steps

TOLERANCE = 0.05
"""How far a count may be from a printed number that it is near to, as a share of the number."""

CHANCE_LIMIT = 0.1
"""A hypothesis is no explanation where more random numbers than this share would find one that is as good."""

CHANCE_LIMITS = {"confirmed": 0.5, "mislabelled": 0.5, "convention": 0.02}
"""Other limits: for the count by the label and in the other unit, for which nothing is searched; and for conventions
and tools, of which there are many that are near to each other, unless other numbers of the table count so too."""

STATED_INPUT_CHANCE_LIMIT = 0.02
"""The same for another input than the one that is stated."""

NEAR_SLIP_CHANCE_LIMIT = 0.005
"""The same for slips that change so little that the number may as well be near to the count for another reason."""


@dataclass(frozen=True)
class Finding:
    """What was found of a claim.

    ``best`` is the likeliest hypothesis; where none fits, the nearest. ``alternatives`` are the others that fit.
    ``tried`` is how many there were, ``chance`` how many random numbers of this precision one of them would fit.
    """

    verdict: str
    best: Hypothesis | None = None
    alternatives: tuple[Hypothesis, ...] = ()
    tried: int = 0
    chance: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_nearest(self) -> bool:
        """Whether ``best`` does not fit, and is only the nearest."""
        return self.verdict in ("approximate", "unexplained")


def examine(
    asked: Question, named: NamedModel, plain: Sequence[Hypothesis], table: Table, counts_of: CountsOf
) -> Finding:
    """Return what a claim counts: plainly, else on another input, else of another network, else by a slip.

    ``plain`` are its plain hypotheses.
    """
    notes = (*filter(None, (named.note,)), *asked.notes)
    labelled = asked.claim.unit.kind
    if not plain:
        reasons = {str(counts_of(Network(asked.spec, inputs))) for inputs in asked.inputs}
        return Finding("not-countable", notes=(*notes, *sorted(reasons)))
    notes = (*notes, *_on_values(asked, counts_of))
    tried: list[Candidate] = []
    fits: list[_Fit] = []
    for candidates in steps(asked, table, plain, counts_of):
        tried.extend(candidates)
        fits.extend(_fits(asked, table, candidates))
        likely = [fit for fit in fits if fit.chance <= _limit(asked, fit.hypothesis, plain, table)]
        if likely:
            best = min(likely, key=lambda fit: fit.hypothesis.rank(labelled, table.measure))
            others = tuple(dict.fromkeys(fit.hypothesis for fit in fits if fit.hypothesis != best.hypothesis))
            verdict = best.hypothesis.verdict(labelled)
            return Finding(verdict, best.hypothesis, others, len(tried), best.chance, notes)
    counted = [item.hypothesis for item in tried if item.hypothesis is not None and not item.hypothesis.slip]
    nearest = min(counted, key=lambda item: _distance(asked, item))
    plainly = _nearest_plain(asked, plain)
    near = _distance(asked, plainly) <= log(1 + TOLERANCE)
    if fits:
        notes = (*notes, "what fits may do so by chance")
    others = tuple(dict.fromkeys(fit.hypothesis for fit in fits))
    by_chance = min((fit.chance for fit in fits), default=0.0)
    verdict = "approximate" if near else "unexplained"
    return Finding(verdict, plainly if near else nearest, others, len(tried), by_chance, notes)


def _limit(asked: Question, hypothesis: Hypothesis, plain: Sequence[Hypothesis], table: Table) -> float:
    verdict = hypothesis.verdict(asked.claim.unit.kind)
    if verdict == "convention" and hypothesis.measure == table.measure:
        return CHANCE_LIMIT
    if verdict == "input" and asked.claim.input:
        return STATED_INPUT_CHANCE_LIMIT
    if verdict == "slip" and _distance(asked, _nearest_plain(asked, plain)) <= log(1 + TOLERANCE):
        return NEAR_SLIP_CHANCE_LIMIT
    return CHANCE_LIMITS.get(verdict, CHANCE_LIMIT)


@dataclass(frozen=True)
class _Fit:
    """A hypothesis that fits, and the share of random numbers that it or a likelier one of its step would fit."""

    hypothesis: Hypothesis
    chance: float


def _fits(asked: Question, table: Table, candidates: Sequence[Candidate]) -> Iterator[_Fit]:
    """Those of one step, the likeliest first, that fit; two things out of the ordinary at once are no fit."""
    number, usual = asked.number, (table.measure, *plain_measures(asked.claim.unit.kind))
    for place, candidate in enumerate(candidates):
        if candidate.hypothesis is None:
            continue
        printing = "" if candidate.hypothesis.slip else printing_of(number, candidate.hypothesis.count)
        is_odd = not candidate.hypothesis.is_stated_input or candidate.hypothesis.measure not in usual
        if printing is None or (printing and is_odd):
            continue
        likelier = candidates[: place + 1]
        share = chance(number, [item.count for item in likelier if item.weight == 1])
        share += sum(item.weight * chance(number, [number.value]) for item in likelier if item.weight > 1)
        yield _Fit(replace(candidate.hypothesis, printing=printing), share)


def _on_values(asked: Question, counts_of: CountsOf) -> Iterator[str]:
    counts = counts_of(asked.network)
    if isinstance(counts, Counts) and counts.reads_values:
        yield "what the model computes depends on the values that it is given"


def _nearest_plain(asked: Question, plain: Sequence[Hypothesis]) -> Hypothesis:
    """The nearest of the counts that the units say, or of all where there is none of those."""
    units = plain_measures(asked.claim.unit.kind)
    return min(plain, key=lambda item: (item.measure not in units, _distance(asked, item)))


def _distance(asked: Question, item: Hypothesis) -> float:
    return abs(log(item.count / asked.number.value))
