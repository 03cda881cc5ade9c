"""torch's profiler: the operators that torch calls, with a formula for a few of them.

Documented call: ``with torch.profiler.profile(with_flops=True) as prof: model(*args)``, which estimates the operations
of each operator; ``prof.key_averages()`` holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from reconcile.execution import ValuesNeededError, WithoutArithmetic
from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer


class TorchProfiler:
    """The column ``torch-profiler``."""

    name = "torch-profiler"
    distribution = "torch"
    module = "torch.profiler"
    unit: Unit = "FLOP"
    summary = "operators that torch calls: 2-D convolutions, matrix products, sums and products of elements"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the model in the profiler, and add up what it says of operators.

        Raises:
            ValuesNeededError: The model is not computed: the profiler notes where each tensor lies in memory, and goes
                on with numbers that are wrong where it may not.
        """
        from torch.profiler import profile  # noqa: PLC0415  # one process imports the tools that it runs

        if any(isinstance(mode, WithoutArithmetic) for mode in _get_current_dispatch_mode_stack()):
            raise ValuesNeededError("the profiler asks where tensors lie in memory")
        with profile(with_flops=True) as profiler:
            module(*args, **kwargs)
        total = sum(exact_integer(event.flops, f"operations of {event.key}") for event in profiler.key_averages())
        return ToolReport({"compute": Measurement(total, {"": total})})
