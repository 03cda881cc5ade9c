"""flopth: the modules without parts, by what they are instances of; it replaces the call of their classes.

Documented call: ``flops, params = flopth(model, inputs=(input,), bare_number=True)``; each module's operations stay in
its buffer ``flops``.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch
from torch import nn

from reconcile.tools.adapter import (
    Measurement,
    ToolReport,
    Unit,
    UnsupportedModelError,
    exact_integer,
    positional_inputs,
)


class Flopth:
    """The column ``flopth``."""

    name = "flopth"
    distribution = "flopth"
    module = "flopth"
    unit: Unit = "FLOP"
    summary = "calls of leaf modules of known types, the last call of each; functions are not seen"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``flopth.flopth``."""
        from flopth import flopth  # noqa: PLC0415  # one process imports the tools that it runs

        inputs = positional_inputs(module, args, kwargs)
        if not all(isinstance(value, torch.Tensor) for value in inputs):
            raise UnsupportedModelError("the tool takes tensors only")
        printed = io.StringIO()
        with _calls_restored(module), redirect_stdout(printed):
            operations, parameters = flopth(module, inputs=inputs, bare_number=True)
        layers = {
            path: exact_integer(layer.get_buffer("flops")[0].item(), f"operations of '{path}'")
            for path, layer in module.named_modules()
            if not list(layer.children())
        }
        total = exact_integer(parameters, "parameters")
        return ToolReport(
            {
                "compute": Measurement(exact_integer(operations, "operations"), layers),
                "params": Measurement(total, {"": total}),
            },
            _notes(printed.getvalue()),
        )


@contextmanager
def _calls_restored(module: nn.Module) -> Iterator[None]:
    """Give the classes their own calls again: flopth leaves its call in them, for every model of this process."""
    before: dict[Any, Any] = {type(layer): vars(type(layer)).get("__call__") for layer in module.modules()}
    try:
        yield
    finally:
        for cls, call in before.items():
            if call is not None:
                cls.__call__ = call
            elif "__call__" in vars(cls):
                del cls.__call__


def _notes(printed: str) -> tuple[str, ...]:
    """Read what the tool prints: that a module counts as nothing is said nowhere else."""
    calls = Counter(re.findall(r"^Op (.+) is not supported at now, set FLOPs of it to zero\.$", printed, re.MULTILINE))
    return tuple(f"no rule for {name}: {number} calls" for name, number in sorted(calls.items()))
