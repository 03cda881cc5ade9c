"""A tool that does what it should not, by the name of the model that it is given: ``tests.hostile.tools:NAME``.

The models themselves are the good one of :mod:`tests.hostile.models`, so every other tool is right about them.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, NoReturn

import numpy as np
import torch
from torch import nn

from reconcile.tools import Measurement, ToolReport, UnsupportedModelError
from tests.hostile.models import MACS, PARAMETERS, Built, Net, UnpicklableError, inputs

PARAMS = Measurement(PARAMETERS, {"fc": PARAMETERS})


class Named(nn.Module):
    """The good model with a name by which the tool knows what to do."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.net = Net()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def _total(value: object) -> Callable[[], ToolReport]:
    return lambda: ToolReport({"compute": Measurement(value, {"net.fc": value}), "params": PARAMS})  # type: ignore[arg-type,dict-item]  # hostile on purpose


def _layers(layers: Mapping[Any, Any], total: int = MACS) -> Callable[[], ToolReport]:
    return lambda: ToolReport({"compute": Measurement(total, layers), "params": PARAMS})


def _raise(error: BaseException) -> Callable[[], NoReturn]:
    def deed() -> NoReturn:
        raise error

    return deed


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("shows nothing")


DEEDS: Mapping[str, Callable[[], Any]] = {
    "nan": _total(math.nan),
    "infinity": _total(math.inf),
    "negative": _total(-5),
    "huge": _total(10**30),
    "half": _total(1.5),
    "whole_float": _total(60.0),
    "nothing": _total(None),
    "text": _total("60"),
    "truth": _total(True),
    "tensor": _total(torch.tensor(60)),
    "large_tensor": _total(torch.zeros(10, 10)),
    "numpy_integer": _total(np.int64(60)),
    "fraction": _total(Fraction(60)),
    "function": _total(lambda: 60),
    "unshowable": _total(Unshowable()),
    "wrong_sum": _layers({"net.fc": MACS - 1}),
    "number_as_layer": _layers({7: MACS}),
    "none_as_layer": _layers({None: MACS}),
    "layers_as_list": lambda: ToolReport({"compute": Measurement(MACS, [MACS])}),  # type: ignore[arg-type]  # as above
    "no_report": lambda: None,
    "another_report": lambda: {"compute": MACS},
    "no_metric": lambda: ToolReport({}),
    "unknown_metric": lambda: ToolReport({"speed": PARAMS}),  # type: ignore[dict-item]  # as above
    "notes_of_numbers": lambda: ToolReport({"compute": Measurement(0, {}), "params": PARAMS}, (1, None)),  # type: ignore[arg-type]  # as above
    "exits": lambda: os._exit(0),
    "hangs": lambda: time.sleep(3600),
    "interrupts": _raise(KeyboardInterrupt()),
    "unpicklable": _raise(UnpicklableError()),
    "unsupported": _raise(UnsupportedModelError("it is\x1b[1m\nnot\ud800 for this tool")),
    "liar": _layers({"net.fc": MACS, "net": 1000}, MACS + 1000),
    "inventor": _layers({"net.fc": MACS, "nowhere.at\ud800.all": 7}, MACS + 7),
    "honest": _layers({"net.fc": MACS}),
}


class HostileTool:
    """Takes the place of thop."""

    name = "thop"
    distribution = "thop"
    unit: Literal["MAC", "FLOP"] = "MAC"
    summary = "hostile"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        assert isinstance(module, Named)
        report: ToolReport = DEEDS[module.name]()
        return report


def _build(name: str) -> Callable[[], Built]:
    return lambda: (Named(name), inputs())


globals().update({name: _build(name) for name in DEEDS})
