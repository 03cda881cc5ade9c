"""Where a tool's number of parameters differs from the model's, layer by layer and cause by cause."""

from __future__ import annotations

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Basis, Rows
from reconcile.reference import ReferenceCount
from reconcile.rules import Rulebook, owners, predict_parameters
from reconcile.tools import Measurement


def reconcile_parameters(measured: Measurement, rulebook: Rulebook, count: ReferenceCount) -> Reconciliation:
    """Attribute the difference between a tool's parameters and the model's, each of which counts once, to causes."""
    rows = Rows(measured.layers)
    trace = count.in_mode(rulebook.mode).trace
    predicted = predict_parameters(rulebook, trace)
    owner_of = owners(trace)
    for name, parameter in trace.parameters.items():
        rows.at(rows.locate(owner_of[name])).reference += parameter.elements
    seen: set[str] = set()
    for layer, name in predicted.counted:
        elements = trace.parameters[name].elements
        home, booked, subject = rows.locate(owner_of[name]), rows.locate(layer), trace.modules[owner_of[name]].type
        if name in seen:
            rows.book(booked, Basis("reuse", subject, _TERM, "once more", "counted already"), elements, 0)
        else:
            rows.book(home, Basis("", subject, _TERM, "once", "once"), elements, elements)
            rows.move(home, booked, elements, Basis("container", subject, _TERM, "booked elsewhere", "booked here"))
        seen.add(name)
    for name, cause in predicted.omitted.items():
        owner = owner_of[name]
        basis = Basis(cause, trace.modules[owner].type, _TERM, _NOT_COUNTED[cause], "once")
        rows.book(rows.locate(owner), basis, 0, trace.parameters[name].elements)
    for (layer, cause), delta in predicted.adjustments.items():
        rows.book(
            rows.locate(layer), Basis(cause, "", _TERM, "as much more or less as its parts count", "once"), delta, 0
        )
    return Reconciliation(
        metric="params",
        unit="parameter",
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit="parameter",
        reference=sum(parameter.elements for parameter in trace.parameters.values()),
        layers=rows.finish(trace),
        proofs=rows.proofs(),
    )


_TERM = "parameter"

_NOT_COUNTED = {
    "unsupported-layer": "no rule",
    "container": "not on a layer of its own",
    "untraced": "its layer did not run",
    "frozen": "not trained",
}
"""Why a tool does not count a parameter, by the cause."""
