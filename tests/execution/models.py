"""Small models, and both ways to run a tool on one: as documented, and without arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from reconcile.execution import Readings, ValuesNeededError, WithoutArithmetic
from reconcile.tools import ToolReport, adapter
from reconcile.trace import trace
from tests import networks

Forward = Callable[["Layers", torch.Tensor], torch.Tensor]


class Layers(nn.Module):
    """Two linear layers with fixed parameters, and a forward of one's own."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first = nn.Linear(8, 8)
            self.second = nn.Linear(8, 8)
        self.register_buffer("steps", torch.tensor(3))
        self.define = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.define(self, x)

    def repeat(self, x: torch.Tensor, times: int) -> torch.Tensor:
        for _ in range(times):
            x = self.first(x)
        return x


def layers(forward: Forward) -> nn.Module:
    return Layers(forward)


def rows(number: int = 4) -> torch.Tensor:
    return torch.rand(number, 8, generator=torch.Generator().manual_seed(1))


def image() -> torch.Tensor:
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def in_place(model: Layers, x: torch.Tensor) -> torch.Tensor:
    y = model.first(x)
    y.unsqueeze_(0).transpose_(0, 1).squeeze_(1)
    y[y > 0] = 0
    return model.second(y)


def derivative(model: Layers, x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(model.first(leaf).square().sum(), leaf)
    return model.second(gradient)


def whole_operators(model: Layers, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        y = model.first(x)[None]
        F.scaled_dot_product_attention(y, y, y).transpose(1, 2).reshape(-1)
    return model.second(x)


def by_memory_format(model: Layers, x: torch.Tensor) -> torch.Tensor:
    y = F.conv2d(x.to(memory_format=torch.channels_last), torch.ones(4, 3, 3, 3))
    return model.repeat(x.new_zeros(4, 8), 2 if y.is_contiguous(memory_format=torch.channels_last) else 5)


PLAIN: dict[str, tuple[Callable[[], nn.Module], Callable[[], torch.Tensor]]] = {
    "convolutional": (networks.Convolutional, image),
    "functional": (networks.Functional, lambda: torch.rand(2, 16, 16)),
    "called three times": (networks.CalledThreeTimes, lambda: torch.rand(1, 7)),
    "two owners": (networks.TwoOwners, lambda: torch.rand(1, 6)),
    "attention": (networks.Attention, lambda: torch.rand(2, 5, 16)),
    "no fast attention": (lambda: networks.Attention(need_weights=True), lambda: torch.rand(2, 5, 16)),
    "recurrent": (lambda: Named(nn.LSTM(8, 8, 2, bidirectional=True)), lambda: torch.rand(3, 4, 8)),
    "reparametrized": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 8)), rows),
    "in place": (lambda: Layers(in_place), rows),
    "inference mode": (lambda: Layers(whole_operators), rows),
    "channels last": (lambda: Layers(by_memory_format), image),
    "half": (lambda: Layers(lambda model, x: model.first(x)).bfloat16(), lambda: rows().bfloat16()),
    "fourier": (lambda: Layers(lambda m, x: m.first(torch.fft.irfft(torch.fft.rfft(m.second(x)), n=8))), rows),
    "own integers": (lambda: Layers(lambda model, x: model.repeat(x, int(model.steps))), rows),
    "own indices": (lambda: Layers(lambda m, x: m.repeat(x, int(torch.tensor([1, 4, 2]).argsort()[2]))), rows),
}
"""Models that read no values but such as their code states."""


class Named(nn.Module):
    """A recurrent layer's outputs without its state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layer(x)[0]
        return outputs


def until_small(model: Layers, x: torch.Tensor) -> torch.Tensor:
    y, steps = model.first(x), 0
    while y.abs().sum() > 0.5 and steps < 9:
        y, steps = model.second(y) * 0.5, steps + 1
    return y


def into_known_memory(model: Layers, x: torch.Tensor) -> torch.Tensor:
    known = torch.zeros(4, dtype=torch.int64)
    known[1:][0] = model.first(x).argmax() % 4
    return model.repeat(x, int(known[1]) + 1)


READING: dict[str, Forward] = {
    "item": lambda model, x: model.repeat(x, 1 + 3 * (model.first(x).sum().item() > 0)),
    "truth": lambda model, x: model.second(x) if model.first(x).sum() > 0 else model.repeat(x, 3),
    "loop": until_small,
    "mask": lambda model, x: model.second(x[model.first(x)[:, 0] > 0]),
    "where": lambda model, x: model.second(x[torch.where(model.first(x)[:, 0] > 0)[0]]),
    "unique": lambda model, x: model.repeat(x, len(torch.unique((3 * model.first(x)).long()))),
    "index": lambda model, x: (model.first, model.second)[model.first(x)[0].argmax() % 2](x),
    "known memory": into_known_memory,
}
"""Models that read values which were computed, each through operators."""

TOOLS = ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo")


def readings_of(module: nn.Module, *inputs: torch.Tensor, mode: Any = "eval") -> Readings | None:
    return trace(module, inputs, mode=mode).readings


def documented(tool: str, module: nn.Module, inputs: Sequence[torch.Tensor]) -> ToolReport:
    torch.manual_seed(0)
    return adapter(tool).measure(module.eval(), inputs, {})


def without_arithmetic(
    tool: str, module: nn.Module, inputs: Sequence[torch.Tensor], readings: Readings = ()
) -> ToolReport:
    torch.manual_seed(0)
    mode = WithoutArithmetic(readings)
    try:
        with mode:
            report = adapter(tool).measure(module.eval(), inputs, {})
    except BaseException:
        with suppress(ValuesNeededError):
            mode.close()
        raise
    mode.close()
    return report
