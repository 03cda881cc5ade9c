"""What an adapter is: it runs one tool as its documentation says and returns what the tool said, no more."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, Literal, Protocol

import numpy as np
import torch
from packaging.version import Version
from torch import nn
from torch.utils._pytree import tree_leaves

Metric = Literal["compute", "params", "activations", "memory"]
METRICS: tuple[Metric, ...] = ("compute", "params", "activations", "memory")
"""Operations in the tool's unit, parameters, elements of activations, bytes of memory."""

Unit = Literal["MAC", "FLOP", ""]
"""What a tool counts operations in; nothing where it counts none."""


class UnsupportedModelError(Exception):
    """The tool, as documented, cannot take this model or this input. The message says why."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric as a tool reports it, in the tool's own unit.

    ``layers`` are the layers' own values by the module's path (of a container, without its parts); they add up to
    ``total``. What the tool books on no module stands under a name in parentheses, such as ``(functions)``. A tool
    that reports a total only has the model itself, path ``""``, as its one layer.
    """

    total: int
    layers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ToolReport:
    """What one tool said about one model: the metrics that it has, and remarks such as operators without a rule."""

    measurements: Mapping[Metric, Measurement]
    notes: tuple[str, ...] = field(default=())


class Adapter(Protocol):
    """One tool, or one of its modes, as a column of the comparison."""

    @property
    def name(self) -> str:
        """The column's."""
        ...

    @property
    def distribution(self) -> str:
        """What is installed, and has a version."""
        ...

    @property
    def module(self) -> str:
        """What the adapter imports when it measures."""
        ...

    @property
    def unit(self) -> Unit:
        """In which it counts operations."""
        ...

    @property
    def summary(self) -> str:
        """What it watches, in one clause."""
        ...

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run the tool on a model in the mode in which it is to be measured; the tool may change the model.

        Raises:
            UnsupportedModelError: The tool cannot take this model or input.
            Exception: Whatever the tool raises.
        """
        ...


def version_of(adapter: Adapter) -> str:
    """Return the installed version of the adapter's tool, as one writes it (``0.1.1.post2209072238``)."""
    return _installed_version(adapter.distribution)


def is_installed(adapter: Adapter) -> bool:
    """Whether the adapter's tool is there."""
    try:
        version_of(adapter)
    except metadata.PackageNotFoundError:
        return False
    return True


@cache
def _installed_version(distribution: str) -> str:
    return str(Version(metadata.version(distribution)))


def positional_inputs(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the inputs as a tuple, for a tool that takes no keyword inputs.

    Raises:
        UnsupportedModelError: A keyword input cannot be given by position.
    """
    if not kwargs:
        return tuple(args)
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except TypeError as error:
        raise UnsupportedModelError(f"its inputs do not fit its forward method ({error})") from error
    if bound.kwargs:
        raise UnsupportedModelError(
            f"the tool takes inputs by position only, and '{next(iter(bound.kwargs))}' has none"
        )
    return bound.args


def positional_tensors(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the inputs as a tuple, for a tool that takes tensors by position, and lists of tensors at most.

    Raises:
        UnsupportedModelError: As :func:`positional_inputs`; or an input is, or holds, something else than tensors.
    """
    inputs = positional_inputs(module, args, kwargs)
    if not all(isinstance(value, torch.Tensor) for value in tree_leaves(inputs)):
        raise UnsupportedModelError("the tool takes tensors only")
    return inputs


def keyword_inputs(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs by name, for a tool that takes one tensor or names.

    Raises:
        UnsupportedModelError: A positional input has no name.
    """
    names = [
        name
        for name, parameter in inspect.signature(module.forward).parameters.items()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(names) < len(args):
        raise UnsupportedModelError("the tool takes several inputs by name only, and one has none")
    return {**dict(zip(names, args, strict=False)), **kwargs}


def exact_integer(value: Any, what: str) -> int:
    """Return a tool's number as an integer.

    Raises:
        ValueError: It is not a finite whole number that is at least 0.
    """
    number = value.item() if isinstance(value, np.generic) else value
    if type(number) not in (int, float) or not math.isfinite(number) or number < 0 or int(number) != number:
        raise ValueError(f"the tool returned {value!r} for its {what}, which is no count")
    return int(number)


def check_report(report: ToolReport) -> None:
    """Make sure that a report holds counts, whatever the tool has put into it.

    Raises:
        ValueError: There is no number at all, a total is no count, a layer's name no text or its value no whole
            number, the layers do not add up to the total, or a remark is no text.
    """
    if not all(type(note) is str for note in report.notes):
        raise ValueError("the tool made a remark that is no text")
    if not report.measurements:
        raise ValueError("the tool returned no number")
    for metric, measured in report.measurements.items():
        if metric not in METRICS:
            raise ValueError(f"the tool returned '{metric}', which is no metric")
        if type(measured.total) is not int or measured.total < 0:
            raise ValueError(f"the tool returned {measured.total!r} for its {metric}, which is no count")
        for layer, value in measured.layers.items():
            if type(layer) is not str or type(value) is not int:
                raise ValueError(f"the tool returned {value!r} for the {metric} of {layer!r}, which is no count")
        added = sum(measured.layers.values())
        if added != measured.total:
            raise ValueError(f"the tool returned {measured.total} for its {metric}, and layers that add up to {added}")


def own_values(inclusive: Mapping[str, int]) -> dict[str, int]:
    """Turn values that include all modules below, by path, into the modules' own."""
    own = dict(inclusive)
    for path, value in inclusive.items():
        if path:
            parent = path.rpartition(".")[0]
            while parent not in own:
                parent = parent.rpartition(".")[0]
            own[parent] -= value
    return own
