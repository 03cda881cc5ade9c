"""Tools that count by known rules, each watching something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from reconcile.tools import Measurement, ToolReport, Unit


class Tool:
    """A tool with a distribution that is there."""

    distribution = "torch"
    module = "torch"
    unit: Unit = "MAC"
    summary = "a tool of the tests"

    def __init__(self, name: str) -> None:
        self.name = name


def report(total: int, parameters: int) -> ToolReport:
    return ToolReport({"compute": Measurement(total, {"": total}), "params": Measurement(parameters, {"": parameters})})


class Hooks(Tool):
    """Twice the products and the bias of a linear layer, three per output of ReLU, of one sample; trained parameters.

    ``last``: a module that is called again forgets what it counted. ``subclasses``: they count as well.
    """

    def __init__(self, name: str, last: bool = False, subclasses: bool = False) -> None:
        super().__init__(name)
        self.last, self.subclasses = last, subclasses

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        counted: dict[nn.Module, int] = {}

        def note(layer: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            kinds: dict[type[nn.Module], Callable[[], int]] = {
                nn.Linear: lambda: (
                    2 * given[0].numel() * output.shape[-1] + (0 if layer.bias is None else output.numel())
                ),
                nn.ReLU: lambda: 3 * output.numel(),
            }
            for kind, value in kinds.items():
                if type(layer) is kind or (self.subclasses and isinstance(layer, kind)):
                    counted[layer] = value() + (0 if self.last else counted.get(layer, 0))

        for layer in module.modules():
            layer.register_forward_hook(note)
        module(*args, **kwargs)
        trained = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        return report(sum(counted.values()) // len(args[0]), trained)


class Operators(Tool):
    """Products of matrices as torch dispatches them, and one per element of a sum; all parameters."""

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        class Counting(TorchDispatchMode):
            total = 0

            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                output = func(*args, **(kwargs or {}))
                match func._overloadpacket:
                    case torch.ops.aten.mm | torch.ops.aten.bmm:
                        self.total += args[0].numel() * args[1].shape[-1]
                    case torch.ops.aten.addmm:
                        self.total += args[1].numel() * args[2].shape[-1]
                    case torch.ops.aten.add:
                        self.total += output.numel()
                return output

        with torch.no_grad(), Counting() as counting:
            module(*args, **kwargs)
        return report(counting.total, sum(parameter.numel() for parameter in module.parameters()))


class Functions(Tool):
    """Replaces ``F.linear``, and counts its products; every parameter of modules that ran."""

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        total = 0
        original = F.linear

        def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
            nonlocal total
            total += x.numel() * weight.shape[0]
            return original(x, weight, bias)

        F.linear = linear
        try:
            module(*args, **kwargs)
        finally:
            F.linear = original
        return report(total, sum(parameter.numel() for parameter in module.parameters()))
