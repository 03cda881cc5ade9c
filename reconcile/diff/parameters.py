"""Where a tool's number of parameters differs from the model's, layer by layer and cause by cause."""

from __future__ import annotations

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Rows
from reconcile.rules import Rulebook, owners, predict_parameters
from reconcile.tools import Measurement
from reconcile.trace import Trace


def reconcile_parameters(measured: Measurement, rulebook: Rulebook, trace: Trace, convention: str) -> Reconciliation:
    """Attribute the difference between a tool's parameters and the model's, each of which counts once, to causes."""
    rows = Rows(measured.layers)
    predicted = predict_parameters(rulebook, trace)
    owner_of = owners(trace)
    for name, parameter in trace.parameters.items():
        rows.at(rows.locate(owner_of[name])).reference += parameter.elements
    seen: set[str] = set()
    for layer, name in predicted.counted:
        elements = trace.parameters[name].elements
        home, booked = rows.locate(owner_of[name]), rows.locate(layer)
        if name in seen:
            rows.at(booked).add("reuse", elements)
        elif booked != home:
            rows.at(home).add("container", -elements)
            rows.at(booked).add("container", elements)
        seen.add(name)
    for name, cause in predicted.omitted.items():
        rows.at(rows.locate(owner_of[name])).add(cause, -trace.parameters[name].elements)
    for (layer, cause), delta in predicted.adjustments.items():
        rows.at(rows.locate(layer)).add(cause, delta)
    return Reconciliation(
        metric="params",
        unit="parameter",
        value=measured.total,
        reference_convention=convention,
        reference_unit="parameter",
        reference=sum(parameter.elements for parameter in trace.parameters.values()),
        layers=rows.finish(trace),
    )
