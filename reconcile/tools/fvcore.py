"""fvcore: a traced graph of torch.jit, with a handler for each operator that it knows.

Documented calls: ``FlopCountAnalysis(model, inputs)`` and ``ActivationCountAnalysis(model, inputs)``, each with
``.total()`` and ``.by_module()``; ``parameter_count(model)``. Both analyses read one traced graph here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer, own_values, positional_inputs
from reconcile.tools.one_graph import one_graph


class Fvcore:
    """The column ``fvcore``."""

    name = "fvcore"
    distribution = "fvcore"
    module = "fvcore.nn"
    unit: Unit = "MAC"
    summary = "operators of a torch.jit trace; reports those that it has no rule for"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run both analyses and the parameter count."""
        from fvcore.nn import (  # noqa: PLC0415  # one process imports the tools that it runs
            ActivationCountAnalysis,
            FlopCountAnalysis,
            jit_analysis,
            parameter_count,
        )

        inputs = positional_inputs(module, args, kwargs)
        operations = FlopCountAnalysis(module, inputs)
        with one_graph(jit_analysis):
            compute = _measurement(operations, "flops")
            activations = _measurement(ActivationCountAnalysis(module, inputs), "activations")
        modules = _modules_with_parameters(module)
        counted = {path: int(value) for path, value in parameter_count(module).items() if path in modules}
        parameters = {"": 0} | counted  # of a model without parameters it says nothing
        notes = tuple(
            f"no rule for {name}: {number} calls" for name, number in sorted(operations.unsupported_ops().items())
        )
        return ToolReport(
            {
                "compute": compute,
                "params": Measurement(parameters[""], own_values(parameters)),
                "activations": activations,
            },
            notes,
        )


def _measurement(analysis: Any, what: str) -> Measurement:
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    inclusive = {path: exact_integer(value, f"{what} of '{path}'") for path, value in analysis.by_module().items()}
    return Measurement(exact_integer(analysis.total(), what), own_values(inclusive))


def _modules_with_parameters(module: nn.Module) -> set[str]:
    """Parameter counts are keyed by modules and by parameters: these are the modules, and those above them."""
    found = {""}
    for path, _ in module.named_parameters():
        owner = path.rpartition(".")[0]
        while owner not in found:
            found.add(owner)
            owner = owner.rpartition(".")[0]
    return found
