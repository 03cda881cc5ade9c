"""ultralytics-thop: hooks on modules of known types and their subclasses, and matrix products by functions.

Documented call: ``macs, params = profile(model, inputs=(input,))``; ``ret_layer_info=True`` adds the layers. It is
imported as ``thop``, as the distribution ``thop`` is: an environment holds one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from reconcile.tools.adapter import (
    Measurement,
    ToolReport,
    Unit,
    exact_integer,
    is_installed,
    own_values,
    positional_inputs,
    version_of,
)
from reconcile.tools.thop import Layers

FUNCTIONS = "(functions)"
"""Where products by functions are booked: the tool adds them to the total and names no module for them."""


class UltralyticsThop:
    """The column ``ultralytics-thop``."""

    name = "ultralytics-thop"
    distribution = "ultralytics-thop"
    module = "thop"
    unit: Unit = "MAC"
    summary = "hooks on modules of known types and their subclasses, and matrix products by functions"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``thop.profile``.

        Raises:
            RuntimeError: What is imported as ``thop`` is another distribution.
        """
        import thop  # noqa: PLC0415  # one process imports the tools that it runs

        if not is_installed(self) or thop.__version__ != version_of(self):
            raise RuntimeError(f"'thop' {thop.__version__} is imported from {thop.__file__}, not ultralytics-thop")
        inputs = positional_inputs(module, args, kwargs)
        operations, parameters, layers = thop.profile(module, inputs=inputs, verbose=False, ret_layer_info=True)
        total = exact_integer(operations, "operations")
        own = dict(_own_operations(module, layers, "", set()))
        booked = "" if _has_rule(module) else FUNCTIONS  # where there is a rule for the model, it counts no function
        own[booked] = total - sum(own.values())
        inclusive = {"": exact_integer(parameters, "parameters"), **dict(_parameters(layers, ""))}
        return ToolReport(
            {
                "compute": Measurement(total, own),
                "params": Measurement(inclusive[""], own_values(inclusive)),
            }
        )


def _has_rule(module: nn.Module) -> bool:
    from thop.profile import register_hooks, zero_ops  # noqa: PLC0415  # as above

    rule = next((register_hooks[base] for base in type(module).__mro__ if base in register_hooks), zero_ops)
    return rule is not zero_ops


def _own_operations(module: nn.Module, layers: Layers, path: str, seen: set[nn.Module]) -> Iterator[tuple[str, int]]:
    """Walk as the tool adds up: a module with two owners belongs to the first."""
    for name, part in module.named_children():
        if part in seen:
            continue
        seen.add(part)
        operations, _, below = layers[name]
        place = f"{path}.{name}" if path else name
        parts = dict(_own_operations(part, below, place, seen))
        yield place, exact_integer(operations, f"operations of '{place}'") - sum(parts.values())
        yield from parts.items()


def _parameters(layers: Layers, path: str) -> Iterator[tuple[str, int]]:
    """Of a module and all below it, each parameter once."""
    for name, (_, parameters, below) in layers.items():
        place = f"{path}.{name}" if path else name
        yield place, exact_integer(parameters, f"parameters of '{place}'")
        yield from _parameters(below, place)
