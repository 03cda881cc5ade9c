"""Models that behave badly in a worker, for ``tests.run.models:NAME``. All are the same linear layer until they run."""

from __future__ import annotations

import os
import time

import torch
from torch import nn

SAMPLES, INPUTS, OUTPUTS = 3, 4, 5
MACS = SAMPLES * INPUTS * OUTPUTS
BIASES = SAMPLES * OUTPUTS
PARAMETERS = INPUTS * OUTPUTS + OUTPUTS


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.misbehave(with_data=x.device.type != "meta")
        return self.fc(x)

    def misbehave(self, with_data: bool) -> None:
        pass


class Dies(Net):
    """Ends its process, but only where it computes: a trace works."""

    def misbehave(self, with_data: bool) -> None:
        if with_data:
            os._exit(7)


class DiesAlways(Net):
    def misbehave(self, with_data: bool) -> None:
        os._exit(9)


class Hangs(Net):
    """Never returns, but only where it computes: a trace works."""

    def misbehave(self, with_data: bool) -> None:
        if with_data:
            time.sleep(3600)


class Raises(Net):
    def misbehave(self, with_data: bool) -> None:
        raise RuntimeError("out of order\nand on a second line")


class KeywordOnly(Net):
    def forward(self, *, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


class LeavesTraces(Net):
    """Writes to its class and to the terminal; another cell must not notice."""

    runs = 0

    def misbehave(self, with_data: bool) -> None:
        type(self).runs += 1
        if with_data:
            assert type(self).runs == 1, "the process has run a cell before"
        print("a model that talks")


def inputs() -> torch.Tensor:
    return torch.ones(SAMPLES, INPUTS)


def net() -> tuple[nn.Module, torch.Tensor]:
    return Net(), inputs()


def other() -> tuple[nn.Module, torch.Tensor]:
    return nn.Sequential(Net(), nn.ReLU()), inputs()


def dies() -> tuple[nn.Module, torch.Tensor]:
    return Dies(), inputs()


def dies_always() -> tuple[nn.Module, torch.Tensor]:
    return DiesAlways(), inputs()


def hangs() -> tuple[nn.Module, torch.Tensor]:
    return Hangs(), inputs()


def raises() -> tuple[nn.Module, torch.Tensor]:
    return Raises(), inputs()


def keyword_only() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    return KeywordOnly(), {"x": inputs()}


def leaves_traces() -> tuple[nn.Module, torch.Tensor]:
    return LeavesTraces(), inputs()
