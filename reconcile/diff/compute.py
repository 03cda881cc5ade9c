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
from reconcile.diff.rows import Basis, Rows
from reconcile.reference import Atom, Convention, ReferenceCount
from reconcile.rules import Claim, Rulebook, hides_its_parts, module_rule, predict
from reconcile.rules.causes import TERM_CAUSES
from reconcile.tools import Measurement
from reconcile.trace import Call, Trace


def reconcile_compute(measured: Measurement, rulebook: Rulebook, count: ReferenceCount) -> Reconciliation:
    """Attribute the difference between a tool's count and the reference to causes, exact in integers.

    A tool that puts the model into evaluation mode is held against the count of that; the rest is what the mode makes.
    """
    rows = Rows(measured.layers)
    ran = count.in_mode(rulebook.mode)
    for atom in count.atoms:
        rows.at(rows.locate(*atom.call.stack)).reference += count.value(atom)
    if ran is not count:
        _book_mode(rows, ran, count)
    fused = _inside_fused(rulebook, ran.trace.root)
    apart = rulebook.modules is not None and rulebook.modules.below == "counted"
    for region in _regions(ran.trace.root, ran.atoms, predict(rulebook, ran.trace), apart=apart):
        if region.claims:
            _book_claims(region, rows, ran, rulebook)
        else:
            _book_omissions(region.atoms, rows, ran, rulebook, fused)
    return Reconciliation(
        metric="compute",
        unit=rulebook.unit,
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit=count.convention.unit,
        reference=count.total,
        layers=rows.finish(count.trace),
        proofs=rows.proofs(),
    )


def _book_mode(rows: Rows, ran: ReferenceCount, count: ReferenceCount) -> None:
    """What the reference counts otherwise in the mode in which the tool ran the model."""
    by_place: dict[tuple[str, str], int] = {}
    for counted, sign in ((count, 1), (ran, -1)):
        for atom in counted.atoms:
            place = rows.locate(*atom.call.stack), atom.call.name
            by_place[place] = by_place.get(place, 0) + sign * counted.value(atom)
    for (layer, name), more in by_place.items():
        basis = Basis("mode", name, "", f"in {ran.trace.mode} mode", f"in {count.trace.mode} mode")
        rows.book(layer, basis, 0, more)


@dataclass(frozen=True, slots=True)
class _Region:
    """An outermost call that either side counts, with all that either side counts in it."""

    atoms: Sequence[Atom]
    claims: Sequence[Claim]


def _regions(root: Call, atoms: Iterable[Atom], claims: Iterable[Claim], *, apart: bool) -> Iterator[_Region]:
    """Yield the regions below a call. Modules that are called inside one are ``apart`` if the tool counts them so."""
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
            inside, others = _cut_out(call) if apart else (tuple(call.walk()), ())
            pending.extend(reversed(others))
            yield _Region(
                [atom for below in inside for atom in atoms_on.get(id(below), ())],
                [claim for below in inside for claim in claims_on.get(id(below), ())],
            )
        else:
            pending.extend(reversed(call.children))


def _cut_out(call: Call) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
    """A call and all below it, but for modules that are called there; and these, the outermost of them."""
    inside: list[Call] = []
    modules: list[Call] = []
    pending = [call]
    while pending:
        found = pending.pop()
        if found.kind == "module" and found is not call:
            modules.append(found)
        else:
            inside.append(found)
            pending.extend(reversed(found.children))
    return tuple(inside), tuple(modules)


def _book_omissions(
    atoms: Iterable[Atom], rows: Rows, count: ReferenceCount, rulebook: Rulebook, fused: frozenset[int]
) -> None:
    """A region that the tool does not see."""
    for atom in atoms:
        cause = _omission(atom, count.trace, rulebook, fused=id(atom.call) in fused)
        row = rows.locate(*atom.call.stack)
        for term, amount in atom.terms.items():
            weight = count.convention.weight(atom.kind, term)
            basis = Basis(cause, _subject(cause, atom, count.trace), term, _NOT_COUNTED[cause], _weighted(weight, term))
            rows.book(row, basis, 0, weight * amount)


def _subject(cause: str, atom: Atom, trace: Trace) -> str:
    return trace.modules[atom.layer].type if cause == "unsupported-layer" else atom.call.name


