"""ptflops: two backends, two columns.

Documented call: ``macs, params = get_model_complexity_info(net, (3, 224, 224), as_strings=False, backend=...)``; the
shape has no batch axis, and an ``input_constructor`` makes any other input.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer, keyword_inputs

FUNCTIONS = "(functions)"
"""Where the pytorch backend's functions are booked: it adds them to the total and names no module for them."""

ROUNDING = "(rounding)"
"""What the sum over all layers, divided by the batch, has beyond the layers, each divided and rounded down."""


class PtflopsPytorch:
    """The column ``ptflops-pytorch``: hooks on modules, and functions of torch that it replaces while it runs."""

    name = "ptflops-pytorch"
    distribution = "ptflops"
    module = "ptflops"
    unit: Unit = "MAC"
    summary = "hooks on modules of exactly known types, and patched functions of torch"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the pytorch backend; the documented hooks for modules let the layers be read beside the total."""
        from ptflops.pytorch_ops import MODULES_MAPPING  # noqa: PLC0415  # one process imports the tools that it runs

        counted: dict[nn.Module, int] = {}
        hooks = {cls: _recording(handler, counted) for cls, handler in MODULES_MAPPING.items()}
        total, parameters, _ = _run(module, args, kwargs, "pytorch", custom_modules_hooks=hooks)
        batch = int(vars(module)["__batch_counter__"])  # left behind by ptflops: the length of the first input
        layers: dict[str, int] = {}
        whole = 0
        for path, layer in _counted_layers(module, "", tuple(MODULES_MAPPING)):
            layers[path] = counted.get(layer, 0) // batch
            whole += counted.get(layer, 0)
        if rounding := whole // batch - sum(layers.values()):
            layers[ROUNDING] = rounding
        layers[FUNCTIONS] = total - sum(layers.values())
        return ToolReport({"compute": Measurement(total, layers), "params": Measurement(parameters, {"": parameters})})


class PtflopsAten:
    """The column ``ptflops-aten``: the operators that torch dispatches."""

    name = "ptflops-aten"
    distribution = "ptflops"
    module = "ptflops"
    unit: Unit = "MAC"
    summary = "operators that torch dispatches: convolutions and matrix products with their biases"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the aten backend; it prints what each child of the model counts."""
        total, parameters, printed = _run(
            module, args, kwargs, "aten", print_per_layer_stat=True, flops_units="Mac", param_units=""
        )
        layers = dict(_printed_layers(printed))
        layers.pop("Global", None)
        layers[""] = total - sum(layers.values())
        return ToolReport({"compute": Measurement(total, layers), "params": Measurement(parameters, {"": parameters})})


def _run(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], backend: str, **options: Any
) -> tuple[int, int, str]:
    """Return operations, parameters and what was printed.

    Raises:
        RuntimeError: ptflops gave up; the message is the exception that it printed.
    """
    from ptflops import get_model_complexity_info  # noqa: PLC0415  # as above

    shape, constructor = _inputs(module, args, kwargs)
    printed, remarks = io.StringIO(), io.StringIO()
    with redirect_stdout(remarks), redirect_stderr(remarks):
        operations, parameters = get_model_complexity_info(
            module,
            shape,
            as_strings=False,
            backend=backend,
            input_constructor=constructor,
            ost=printed,
            **({"print_per_layer_stat": False} | options),
        )
    if operations is None or parameters is None:
        raise RuntimeError(_failure(remarks.getvalue()))
    return exact_integer(operations, "operations"), exact_integer(parameters, "parameters"), printed.getvalue()


def _inputs(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[int, ...], Callable[[tuple[int, ...]], Any] | None]:
    """The shape without its batch axis where that says it all, else a constructor as the documentation describes."""
    first = args[0] if args else None
    if len(args) == 1 and not kwargs and isinstance(first, torch.Tensor):
        parameter = next(module.parameters(), None)
        dtype = torch.float32 if parameter is None else parameter.dtype
        if first.dim() > 1 and first.shape[0] == 1 and first.dtype == dtype:
            return tuple(first.shape[1:]), None
        return (1,), lambda _: first
    named = keyword_inputs(module, args, kwargs)
    return (1,), lambda _: named


def _recording(handler: Callable[..., None], counted: dict[nn.Module, int]) -> Callable[..., None]:
    def record(module: Any, args: tuple[Any, ...], output: Any) -> None:
        before = module.__flops__
        handler(module, args, output)
        counted[module] = counted.get(module, 0) + int(module.__flops__ - before)

    return record


def _counted_layers(module: nn.Module, path: str, known: tuple[type, ...]) -> Iterator[tuple[str, nn.Module]]:
    """Walk as ptflops adds up: a module of a known type is one layer, whatever lies below it."""
    if type(module) in known:
        yield path, module
        return
    for name, child in module.named_children():
        yield from _counted_layers(child, f"{path}.{name}" if path else name, known)


def _printed_layers(text: str) -> Iterator[tuple[str, int]]:
    name, total = None, 0
    for line in text.splitlines():
        if line.startswith("Module:"):
            if name is not None:
                yield name, total
            name, total = line.removeprefix("Module:").strip(), 0
        elif name is not None and (match := re.fullmatch(r"[\w.]+: (\d+) Mac", line.strip())):
            total += int(match[1])
    if name is not None:
        yield name, total


def _failure(remarks: str) -> str:
    lines = [line.strip() for line in remarks.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.startswith("Flops estimation was not finished successfully") and number + 1 < len(lines):
            return re.sub(r"^<class '(?:\w+\.)*(\w+)'>", r"\1", lines[number + 1])
    return lines[-1] if lines else "ptflops returned nothing"
