"""Where a tool's activations differ from the reference, layer by layer and cause by cause.

The reference are the elements that convolutions, linear layers and matrix products put out. As in the comparison of
compute, the trace is cut into the outermost calls that either side counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Basis, Rows
from reconcile.reference import Atom, ReferenceCount, activation_atoms
from reconcile.rules import Rulebook, operators_with_activations, predict_activations
from reconcile.tools import Measurement
from reconcile.trace import Call, Trace


def reconcile_activations(measured: Measurement, rulebook: Rulebook, count: ReferenceCount) -> Reconciliation:
    """Attribute the difference between a tool's activations and the reference to causes, exact in integers."""
    rows = Rows(measured.layers)
    for atom in activation_atoms(count):
        rows.at(rows.locate(*atom.call.stack)).reference += atom.output_elements
    hidden = _hidden(rulebook, count.trace)
    for region in _regions(rulebook, count):
        if region.claims:
            _book(region, rows)
        else:
            for atom in region.atoms:
                cause = "fused-path" if id(atom.call) in hidden else "unsupported-layer"
                basis = Basis(cause, atom.call.name, _TERM, _NOT_COUNTED[cause], _COUNTED)
                rows.book(rows.locate(*atom.call.stack), basis, 0, atom.output_elements)
    return Reconciliation(
        metric="activations",
        unit="element",
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit="element",
        reference=count.activations,
        layers=rows.finish(count.trace),
        proofs=rows.proofs(),
    )


_TERM = "output elements"
_COUNTED = "once"
_NOT_COUNTED = {"fused-path": "hidden in one operator", "unsupported-layer": "no rule"}


@dataclass(frozen=True, slots=True)
class _Region:
    """An outermost operator that either side counts, with all that either side counts in it."""

    atoms: Sequence[Atom]
    claims: Sequence[tuple[Call, int]]


def _regions(rulebook: Rulebook, count: ReferenceCount) -> Iterator[_Region]:
    atoms_on: dict[int, list[Atom]] = {}
    for atom in activation_atoms(count):
        atoms_on.setdefault(id(atom.call), []).append(atom)
    claims_on = {id(call): (call, elements) for call, elements in predict_activations(rulebook, count.trace)}
    pending = [count.trace.root]
    while pending:
        call = pending.pop()
        if id(call) in atoms_on or id(call) in claims_on:
            inside = [id(below) for below in call.walk()]
            yield _Region(
                [atom for below in inside for atom in atoms_on.get(below, ())],
                [claims_on[below] for below in inside if below in claims_on],
            )
        else:
            pending.extend(reversed(call.children))


def _book(region: _Region, rows: Rows) -> None:
    """A region that the tool counts: where the reference counts otherwise, it is by another formula."""
    expected: dict[str, int] = {}
    for atom in region.atoms:
        layer = rows.locate(*atom.call.stack)
        expected[layer] = expected.get(layer, 0) + atom.output_elements
    counted: dict[str, int] = {}
    for call, elements in region.claims:
        layer = rows.locate(*call.stack)
        counted[layer] = counted.get(layer, 0) + elements
    home, subject = next(iter(counted)), region.claims[0][0].name
    basis = Basis("formula", subject, _TERM, "of all that it returns", _COUNTED)
    rows.book(home, basis, sum(counted.values()), sum(expected.values()))
    moved = _difference(counted, expected)
    moved[home] = moved.get(home, 0) - sum(moved.values())
    rows.transfer(moved, Basis("container", subject, _TERM, "booked elsewhere", "booked here"))


def _difference(counted: Mapping[str, int], expected: Mapping[str, int]) -> dict[str, int]:
    return {layer: counted.get(layer, 0) - expected.get(layer, 0) for layer in (*counted, *expected)}


def _hidden(rulebook: Rulebook, trace: Trace) -> frozenset[int]:
    """Identities of the calls inside of operators that the tool sees as one."""
    seen = operators_with_activations(rulebook, trace)
    return frozenset(id(below) for call in seen for below in call.walk() if below is not call)