_NOT_COUNTED = {
    "attention": "no rule",
    "fused-path": "hidden in one operator",
    "unsupported-layer": "no rule",
    "unseen-function": "not seen",
    "unused": "not in the graph",
}
"""What a tool makes of an operator that it omits, by the cause."""


def _book_claims(region: _Region, rows: Rows, count: ReferenceCount, rulebook: Rulebook) -> None:
    """A region that the tool counts: the terms differ by weight or formula; a second claim counts it once more."""
    first = region.claims[0]
    home = rows.locate(*first.layers)
    counted = [claim for claim in region.claims if _stands_beside(claim, first)]
    for term, expected, amount in _by_term(region.atoms, counted, count.convention):
        cause = "" if amount == expected else _cause(term, expected, counted, region, count.trace, rulebook)
        basis = Basis(
            cause,
            first.call.name,
            term,
            _formulas(term, counted),
            _documented(term, region.atoms, count.convention),
        )
        rows.book(home, basis, amount, expected)
    moved = Basis("container", first.call.name, "", f"booked on {first.call.name}", "booked on its parts")
    for atom in region.atoms:
        rows.move(rows.locate(*atom.call.stack), home, count.value(atom), moved)
    for claim in region.claims:
        row = rows.locate(*claim.layers)
        if not _stands_beside(claim, first):
            cause = "container" if claim.via == "module" else "double-counting"
            for term, amount in claim.counts.items():
                basis = Basis(cause, claim.call.name, term, _formula(term, claim), "counted already")
                rows.book(row, basis, amount, 0)
        for cause, delta in claim.adjustments.items():
            rows.book(row, Basis(cause, claim.call.name, "", _ADJUSTED[cause], "once"), delta, 0)


_ADJUSTED = {
    "reuse": "once more for each further owner",
    "batch": "divided by the samples",
    "rounding": "the sum alone is rounded",
}
"""What a tool does to a count besides, by the cause."""


def _stands_beside(claim: Claim, first: Claim) -> bool:
    """Whether two claims are parts of one thing, rather than one inside the other or one execution counted twice."""
    return claim.call is first.call or claim.via == first.via == "operator"


def _by_term(atoms: Sequence[Atom], claims: Sequence[Claim], convention: Convention) -> Iterator[tuple[str, int, int]]:
    """Yield each term with what the reference and what the tool counts of it."""
    reference: dict[str, int] = {}
    for atom in atoms:
        for term, amount in atom.terms.items():
            reference[term] = reference.get(term, 0) + convention.weight(atom.kind, term) * amount
    for term in dict.fromkeys((*(term for claim in claims for term in claim.counts), *reference)):
        yield term, reference.get(term, 0), sum(claim.counts.get(term, 0) for claim in claims)


def _formulas(term: str, claims: Sequence[Claim]) -> str:
    """What the tool's rules say of a term."""
    found = dict.fromkeys(_formula(term, claim) for claim in claims if term in claim.counts)
    return "; ".join(found) or "nothing"


def _formula(term: str, claim: Claim) -> str:
    if not any(claim.counts.values()) and claim.adjustments.keys() <= {"reuse"} and term not in claim.rule.counts:
        return "nothing: the last call alone counts"
    amount = claim.rule.counts.get(term, 0)
    return _weighted(amount, term) if isinstance(amount, int) else amount


def _documented(term: str, atoms: Sequence[Atom], convention: Convention) -> str:
    """What the reference counts of a term."""
    weights = dict.fromkeys(convention.weight(atom.kind, term) for atom in atoms if term in atom.terms)
    return "; ".join(_weighted(weight, term) for weight in weights) or "nothing"


def _weighted(weight: int, term: str) -> str:
    return f"{weight} {term}" if weight else "nothing"


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
    if atom.call.unused and rulebook.operators is not None and rulebook.operators.level == "graph":
        return "unused"
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
    """Identities of the calls that a fused one hides from a tool that watches what torch dispatches."""
    operators = rulebook.operators
    if operators is None:
        return frozenset()
    hiding = (call for call in root.walk() if hides_its_parts(operators, call))
    return frozenset(id(below) for call in hiding for below in call.walk() if below is not call)
