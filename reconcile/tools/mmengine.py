"""mmengine: a traced graph of torch.jit, with a handler for each operator that it knows.

Documented calls: ``FlopAnalyzer(model, inputs)`` and ``ActivationAnalyzer(model, inputs)``, each with ``.total()`` and
``.by_module()``, and ``parameter_count(model)``; ``get_model_complexity_info(model, inputs=inputs)`` returns the
totals of these three. Both analyses read one traced graph here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import (
    Measurement,
    ToolReport,
    Unit,
    exact_integer,
    own_values,
    positional_tensors,
)
from reconcile.tools.one_graph import one_graph


class Mmengine:
    """The column ``mmengine``."""

    name = "mmengine"
    distribution = "mmengine"
    module = "mmengine.analysis"
    unit: Unit = "MAC"
    summary = "operators of a torch.jit trace; reports those that it has no rule for"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run both analyses and the parameter count."""
        from mmengine.analysis import (  # noqa: PLC0415  # one process imports the tools that it runs
            ActivationAnalyzer,
            FlopAnalyzer,
            jit_analysis,
            parameter_count,
        )

        inputs = positional_tensors(module, args, kwargs)
        operations = FlopAnalyzer(module, inputs)
        with one_graph(jit_analysis):
            compute = _measurement(operations, "flops")
            activations = _measurement(ActivationAnalyzer(module, inputs), "activations")
        counted = parameter_count(module)
        parameters = {path: exact_integer(counted[path], "parameters") for path, _ in module.named_modules()}
        return ToolReport(
            {
                "compute": compute,
                "params": Measurement(parameters[""], own_values(parameters)),
                "activations": activations,
            },
            tuple(
                f"no rule for {name}: {number} calls" for name, number in sorted(operations.unsupported_ops().items())
            ),
        )


def _measurement(analysis: Any, what: str) -> Measurement:
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    inclusive = {path: exact_integer(value, f"{what} of '{path}'") for path, value in analysis.by_module().items()}
    return Measurement(exact_integer(analysis.total(), what), own_values(inclusive))
