"""torchprofile: a traced graph of torch.jit, with a handler for each operator that it knows.

Documented call: ``profile_macs(model, inputs)``; ``reduction=None`` gives the operators one by one, each with the scope
in which torch.jit recorded it.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from reconcile.tools.adapter import (
    Measurement,
    ToolReport,
    Unit,
    exact_integer,
    positional_tensors,
)


class Torchprofile:
    """The column ``torchprofile``."""

    name = "torchprofile"
    distribution = "torchprofile"
    module = "torchprofile"
    unit: Unit = "MAC"
    summary = "operators of a torch.jit trace; warns of those that it has no handler for"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``torchprofile.profile_macs``."""
        from torchprofile import profile_macs  # noqa: PLC0415  # one process imports the tools that it runs

        inputs = positional_tensors(module, args, kwargs)
        paths = [path for path, _ in module.named_modules()]
        with _numbered_scopes(module), warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always")
            nodes = profile_macs(module, inputs, reduction=None)
        assert isinstance(nodes, dict)  # without a reduction
        layers: Counter[str] = Counter()
        for node, value in nodes.items():
            path = paths[int(node.scope.rpartition("/")[2] or 0)]
            layers[path] += exact_integer(value, f"operations of {node.operator}")
        return ToolReport({"compute": Measurement(layers.total(), dict(layers))}, _notes(remarks))


@contextmanager
def _numbered_scopes(module: nn.Module) -> Iterator[None]:
    """Let torch.jit record operators under the numbers of their modules; by default it records no scopes."""
    from torch.jit import _trace  # noqa: PLC0415  # as above

    before = _trace._trace_module_map
    _trace._trace_module_map = {layer: str(number) for number, layer in enumerate(module.modules())}
    try:
        yield
    finally:
        _trace._trace_module_map = before


def _notes(remarks: Sequence[warnings.WarningMessage]) -> tuple[str, ...]:
    """Read the tool's warnings: that an operator has no handler is said nowhere else."""
    matches = (re.fullmatch(r'No handlers found: "(.+)"\. Skipped\.', str(remark.message)) for remark in remarks)
    calls = Counter(match[1] for match in matches if match)
    return tuple(f"no rule for {name}: {number} calls" for name, number in sorted(calls.items()))
