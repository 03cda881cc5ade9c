"""The matrix of conventions: what each tool counts for each layer of the battery, in words, from its rulebook."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from reconcile.learn.battery import Probe, by_name
from reconcile.learn.observe import probe_spec
from reconcile.rules import Claim, Rule, Rulebook, evaluate, predict, quantities, summands, terms_below
from reconcile.trace import Trace, trace_spec

NOT_COUNTED = "not counted"
"""The tool has no rule, or does not see it."""

NOTHING = "0"
"""The tool has a rule, which counts nothing."""

WITHOUT_FORMULA = "no formula"
"""What the tool returns fits no formula; its rulebook has the numbers."""

_VARIANT = 1
"""Sizes that tell terms apart: more than one sample, and no two sizes alike."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A layer, as module or as function, in settings of the battery, and what each tool counts for it.

    ``settings`` is empty if every tool counts alike in all of them.
    """

    layer: str
    kind: str
    settings: str
    formulas: Mapping[str, str]


def convention_matrix(books: Mapping[str, Rulebook]) -> tuple[MatrixRow, ...]:
    """Return what each rulebook, by the name of its column, says of each layer of the battery."""
    if not books:
        return ()
    rows = []
    for subject, group in groupby(by_name().values(), key=lambda item: item.subject):
        probes = tuple(group)
        formulas = {name: _formulas(book, probes) for name, book in books.items()}
        alike: dict[tuple[str, ...], list[Probe]] = {}
        for item, texts in zip(probes, zip(*formulas.values(), strict=True), strict=True):
            alike.setdefault(texts, []).append(item)
        for texts, found in alike.items():
            settings = "; ".join(item.setting or "plain" for item in found) if len(alike) > 1 else ""
            rows.append(MatrixRow(subject, found[0].kind, settings, dict(zip(books, texts, strict=True))))
    return tuple(rows)


@cache
def battery_traces() -> Mapping[tuple[str, str], Trace]:
    """Trace every probe of the battery once, by subject and setting."""
    return {place: trace_spec(probe_spec(*place, _VARIANT))[0] for place in by_name()}


def _formulas(book: Rulebook, probes: Sequence[Probe]) -> list[str]:
    """What a tool counts for one subject, setting by setting."""
    traces = [battery_traces()[item.subject, item.setting] for item in probes]
    claims = [_claims(book, trace) for trace in traces]
    counted = {
        part for made, trace in zip(claims, traces, strict=True) for claim in made for part in _parts(claim, trace)
    }
    return [
        _formula(book, item, trace, made, counted) for item, trace, made in zip(probes, traces, claims, strict=True)
    ]


def _claims(book: Rulebook, trace: Trace) -> list[Claim]:
    """What a tool counts for a probe; a rule for the probe's own model matters only if it counts something."""
    return [claim for claim in predict(book, trace) if claim.call is not trace.root or claim.value]


def _parts(claim: Claim, trace: Trace) -> Iterator[str]:
    """The summands of the expressions of a claim's rule that come to anything."""
    known = quantities(claim.call, trace, terms_below(claim.call))
    for amount in claim.rule.counts.values():
        if isinstance(amount, str):
            yield from (part for part in summands(amount) if evaluate(part, known))


def _formula(book: Rulebook, probe: Probe, trace: Trace, claims: Sequence[Claim], counted: Collection[str]) -> str:
    """What a tool counts for a probe, in words: weights of documented terms, and the summands that are ``counted``."""
    if not book.without_formula.keys().isdisjoint(_names(probe, trace)):
        return WITHOUT_FORMULA
    if not claims:
        return NOT_COUNTED
    made: dict[str, list[Claim]] = {}
    for claim in claims:
        made.setdefault(_counts(claim.rule, counted), []).append(claim)
    made = {text: found for text, found in made.items() if text != NOTHING} or made
    for text, found in made.items():
        if len(made) == 1 and (len(claims) == 1 or _is_all(found, trace)):
            return text
    return "; ".join(f"{text} of {_listed(claim.call.name for claim in found)}" for text, found in made.items())


def _counts(rule: Rule, counted: Collection[str]) -> str:
    """What a rule counts as a sum: ``2 mac + bias``, or an expression over sizes of the call."""
    parts: list[str] = []
    for term, amount in rule.counts.items():
        if isinstance(amount, str):
            parts += [part for part in summands(amount) if part in counted]
        elif amount:
            parts.append({1: term, -1: f"-{term}"}.get(amount, f"{amount} {term}"))
    return " + ".join(parts).replace("+ -", "- ") or NOTHING


def _names(probe: Probe, trace: Trace) -> Iterator[str]:
    """What a rulebook may call the probe where it has no formula: the probe itself, or a call in it."""
    yield probe.subject
    yield f"{probe.subject} {probe.setting}".strip()
    yield from (call.name for call in trace.root.walk() if call.kind != "module")


def _is_all(claims: Sequence[Claim], trace: Trace) -> bool:
    """Whether claims cover all that the probe has of the terms that they count."""
    counted = {term for claim in claims for term, amount in claim.rule.counts.items() if isinstance(amount, int)}
    whole, covered = terms_below(trace.root), [terms_below(claim.call) for claim in claims]
    plain = all(isinstance(amount, int) for claim in claims for amount in claim.rule.counts.values())
    return plain and all(sum(terms.get(term, 0) for terms in covered) == whole.get(term, 0) for term in counted)


def _listed(names: Iterable[str]) -> str:
    """Names without where they are defined, as the row's own name says enough of that."""
    return " and ".join(dict.fromkeys(name.rpartition(".")[2] for name in names))
