"""torchinfo: a summary of the modules that ran, with products derived from parameters and output shapes.

Documented call: ``summary(model, input_data=...)``, which returns the rows and totals that it would print.

``memory`` is what it prints as ``Estimated Total Size``: what the memory of the inputs takes as a Python object, twice
the outputs of leaf modules that have parameters, and the parameters of leaf modules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer

INPUT = "(input)"
"""Where the bytes of the inputs are booked, which belong to no module."""


class Torchinfo:
    """The column ``torchinfo``."""

    name = "torchinfo"
    distribution = "torchinfo"
    module = "torchinfo"
    unit: Unit = "MAC"
    summary = "leaf modules: parameters times positions of the output"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``torchinfo.summary`` and read its rows."""
        from torchinfo import summary  # noqa: PLC0415  # one process imports the tools that it runs

        paths = {below: path for path, below in module.named_modules()}
        rows = summary(module, input_data=list(args) if args else dict(kwargs), verbose=0, **(kwargs if args else {}))
        compute: Counter[str] = Counter()
        parameters: Counter[str] = Counter()
        memory: Counter[str] = Counter({INPUT: rows.total_input})
        for row in rows.summary_list:
            path = paths[row.module]
            if row.is_leaf_layer:
                compute[path] += exact_integer(row.macs, f"mult-adds of '{path}'")
                outputs = 2 * row.output_bytes if row.num_params > 0 else 0
                memory[path] += outputs + (0 if row.is_recursive else row.param_bytes)
            if not row.is_recursive:
                parameters[path] += max(row.num_params if row.is_leaf_layer else row.leftover_params(), 0)
        total = rows.total_input + rows.total_output_bytes + rows.total_param_bytes
        return ToolReport(
            {
                "compute": Measurement(exact_integer(rows.total_mult_adds, "mult-adds"), dict(compute)),
                "params": Measurement(exact_integer(rows.total_params, "parameters"), dict(parameters)),
                "memory": Measurement(exact_integer(total, "memory"), dict(memory)),
            }
        )
