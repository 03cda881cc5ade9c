"""torch's FlopCounterMode: the operators that torch dispatches, with a formula for each that it knows.

Documented call: ``with FlopCounterMode(display=False) as counter: model(*args)``, then ``counter.get_total_flops()``.
With autograd and without it torch dispatches other operators, so each is a column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer


class FlopCounter:
    """The column ``flop-counter``: autograd is on."""

    name = "flop-counter"
    distribution = "torch"
    module = "torch.utils.flop_counter"
    unit: Unit = "FLOP"
    summary = "operators that torch dispatches: convolutions, matrix products and attention"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the model in the counter."""
        with torch.enable_grad():
            return _count(module, args, kwargs)


class FlopCounterNoGrad:
    """The column ``flop-counter-no-grad``: autograd is off."""

    name = "flop-counter-no-grad"
    distribution = "torch"
    module = "torch.utils.flop_counter"
    unit: Unit = "FLOP"
    summary = "the same without autograd, where other operators are dispatched"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the model in the counter."""
        with torch.no_grad():
            return _count(module, args, kwargs)


def _count(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
    """Run the counter, and read its total wherever a module begins or ends.

    Its counts by module are keyed by class and name, with all that runs while the module does: what belongs to a
    module that has two owners, or to two modules under one key, cannot be told from them.
    """
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415  # one process imports the tools that it runs

    counter = FlopCounterMode(display=False)
    paths = {layer: path for path, layer in module.named_modules()}
    running = [""]
    own: Counter[str] = Counter()

    def book() -> None:
        own[running[-1]] += exact_integer(counter.get_total_flops(), "operations") - own.total()

    def begin(layer: nn.Module, _: Any) -> None:
        book()
        running.append(paths.get(layer, running[-1]))

    def end(*_: Any) -> None:
        book()
        running.pop()

    with register_module_forward_pre_hook(begin), register_module_forward_hook(end, always_call=True), counter:
        module(*args, **kwargs)
    book()
    return ToolReport({"compute": Measurement(exact_integer(counter.get_total_flops(), "operations"), dict(own))})
