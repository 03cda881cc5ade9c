"""torchsummary: hooks on all modules but containers of layers; it prints parameters and sizes, and counts nothing else.

Documented call: ``summary(model, (3, 224, 224), device="cpu")``, or a list of shapes. It forwards random tensors, a
batch of two, and prints one row for each call of a module: the shape of its output, of one sample unless ``batch_size``
says otherwise, and the elements of what the module calls ``weight`` and ``bias``.

``memory`` is what it prints as ``Estimated Total Size``: four bytes for each element of the input and the parameters,
eight for each element of an output. It prints megabytes with two digits. The adapter works the bytes out from the rows,
whose numbers are exact, as the tool does, and makes sure that they come to the size that is printed.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, UnsupportedModelError, positional_inputs

INPUT = "(input)"
"""Where the bytes of the input are booked, which belong to no module."""

FLOAT_BYTES = 4
"""What the tool assumes of every element."""

HALF_OF_LAST_DIGIT = 0.005
MEGABYTE = 1024**2


class Torchsummary:
    """The column ``torchsummary``."""

    name = "torchsummary"
    distribution = "torchsummary"
    module = "torchsummary"
    unit: Unit = ""
    summary = "calls of modules, containers included: parameters named weight and bias, and sizes of outputs"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``torchsummary.summary`` and read what it prints."""
        from torchsummary import summary  # noqa: PLC0415  # one process imports the tools that it runs

        batch, shapes = _batch_and_shapes(positional_inputs(module, args, kwargs))
        paths = _record_paths(module)
        text = io.StringIO()
        with redirect_stdout(text):
            summary(
                module,
                shapes[0] if len(shapes) == 1 else shapes,
                device="cpu",
                **({} if batch == 1 else {"batch_size": batch}),
            )
        printed = _read(text.getvalue())
        input_bytes = FLOAT_BYTES * batch * math.prod(size for shape in shapes for size in shape)
        return ToolReport({"params": _parameters(printed, paths), "memory": _memory(printed, paths, input_bytes)})


@dataclass(frozen=True, slots=True)
class _Printed:
    """What a summary says: by row, the product of the output's sizes and the parameters; and the totals."""

    outputs: Sequence[int]
    parameters: Sequence[int]
    total_parameters: int
    total_megabytes: float


def _batch_and_shapes(inputs: Sequence[Any]) -> tuple[int, list[tuple[int, ...]]]:
    for tensor in inputs:
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32 or tensor.dim() < 2:
            raise UnsupportedModelError("the tool runs a model on float32 tensors of its own that have a batch axis")
    batches = {len(tensor) for tensor in inputs}
    if len(batches) != 1:
        raise UnsupportedModelError("the tool takes inputs of one batch size")
    return batches.pop(), [tuple(tensor.shape[1:]) for tensor in inputs]


def _record_paths(module: nn.Module) -> list[str]:
    """Return a list that fills with the paths of the calls that become rows.

    The tool hooks the same modules in the same way, so a module with two owners has two hooks and two rows.
    """
    paths = {below: path for path, below in module.named_modules()}
    called: list[str] = []

    def note(below: nn.Module, *_: Any) -> None:
        called.append(paths[below])

    def watch(below: nn.Module) -> None:
        if below is not module and not isinstance(below, (nn.Sequential, nn.ModuleList)):
            below.register_forward_hook(note)

    module.apply(watch)
    return called


def _read(text: str) -> _Printed:
    _, rows, totals = re.split(r"^=+$", text.rpartition("Layer (type)")[2], flags=re.MULTILINE)
    found = re.findall(r"^ *.+-\d+ +(\[.*\]) +([\d,]+)$", rows, re.MULTILINE)
    return _Printed(
        outputs=[_product(json.loads(shape)) for shape, _ in found],
        parameters=[_integer(number) for _, number in found],
        total_parameters=_integer(_total("Total params", totals)),
        total_megabytes=float(_total("Estimated Total Size (MB)", totals)),
    )


def _product(shape: list[Any]) -> int:
    """Of several tensors the tool multiplies the sizes of all."""
    return math.prod(_product(size) if isinstance(size, list) else size for size in shape)


def _total(name: str, totals: str) -> str:
    return totals.partition(f"{name}: ")[2].partition("\n")[0]


def _integer(text: str) -> int:
    return int(text.replace(",", ""))


def _parameters(printed: _Printed, paths: Sequence[str]) -> Measurement:
    layers: Counter[str] = Counter()
    for path, parameters in zip(paths, printed.parameters, strict=True):
        layers[path] += parameters
    return Measurement(printed.total_parameters, dict(layers))


def _memory(printed: _Printed, paths: Sequence[str], input_bytes: int) -> Measurement:
    """Work out the size in bytes.

    Raises:
        ValueError: It is not the size that the tool printed.
    """
    # Of one sample the batch axis is -1; the tool drops the sign of the sum.
    sign = -1 if sum(printed.outputs) < 0 else 1
    layers: Counter[str] = Counter({INPUT: input_bytes})
    for path, output, parameters in zip(paths, printed.outputs, printed.parameters, strict=True):
        layers[path] += FLOAT_BYTES * (2 * sign * output + parameters)
    total = sum(layers.values())
    if abs(total / MEGABYTE - printed.total_megabytes) > HALF_OF_LAST_DIGIT * 1.001:
        raise ValueError(f"the tool printed {printed.total_megabytes} MB, and its rows come to {total} bytes")
    return Measurement(total, dict(layers))
