"""calflops: functions of torch that it replaces while it runs, booked on the module that calls them. Two columns.

Documented call: ``flops, macs, params = calculate_flops(model=model, args=[...], kwargs={...}, output_as_string=False,
print_results=False, print_detailed=False)``. It counts the parameters that are trained. Counts are rounded only where
they become text. While it runs, each module carries its own counts; a hook on the model reads them at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, UnsupportedModelError, exact_integer

Count = Literal["flops", "macs", "params"]


class CalflopsFlops:
    """The column ``calflops-flops``: twice the multiply-adds, biases, and elements of other functions."""

    name = "calflops-flops"
    distribution = "calflops"
    module = "calflops"
    unit: Unit = "FLOP"
    summary = "patched functions of torch: twice the multiply-adds, and elementwise functions"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``calculate_flops`` and take its FLOPs."""
        return _report(module, args, kwargs, "flops")


class CalflopsMacs:
    """The column ``calflops-macs``: multiply-adds alone."""

    name = "calflops-macs"
    distribution = "calflops"
    module = "calflops"
    unit: Unit = "MAC"
    summary = "patched functions of torch: multiply-adds alone"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``calculate_flops`` and take its MACs."""
        return _report(module, args, kwargs, "macs")


def _report(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], count: Literal["flops", "macs"]
) -> ToolReport:
    from calflops import calculate_flops  # noqa: PLC0415  # one process imports the tools that it runs

    _check_inputs(args, kwargs)
    own: dict[str, int] = {}
    parameters: dict[str, int] = {}

    def read(*_: Any) -> None:
        for path, below in _modules(module, ""):
            own[path] = _carried(below, count)
            parameters[path] = _carried(below, "params") - sum(_carried(part, "params") for part in below.children())

    module.register_forward_hook(read)
    flops, macs, params = calculate_flops(
        model=module,
        args=list(args),
        kwargs=dict(kwargs),
        output_as_string=False,
        print_results=False,
        print_detailed=False,
    )
    total = exact_integer({"flops": flops, "macs": macs}[count], count)
    own[""] = total - sum(value for path, value in own.items() if path)  # the tool books the model's own after the hook
    return ToolReport(
        {
            "compute": Measurement(total, own),
            "params": Measurement(exact_integer(params, "params"), parameters),
        }
    )


def _check_inputs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """The tool moves inputs to the model's device: those by name if there are any, else those by position."""
    for value in kwargs.values() if kwargs else args:
        if not isinstance(value, torch.Tensor):
            raise UnsupportedModelError(f"the tool takes tensors only, and one input is of type {type(value).__name__}")


def _modules(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """Walk as the tool adds up: a module with two owners is there twice."""
    yield path, module
    for name, part in module.named_children():
        yield from _modules(part, f"{path}.{name}" if path else name)


def _carried(module: nn.Module, count: Count) -> int:
    return exact_integer(vars(module)[f"__{count}__"], count)
