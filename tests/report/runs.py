"""Runs made by hand: two models, three tools, one failure, and names that try to get out of a table or a page."""

from __future__ import annotations

from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.run.result import Cell, Run

SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
HUGE = 2**60 + 1
INPUT = "1x3x224x224"


def layer(path: str, kind: str, reference: int, residual: int = 0, **causes: int) -> LayerDifference:
    named = {code.replace("_", "-"): delta for code, delta in causes.items()}
    return LayerDifference(path, kind, 1, reference + sum(named.values()) + residual, reference, named)


def reconciliation(*layers: LayerDifference, metric: str = "compute", unit: str = "MAC") -> Reconciliation:
    return Reconciliation(
        metric=metric,
        unit=unit,
        value=sum(item.value for item in layers),
        reference_convention="macs",
        reference_unit="MAC" if metric == "compute" else "parameter",
        reference=sum(item.reference for item in layers),
        layers=layers,
    )


def resnet_like(residual: int = 0) -> Reconciliation:
    norms = [layer(f"layer{index}.bn", "BatchNorm2d", 0, normalization=1_000_000) for index in range(44)]
    return reconciliation(
        layer("conv1", "Conv2d", 4_089_284_608),
        *norms,
        layer("fc", "Linear", 0, residual=residual, bias=455_936, formula=-7),
        layer("(functions)", "", 0),
        layer("", "ResNet", 0),
    )


def parameters(count: int, **causes: int) -> Reconciliation:
    return reconciliation(layer("", "Net", count, **causes), metric="params", unit="parameter")


def nasty_run() -> Run:
    huge = reconciliation(layer("", SCRIPT, HUGE))
    cells = (
        Cell(
            "pkg.mod:net", INPUT, "thop", "0.1", "ok", {"compute": resnet_like(5), "params": parameters(7)}, 1.5, 300.0
        ),
        Cell("pkg.mod:net", INPUT, FORMULA, "1", "failed", error=f"@ValueError: {SCRIPT}"),
        Cell("pkg.mod:net", INPUT, SCRIPT, "1", "ok", {"compute": reconciliation(layer("a b", "X", 4_089_284_608))}),
        Cell(SCRIPT, INPUT, "thop", "0.1", "ok", {"compute": huge, "params": parameters(0)}, notes=(SCRIPT,)),
        Cell(SCRIPT, INPUT, FORMULA, "1", "timeout"),
        Cell(SCRIPT, INPUT, SCRIPT, "1", "ok", {"compute": reconciliation(layer(SCRIPT, SCRIPT, HUGE, attention=-1))}),
    )
    references = (
        ModelReference("pkg.mod:net", INPUT, 4_089_284_608, 7, "dataless", {SCRIPT: 2}, ("aux", "")),
        ModelReference(SCRIPT, INPUT, HUGE, None),
    )
    manifest = {"started": "2025-06-01", "versions": {"torch": "2.9", SCRIPT: SCRIPT}, "command": ["reconcile", "run"]}
    return Run("run-1", "macs", "MAC", ("thop", FORMULA, SCRIPT), references, cells, manifest)
