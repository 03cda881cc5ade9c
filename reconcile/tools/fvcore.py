"""fvcore: a traced graph of torch.jit, with a handler for each operator that it knows.

Documented calls: ``FlopCountAnalysis(model, inputs).total()`` and ``.by_module()``; ``parameter_count(model)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer, own_values, positional_inputs


class Fvcore:
    """The column ``fvcore``."""

    name = "fvcore"
    distribution = "fvcore"
    module = "fvcore.nn"
    unit: Unit = "MAC"
    summary = "operators of a torch.jit trace; reports those that it has no rule for"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the flop analysis and the parameter count."""
        from fvcore.nn import FlopCountAnalysis, parameter_count  # noqa: PLC0415  # one process imports what it runs

        analysis = FlopCountAnalysis(module, positional_inputs(module, args, kwargs))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        inclusive = {path: exact_integer(value, f"flops of '{path}'") for path, value in analysis.by_module().items()}
        modules = _modules_with_parameters(module)
        counted = {path: int(value) for path, value in parameter_count(module).items() if path in modules}
        parameters = {"": 0} | counted  # of a model without parameters it says nothing
        notes = tuple(
            f"no rule for {name}: {number} calls" for name, number in sorted(analysis.unsupported_ops().items())
        )
        return ToolReport(
            {
                "compute": Measurement(exact_integer(analysis.total(), "flops"), own_values(inclusive)),
                "params": Measurement(parameters[""], own_values(parameters)),
            },
            notes,
        )


def _modules_with_parameters(module: nn.Module) -> set[str]:
    """Parameter counts are keyed by modules and by parameters: these are the modules, and those above them."""
    found = {""}
    for path, _ in module.named_parameters():
        owner = path.rpartition(".")[0]
        while owner not in found:
            found.add(owner)
            owner = owner.rpartition(".")[0]
    return found
