"""torchinfo: a summary of the modules that ran, with products derived from parameters and output shapes.

Documented call: ``summary(model, input_data=...)``, which returns the rows and totals that it would print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer


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
        for row in rows.summary_list:
            path = paths[row.module]
            if row.is_leaf_layer:
                compute[path] += exact_integer(row.macs, f"mult-adds of '{path}'")
            if not row.is_recursive:
                parameters[path] += max(row.num_params if row.is_leaf_layer else row.leftover_params(), 0)
        return ToolReport(
            {
                "compute": Measurement(exact_integer(rows.total_mult_adds, "mult-adds"), dict(compute)),
                "params": Measurement(exact_integer(rows.total_params, "parameters"), dict(parameters)),
            }
        )
