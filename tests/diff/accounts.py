"""Whether what a reconciliation says is a full account, worked out again from the trace and not from its rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from reconcile.diff import Proof, Reconciliation
from reconcile.reference import Atom, ReferenceCount
from reconcile.trace import ROOT, Call

_WEIGHTED = re.compile(r"(?:(?P<weight>-?\d+) )?(?P<term>[a-z_]+)")


def unexplained(item: Reconciliation) -> dict[str, int]:
    return {layer.layer: layer.residual for layer in item.layers if layer.residual}


def check_sums(item: Reconciliation) -> None:
    """Rows, causes and proofs add up: each on its own, and each to the others."""
    for layer in item.layers:
        assert layer.value - layer.reference == sum(layer.causes.values()) + layer.residual
    assert sum(layer.value for layer in item.layers) == item.value
    assert sum(layer.reference for layer in item.layers) == item.reference
    assert sum(proof.reference for proof in item.proofs) == item.reference
    assert sum(proof.tool for proof in item.proofs) == item.value - item.residual
    assert all(bool(proof.cause) == (proof.delta != 0) or not proof.tool for proof in item.proofs)


def check_counterfactuals(item: Reconciliation, order: Random) -> None:
    """Following the tool in one cause after the other leads from the reference to the tool, in any order."""
    deltas = {share.cause: share.delta for share in item.causes}
    causes = sorted({proof.cause for proof in item.proofs if proof.cause} | set(deltas))
    assert item.counterfactual([]) == item.reference
    assert item.counterfactual(causes) == item.value - item.residual
    order.shuffle(causes)
    now = item.reference
    for number, cause in enumerate(causes):
        following = item.counterfactual(causes[: number + 1])
        assert following - now == deltas.get(cause, 0)
        now = following


def check_by_hand(item: Reconciliation, count: ReferenceCount) -> int:
    """Recount each term, and what each weight of a term comes to; return how many weights that were.

    Every term's references are what the convention gives to all that ran. Where a tool counts a term by a weight, that
    weight instead of the convention's, for exactly those calls, is the tool's number; the calls are found by what the
    proof names, without the rules.
    """
    _check_terms(item, count)
    checked = 0
    sites = {id(proof): tuple(_sites(proof, item, count)) for proof in item.proofs if proof.term}
    for proof in item.proofs:
        weight = _weight(proof.tool_formula, proof.term)
        if weight is None or not proof.term or not _stands_alone(proof, item, sites, count):
            continue
        amount = sum(site.atom.terms[proof.term] for site in sites[id(proof)])
        assert proof.tool == weight * amount, proof
        assert proof.reference == sum(
            count.convention.weight(site.atom.kind, proof.term) * site.atom.terms[proof.term]
            for site in sites[id(proof)]
        ), proof
        checked += 1
    return checked


def _check_terms(item: Reconciliation, count: ReferenceCount) -> None:
    found: dict[str, int] = {}
    for proof in item.proofs:
        if proof.term:
            found[proof.term] = found.get(proof.term, 0) + proof.reference
    expected: dict[str, int] = {}
    for atom in count.atoms:
        for term, amount in atom.terms.items():
            expected[term] = expected.get(term, 0) + count.convention.weight(atom.kind, term) * amount
    assert {term: n for term, n in found.items() if n} == {term: n for term, n in expected.items() if n}


@dataclass(frozen=True)
class _Site:
    """An operator with a documented formula, and its place in the tree."""

    atom: Atom
    number: int


def _sites(proof: Proof, item: Reconciliation, count: ReferenceCount) -> Iterator[_Site]:
    """The operators that a proof is about: on its layers, in or around a call of its subject, or in such a module."""
    rows = {layer.layer for layer in item.layers}
    above = _calls_above(count.trace.root)
    for number, atom in enumerate(count.atoms):
        if proof.term in atom.terms:
            around = above[id(atom.call)]
            named = {call.name for call in (*around, *atom.call.walk())} | {count.trace.modules[atom.layer].type}
            places = {_row(call.stack, rows) for call in around} | {_row(atom.call.stack, rows)}
            if proof.subject in named and places & set(proof.layers):
                yield _Site(atom, number)


def _calls_above(root: Call) -> Mapping[int, tuple[Call, ...]]:
    """Of each call, by its identity: those from the model down to itself."""
    found: dict[int, tuple[Call, ...]] = {}
    pending: list[tuple[Call, tuple[Call, ...]]] = [(root, ())]
    while pending:
        call, above = pending.pop()
        found[id(call)] = (*above, call)
        pending.extend((child, found[id(call)]) for child in call.children)
    return found


def _row(stack: tuple[str, ...], rows: set[str]) -> str:
    for path in stack:
        if path in rows:
            return path
    path = stack[0]
    while path not in rows and path != ROOT:
        path = path.rpartition(".")[0]
    return path


def _stands_alone(
    proof: Proof, item: Reconciliation, sites: Mapping[int, tuple[_Site, ...]], count: ReferenceCount
) -> bool:
    """Whether no other proof is about the same term of the same operators.

    Of a module that ran several times, tools may count the last call alone, and what is 0 on both sides has no proof.
    """
    own = {site.number for site in sites[id(proof)]}
    once = all(count.trace.calls.get(site.atom.layer, 1) == 1 for site in sites[id(proof)])
    return (
        bool(own)
        and once
        and all(
            own.isdisjoint(site.number for site in sites[id(other)])
            for other in item.proofs
            if other is not proof and other.term == proof.term
        )
    )


def _weight(formula: str, term: str) -> int | None:
    """The weight that a formula gives a term: 2 of ``2 mac``, None where it is something else."""
    if formula == "nothing":
        return 0
    match = _WEIGHTED.fullmatch(formula)
    return int(match["weight"] or 1) if match is not None and match["term"] == term else None
