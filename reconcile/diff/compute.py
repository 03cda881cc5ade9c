"""Where a tool's count differs from the reference, layer by layer and cause by cause.

The trace is cut into regions: the outermost calls that either side counts as one thing. In a region the tool's claims
stand against the documented terms of the operators that ran in it, and every difference of a term has a cause. What
only one side sees is a region with one side empty. The sum over regions is the difference that the rulebook predicts;
the tool's own number less that is the residual.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Rows
from reconcile.reference import Atom, Convention, ReferenceCount
from reconcile.rules import Claim, Rulebook, module_rule, predict, visible_operators
from reconcile.rules.causes import TERM_CAUSES
from reconcile.tools import Measurement
from reconcile.trace import Call, Trace


def reconcile_compute(measured: Measurement, rulebook: Rulebook, count: ReferenceCount) -> Reconciliation:
    """Attribute the difference between a tool's count and the reference to causes, exact in integers."""
    rows = Rows(measured.layers)
    for atom in count.atoms:
        rows.at(rows.locate(*atom.call.stack)).reference += count.value(atom)
    fused = _inside_fused(rulebook, count.trace.root)
    for region in _regions(count.trace.root, count.atoms, predict(rulebook, count.trace)):
        if region.claims:
            _book_claims(region, rows, count, rulebook)
        else:
            for atom in region.atoms:
                cause = _omission(atom, count.trace, rulebook, fused=id(atom.call) in fused)
                rows.at(rows.locate(*atom.call.stack)).add(cause, -count.value(atom))
    return Reconciliation(
        metric="compute",
        unit=rulebook.unit,
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit=count.convention.unit,
        reference=count.total,
        layers=rows.finish(count.trace),
    )


@dataclass(frozen=True, slots=True)
class _Region:
    """An outermost call that either side counts, with all that either side counts in it."""

    atoms: Sequence[Atom]
    claims: Sequence[Claim]


def _regions(root: Call, atoms: Iterable[Atom], claims: Iterable[Claim]) -> Iterator[_Region]:
    atoms_on: dict[int, list[Atom]] = {}
    for atom in atoms:
        atoms_on.setdefault(id(atom.call), []).append(atom)
    claims_on: dict[int, list[Claim]] = {}
    for claim in claims:
        claims_on.setdefault(id(claim.call), []).append(claim)
    pending = [root]
    while pending:
        call = pending.pop()
        if id(call) in atoms_on or id(call) in claims_on:
            inside = tuple(call.walk())
            yield _Region(
                [atom for below in inside for atom in atoms_on.get(id(below), ())],
                [claim for below in inside for claim in claims_on.get(id(below), ())],
            )
        else:
            pending.extend(reversed(call.children))


def _book_claims(region: _Region, rows: Rows, count: ReferenceCount, rulebook: Rulebook) -> None:
    """A region that the tool counts: the terms differ by weight or formula; a second claim counts it once more."""
    first = region.claims[0]
    home = rows.locate(*first.layers)
    counted = [claim for claim in region.claims if _stands_beside(claim, first)]
    for term, expected, delta in _by_term(region.atoms, counted, count.convention):
        rows.at(home).add(_cause(term, expected, counted, region, count.trace, rulebook), delta)
    for atom in region.atoms:
        away = rows.locate(*atom.call.stack)
        if away != home:
            value = count.value(atom)
            rows.at(away).add("container", -value)
            rows.at(home).add("container", value)
    for claim in region.claims:
        row = rows.at(rows.locate(*claim.layers))
        if not _stands_beside(claim, first):
            row.add("container" if claim.via == "module" else "double-counting", sum(claim.counts.values()))
        for cause, delta in claim.adjustments.items():
            row.add(cause, delta)


def _stands_beside(claim: Claim, first: Claim) -> bool:
    """Whether two claims are parts of one thing, rather than one inside the other or one execution counted twice."""
    return claim.call is first.call or claim.via == first.via == "operator"


def _by_term(atoms: Sequence[Atom], claims: Sequence[Claim], convention: Convention) -> Iterator[tuple[str, int, int]]:
    """Yield each term that the two sides count differently, what the reference counts, and the tool less that."""
    reference: dict[str, int] = {}
    for atom in atoms:
        for term, amount in atom.terms.items():
            reference[term] = reference.get(term, 0) + convention.weight(atom.kind, term) * amount
    for term in dict.fromkeys((*(term for claim in claims for term in claim.counts), *reference)):
        counted = sum(claim.counts.get(term, 0) for claim in claims)
        expected = reference.get(term, 0)
        if counted != expected:
            yield term, expected, counted - expected


def _cause(term: str, expected: int, claims: Sequence[Claim], region: _Region, trace: Trace, rulebook: Rulebook) -> str:
    """Why the two sides count a term differently in a region that both see.

    The rule's own cause; an omission where the tool counts no products and the reference does; ``formula`` where both
    count the term by other formulas, or the tool sees products where there are none; or the term's own cause.
    """
    counting = [claim for claim in claims if term in claim.counts]
    for claim in counting:
        if term in claim.causes:
            return claim.causes[term]
    if term in _PRODUCTS and not any("mac" in claim.counts for claim in claims):
        atom = next(atom for atom in region.atoms if term in atom.terms)
        return _omission(atom, trace, rulebook, fused=False)
    if (expected or term in _PRODUCTS) and any(term not in claim.weighted for claim in counting):
        return "formula"
    return TERM_CAUSES[term]


_PRODUCTS = ("mac", "first_add")


def _omission(atom: Atom, trace: Trace, rulebook: Rulebook, *, fused: bool) -> str:
    """Why a tool does not see an operator that the reference counts."""
    if atom.kind == "attention":
        return "attention"
    if fused:
        return "fused-path"
    if rulebook.modules is None:
        return "unsupported-layer"
    module = trace.modules[atom.layer]
    if module_rule(rulebook.modules, module) is None and (module.type.startswith("torch.nn.") or not module.children):
        return "unsupported-layer"
    return "unseen-function"


def _inside_fused(rulebook: Rulebook, root: Call) -> frozenset[int]:
    """Identities of the calls that a fused operator hides from a tool that watches what torch dispatches."""
    if rulebook.operators is None:
        return frozenset()
    seen = visible_operators(rulebook.operators, root)
    return frozenset(
        id(below)
        for call in seen
        if call.name in rulebook.operators.fused
        for below in call.walk()
        if below is not call
    )
