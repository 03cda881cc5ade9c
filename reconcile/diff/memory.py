"""Where a tool's bytes of memory differ from those that a forward pass writes, layer by layer and cause by cause."""

from __future__ import annotations

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Basis, Rows
from reconcile.reference import ReferenceCount, written_bytes
from reconcile.rules import Rulebook, predict_memory
from reconcile.tools import Measurement


def reconcile_memory(measured: Measurement, rulebook: Rulebook, count: ReferenceCount) -> Reconciliation:
    """Attribute the difference between a tool's memory and what leaf modules write, in bytes, to causes.

    What modules with parts put out, which those parts have written, is counted once more.
    """
    ran = count.in_mode(rulebook.mode)
    trace = ran.trace
    rows = Rows(measured.layers)
    for layer, found in count.memory.layers.items():
        rows.at(rows.locate(layer)).reference += found.written_bytes
    if ran is not count:
        _book_mode(rows, ran, count)
    predicted = predict_memory(rulebook, trace)
    for claim in predicted.outputs:
        row, subject = rows.locate(*claim.call.stack), claim.call.name
        written = written_bytes(claim.call)
        is_leaf = trace.modules[claim.call.path].is_leaf
        if claim.omitted:
            rows.book(row, Basis(claim.omitted, subject, _TERM, "not counted", "written"), 0, written if is_leaf else 0)
            continue
        basis = Basis("container", subject, _TERM, "of a module with parts", "written by its parts")
        rows.book(row, basis, written, written if is_leaf else 0)
        for cause, delta in claim.differences.items():
            rows.book(row, Basis(cause, subject, _TERM, "by its own sizes", "written"), delta, 0)
    for cause, added in (("parameters", predicted.parameters), ("input", predicted.inputs)):
        for layer, size in (added or {}).items():
            rows.book(rows.locate(layer), Basis(cause, "", "bytes", "counted too", "not written"), size, 0)
    return Reconciliation(
        metric="memory",
        unit="byte",
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit="byte",
        reference=count.memory.written_bytes,
        layers=rows.finish(trace),
        proofs=rows.proofs(),
    )


_TERM = "output bytes"


def _book_mode(rows: Rows, ran: ReferenceCount, count: ReferenceCount) -> None:
    """What is written otherwise in the mode in which the tool ran the model."""
    for layer in dict.fromkeys((*count.memory.layers, *ran.memory.layers)):
        there, here = (
            found.memory.layers[layer].written_bytes if layer in found.memory.layers else 0 for found in (count, ran)
        )
        basis = Basis("mode", "", _TERM, f"in {ran.trace.mode} mode", f"in {count.trace.mode} mode")
        rows.book(rows.locate(layer), basis, 0, there - here)
