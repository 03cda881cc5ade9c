"""The difference between a tool and the reference: aligned, attributed to causes, exact in integers."""

from collections.abc import Mapping

from reconcile.diff.activations import reconcile_activations
from reconcile.diff.compute import reconcile_compute
from reconcile.diff.memory import reconcile_memory
from reconcile.diff.parameters import reconcile_parameters
from reconcile.diff.result import CauseShare, LayerDifference, Proof, Reconciliation
from reconcile.diff.unruled import reconcile_without_rules
from reconcile.reference import ReferenceCount
from reconcile.rules import Rulebook, find_rulebook
from reconcile.rules.causes import CAUSES, Cause
from reconcile.tools import Measurement, Metric, adapter

__all__ = [
    "CAUSES",
    "Cause",
    "CauseShare",
    "LayerDifference",
    "Proof",
    "Reconciliation",
    "reconcile_activations",
    "reconcile_compute",
    "reconcile_measurements",
    "reconcile_memory",
    "reconcile_parameters",
    "reconcile_without_rules",
]


def reconcile_measurements(
    tool: str, measurements: Mapping[Metric, Measurement], count: ReferenceCount, rulebook: Rulebook | None = None
) -> dict[str, Reconciliation]:
    """Reconcile everything that a tool measured on a model with the native count of the same model and inputs.

    ``rulebook`` stands in for the one that is known of the tool.
    """
    rulebook = rulebook or find_rulebook(tool)
    return {metric: _reconcile(metric, measured, tool, rulebook, count) for metric, measured in measurements.items()}


def _reconcile(
    metric: Metric, measured: Measurement, tool: str, rulebook: Rulebook | None, count: ReferenceCount
) -> Reconciliation:
    if rulebook is not None and metric == "compute":
        return reconcile_compute(measured, rulebook, count)
    if rulebook is not None and metric == "params":
        return reconcile_parameters(measured, rulebook, count)
    if rulebook is not None and rulebook.activations is not None and metric == "activations":
        return reconcile_activations(measured, rulebook, count)
    if rulebook is not None and rulebook.memory is not None and metric == "memory":
        return reconcile_memory(measured, rulebook, count)
    return reconcile_without_rules(metric, measured, adapter(tool).unit, count)
