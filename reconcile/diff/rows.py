"""The rows of a comparison: which layer a difference is booked on, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconcile.diff.result import LayerDifference, Proof
from reconcile.trace import ROOT, Trace


class Basis(NamedTuple):
    """Why a term is counted as it is by either side, see :class:`~reconcile.diff.result.Proof`."""

    cause: str
    subject: str
    term: str
    tool_formula: str
    reference_formula: str


@dataclass
class Row:
    """One layer while its causes are collected."""

    reference: int = 0
    causes: dict[str, int] = field(default_factory=dict)

    def add(self, cause: str, delta: int) -> None:
        """Book a difference under a cause."""
        if delta:
            self.causes[cause] = self.causes.get(cause, 0) + delta


@dataclass
class _Account:
    """What both sides count on one basis, while it is added up."""

    tool: int = 0
    reference: int = 0
    layers: dict[str, None] = field(default_factory=dict)


class Rows:
    """Rows by layer: those that the tool reports, and those of the reference that lie below none of them."""

    def __init__(self, reported: Mapping[str, int]) -> None:
        """Start with the layers that the tool reports, with its values."""
        self._reported = reported
        self._rows: dict[str, Row] = {}
        self._accounts: dict[Basis, _Account] = {}

    def locate(self, *paths: str) -> str:
        """Return the layer under which something is booked.

        ``paths`` are the modules that were running, innermost first. It is the first that the tool reports; or the
        nearest above the innermost that it reports; or the innermost itself.
        """
        for path in paths:
            if path in self._reported:
                return path
        above = paths[0]
        while above not in self._reported:
            if above == ROOT:
                return paths[0]
            above = above.rpartition(".")[0]
        return above

    def at(self, layer: str) -> Row:
        """Return the row of a layer, made where there is none yet."""
        return self._rows.setdefault(layer, Row())

    def book(self, layer: str, basis: Basis, tool: int, reference: int) -> None:
        """Book what both sides count on a layer; the difference has the basis's cause."""
        if tool == reference:
            basis = basis._replace(cause="")
        else:
            self.at(layer).add(basis.cause, tool - reference)
        if tool or reference:
            self._account(basis, layer, tool, reference)

    def move(self, source: str, target: str, amount: int, basis: Basis) -> None:
        """Book on one layer what the reference has on another; it is counted once."""
        if source != target:
            self.transfer({source: -amount, target: amount}, basis)

    def transfer(self, amounts: Mapping[str, int], basis: Basis) -> None:
        """Book on some layers what the reference has on others; the amounts add up to 0."""
        for layer, amount in amounts.items():
            if amount:
                self.at(layer).add(basis.cause, amount)
                self._account(basis, layer, 0, 0)

    def _account(self, basis: Basis, layer: str, tool: int, reference: int) -> None:
        account = self._accounts.get(basis)
        if account is None:
            account = self._accounts[basis] = _Account()
        account.tool += tool
        account.reference += reference
        account.layers[layer] = None

    def proofs(self) -> tuple[Proof, ...]:
        """Return what was booked, one proof for each basis, differences first and the largest of them first."""
        found = (
            Proof(*basis, account.tool, account.reference, tuple(account.layers))
            for basis, account in self._accounts.items()
        )
        return tuple(sorted(found, key=lambda proof: (not proof.cause, -abs(proof.delta), proof.cause, proof.subject)))

    def finish(self, trace: Trace) -> tuple[LayerDifference, ...]:
        """Return the rows as data, in the model's order; what lies on no module comes last."""
        layers = dict.fromkeys((*self._rows, *self._reported))
        place = {path: number for number, path in enumerate(trace.modules)}
        ordered = sorted(layers, key=lambda layer: place.get(layer, len(place)))
        return tuple(self._finished(layer, trace) for layer in ordered)

    def _finished(self, layer: str, trace: Trace) -> LayerDifference:
        row = self.at(layer)
        module = trace.modules.get(layer) or next((m for m in trace.modules.values() if layer in m.visits), None)
        return LayerDifference(
            layer=layer,
            layer_type=module.type if module is not None else "",
            calls=trace.calls.get(module.path, 0) if module is not None else 0,
            value=self._reported.get(layer, 0),
            reference=row.reference,
            causes={cause: delta for cause, delta in row.causes.items() if delta},
        )
