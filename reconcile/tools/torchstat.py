"""torchstat: calls of leaf modules, caught by the modules' classes. Two counts, two columns.

Documented call: ``stat(model, (3, 224, 224))`` prints a table of the leaf modules. It forwards one random image of that
shape. The table is made with ``DataFrame.append``, which pandas 2 removed; the adapter reads the rows one step earlier,
from ``ModelStat(model, (3, 224, 224))._analyze_model()``. The totals are the sums of the rows, as in the table.

``memory`` is what the table calls ``Total memory``: the outputs of the leaf modules, four bytes for each element. The
rows hold it in megabytes of 2**20 bytes, so the bytes are exact.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any, Literal

import torch
from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, UnsupportedModelError, exact_integer

Count = Literal["Flops", "MAdd"]

NOTE = "stat() needs DataFrame.append, which pandas 2 removed: read from ModelStat, which it calls"
"""Why the report is not what the documented call prints."""


class TorchstatFlops:
    """The column ``torchstat-flops``: multiply-adds, and elements of some other layers."""

    name = "torchstat-flops"
    distribution = "torchstat"
    module = "torchstat"
    unit: Unit = "MAC"
    summary = "calls of leaf modules of known types, the last call of each: multiply-adds"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``ModelStat`` and read ``Flops``."""
        return _report(module, _shape(args, kwargs), "Flops")


class TorchstatMadd:
    """The column ``torchstat-madd``: multiplications and additions, each for itself."""

    name = "torchstat-madd"
    distribution = "torchstat"
    module = "torchstat"
    unit: Unit = "FLOP"
    summary = "calls of leaf modules of known types, the last call of each: multiplications plus additions"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``ModelStat`` and read ``MAdd``."""
        return _report(module, _shape(args, kwargs), "MAdd")


def _shape(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[int, ...]:
    image = args[0] if len(args) == 1 and not kwargs else None
    if isinstance(image, torch.Tensor) and image.dim() == 4 and len(image) == 1 and image.dtype == torch.float32:
        return tuple(image.shape[1:])
    raise UnsupportedModelError("the tool runs a model on one float32 image of its own, 1xCxHxW, and on nothing else")


def _report(module: nn.Module, shape: tuple[int, ...], count: Count) -> ToolReport:
    from torchstat import ModelStat  # noqa: PLC0415  # one process imports the tools that it runs

    remarks = io.StringIO()
    with redirect_stdout(remarks):
        leaves = ModelStat(module, shape)._analyze_model()
    return ToolReport(
        {
            "compute": _measurement({leaf.name: exact_integer(getattr(leaf, count), count) for leaf in leaves}),
            "params": _measurement({leaf.name: exact_integer(leaf.parameter_quantity, "params") for leaf in leaves}),
            "memory": _measurement(
                {leaf.name: exact_integer(float(leaf.inference_memory) * 2**20, "memory") for leaf in leaves}
            ),
        },
        (NOTE, *_without_rule(remarks.getvalue(), count)),
    )


def _measurement(layers: Mapping[str, int]) -> Measurement:
    return Measurement(sum(layers.values()), layers)


def _without_rule(remarks: str, count: Count) -> Iterator[str]:
    types = Counter(re.findall(rf"^\[{count}\]: (\w+) is not supported!$", remarks, re.MULTILINE))
    for name, calls in sorted(types.items()):
        yield f"no rule for {name}: {calls} calls"
