"""A tool's numbers beside the reference where no rules say how the tool counts: every difference stays unexplained."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.diff.result import Reconciliation
from reconcile.diff.rows import Rows
from reconcile.reference import ReferenceCount
from reconcile.tools import Measurement, Metric, Unit


def reconcile_without_rules(metric: Metric, measured: Measurement, unit: Unit, count: ReferenceCount) -> Reconciliation:
    """Put a measurement beside the reference, layer by layer. ``unit`` is the tool's unit of compute.

    The reference of activations are the elements that convolutions, linear layers and matrix products put out; that
    of memory, the bytes that the forward pass writes.
    """
    units: Mapping[Metric, str] = {"compute": unit, "params": "parameter", "activations": "element", "memory": "byte"}
    expected = _by_layer(metric, count)
    rows = Rows(measured.layers)
    for layer, value in expected.items():
        rows.at(rows.locate(layer)).reference += value
    return Reconciliation(
        metric=metric,
        unit=units[metric],
        value=measured.total,
        reference_convention=count.convention.name,
        reference_unit=count.convention.unit if metric == "compute" else units[metric],
        reference=sum(expected.values()),
        layers=rows.finish(count.trace),
    )


def _by_layer(metric: Metric, count: ReferenceCount) -> Mapping[str, int]:
    match metric:
        case "compute":
            return count.by_layer()
        case "params":
            return count.parameters_by_layer()
        case "activations":
            return count.activations_by_layer()
        case "memory":
            return {path: layer.written_bytes for path, layer in count.memory.layers.items()}
