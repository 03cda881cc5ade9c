"""Tools that count by known rules, each watching something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from reconcile.tools import Measurement, ToolReport, Unit, UnsupportedModelError


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
    """Replaces ``F.linear``, and counts its products; all parameters, of each module less those of its children."""

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
        parameters = dict(_own_parameters(module, ""))
        return ToolReport(
            {
                "compute": Measurement(total, {"": total}),
                "params": Measurement(sum(parameters.values()), parameters),
            }
        )


def _own_parameters(module: nn.Module, path: str) -> Iterator[tuple[str, int]]:
    inclusive, *parts = (
        sum(parameter.numel() for parameter in part.parameters()) for part in (module, *module.children())
    )
    yield path, inclusive - sum(parts)
    for name, part in module.named_children():
        yield from _own_parameters(part, f"{path}.{name}" if path else name)


class Images(Tool):
    """Products of convolutions and linear layers that have no parts, of one image, in evaluation mode.

    Of parameters, those that a layer without parts holds, if it runs.
    """

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        if len(args) != 1 or args[0].dim() != 4 or len(args[0]) != 1:
            raise UnsupportedModelError("one image, and nothing else")
        counted: dict[str, int] = {"": 0}
        parameters: dict[str, int] = {"": 0}

        def watch(layer: nn.Module, name: str) -> None:
            def note(_: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
                parameters[name] = sum(own.numel() for own in layer.parameters())
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    counted[name] = counted.get(name, 0) + output.numel() * layer.weight[0].numel()

            layer.register_forward_hook(note)

        for name, layer in module.named_modules():
            if not list(layer.children()):
                watch(layer, name)
        module.eval()(*args)
        return ToolReport(
            {
                "compute": Measurement(sum(counted.values()), counted),
                "params": Measurement(sum(parameters.values()), parameters),
            }
        )


class Rows(Tool):
    """No operations; what a layer calls ``weight`` and ``bias``, for each call and each owner."""

    unit: Unit = ""

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        total = 0

        def note(layer: nn.Module, *_: Any) -> None:
            nonlocal total
            for name in ("weight", "bias"):
                if isinstance(own := getattr(layer, name, None), nn.Parameter):
                    total += own.numel()

        module.apply(lambda layer: layer is module or layer.register_forward_hook(note) is None)
        module(*args, **kwargs)
        return ToolReport({"params": Measurement(total, {"": total})})


class OneOwn(Tool):
    """Replaces ``F.linear``, and counts its products; five per output of a recurrent cell, by a hook."""

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        total = 0
        original = F.linear

        def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
            nonlocal total
            total += x.numel() * weight.shape[0]
            return original(x, weight, bias)

        def note(_: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            nonlocal total
            total += 5 * output.numel()

        for layer in module.modules():
            if type(layer) is nn.RNNCell:
                layer.register_forward_hook(note)
        F.linear = linear
        try:
            module(*args, **kwargs)
        finally:
            F.linear = original
        return report(total, sum(parameter.numel() for parameter in module.parameters()))
