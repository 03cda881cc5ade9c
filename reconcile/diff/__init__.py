"""The difference between a tool and the reference: aligned, attributed to causes, exact in integers."""

from collections.abc import Mapping

from reconcile.diff.compute import reconcile_compute
from reconcile.diff.parameters import reconcile_parameters
from reconcile.diff.result import CauseShare, LayerDifference, Reconciliation
from reconcile.reference import ReferenceCount
from reconcile.rules import load_rulebook
from reconcile.rules.causes import CAUSES, Cause
from reconcile.tools import Measurement, Metric

__all__ = [
    "CAUSES",
    "Cause",
    "CauseShare",
    "LayerDifference",
    "Reconciliation",
    "reconcile_compute",
    "reconcile_measurements",
    "reconcile_parameters",
]


def reconcile_measurements(
    tool: str, measurements: Mapping[Metric, Measurement], count: ReferenceCount
) -> dict[str, Reconciliation]:
    """Reconcile everything that a tool measured on a model with the native count of the same model and inputs."""
    rulebook = load_rulebook(tool)
    return {
        metric: reconcile_compute(measured, rulebook, count)
        if metric == "compute"
        else reconcile_parameters(measured, rulebook, count.trace, count.convention.name)
        for metric, measured in measurements.items()
    }
