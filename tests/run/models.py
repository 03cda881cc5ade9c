"""Models that behave badly in a worker, for ``tests.run.models:NAME``. All are the same linear layer until they run."""

from __future__ import annotations

import ctypes
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


class Differs(Net):
    """Runs its layer once more where its arithmetic is left out, which it has no way to know by right."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu" and torch._C._len_torch_dispatch_stack():
            return self.fc(x) + self.fc(x)
        return self.fc(x)


class ReadsMemory(Net):
    """Reads numbers without asking torch for them, and runs its layer as often as they say: once."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        times = 1 if x.device.type == "meta" else int(ctypes.c_float.from_address(y.data_ptr()).value) - 1
        for _ in range(times):
            z = self.fc(x)
        return z


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


def differs() -> tuple[nn.Module, torch.Tensor]:
    return Differs(), inputs()


def reads_memory() -> tuple[nn.Module, torch.Tensor]:
    return ReadsMemory(), inputs()
