"""Random networks for hypothesis: sequences and residual branches of common layers, modules and functions alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

Shape = tuple[int, ...]


class Branch(nn.Module):
    """``x + parts(x)``, with the addition as an operator of the language or as a function."""

    def __init__(self, parts: Sequence[nn.Module], operator: bool) -> None:
        super().__init__()
        self.parts = nn.Sequential(*parts)
        self.operator = operator

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.parts(x) if self.operator else torch.add(x, self.parts(x))


class Function(nn.Module):
    """A function that no module wraps."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int, need_weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.need_weights = need_weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=self.need_weights)[0]


class Scores(nn.Module):
    """Attention written out in matrix products."""

    def __init__(self, by_method: bool) -> None:
        super().__init__()
        self.by_method = by_method

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.by_method:
            return F.softmax(x.matmul(x.transpose(1, 2)), dim=-1).matmul(x)
        return (x @ x.transpose(1, 2)).softmax(-1) @ x


@dataclass(frozen=True)
class RandomNetwork:
    model: nn.Module
    shape: Shape

    @property
    def inputs(self) -> torch.Tensor:
        return torch.zeros(self.shape)

    def __repr__(self) -> str:
        return f"{self.model}\ninput {self.shape}"


def late(module: ModuleType, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function of torch, looked up when it is called, as code does that writes ``F.relu(x)``."""
    return lambda x: getattr(module, name)(x)  # noqa: PLW0108  # ptflops replaces the attribute while it runs


FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "F.relu": late(F, "relu"),
    "F.gelu": late(F, "gelu"),
    "F.silu": late(F, "silu"),
    "torch.relu": late(torch, "relu"),
    "torch.sigmoid": late(torch, "sigmoid"),
    "twice": lambda x: torch.mul(x, 2) + x,
    "square": lambda x: x * x,
    "method": lambda x: x.add(x).mul(0.5),
}


def activations() -> st.SearchStrategy[nn.Module]:
    modules = st.sampled_from([nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Hardswish, nn.ReLU6, nn.LeakyReLU, nn.Dropout])
    functions = st.sampled_from(sorted(FUNCTIONS)).map(lambda name: Function(FUNCTIONS[name]))
    return st.one_of(modules.map(lambda cls: cls()), functions)


@st.composite
def convolutions(draw: st.DrawFn, channels: int, size: tuple[int, int], keep: bool = False) -> tuple[nn.Module, Shape]:
    kernel = (draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 3])))
    padding, stride, filters = draw(st.integers(0, 2)), draw(st.sampled_from([1, 2])), draw(st.integers(1, 6))
    if keep:
        kernel, padding, stride, filters = (3, 3), 1, 1, channels
    groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0 and filters % g == 0]))
    out = tuple((n + 2 * padding - k) // stride + 1 for n, k in zip(size, kernel, strict=True))
    if min(out) < 1:
        kernel, padding, stride, out = (1, 1), 0, 1, size
    layer = nn.Conv2d(channels, filters, kernel, stride, padding, groups=groups, bias=draw(st.booleans()))
    return layer, (filters, *out)


@st.composite
def image_steps(
    draw: st.DrawFn, channels: int, height: int, width: int, batch: int, depth: int
) -> tuple[nn.Module, Shape]:
    same: Shape = (channels, height, width)
    kinds = ["conv", "batch", "group", "instance", "activation", "max", "average", "adaptive", "upsample", "transposed"]
    kind = draw(st.sampled_from([*kinds, "branch"] if depth else kinds))
    match kind:
        case "conv":
            return draw(convolutions(channels, (height, width)))
        case "batch":
            return nn.BatchNorm2d(channels, affine=draw(st.booleans())), same
        case "group" if height * width > 1:
            return nn.GroupNorm(draw(st.sampled_from([1, channels])), channels), same
        case "instance" if height * width > 1:
            return nn.InstanceNorm2d(channels, affine=draw(st.booleans())), same
        case "max" | "average" if min(height, width) > 1:
            pool = nn.MaxPool2d(2, ceil_mode=draw(st.booleans())) if kind == "max" else nn.AvgPool2d(2)
            out = pool(torch.zeros(1, *same)).shape
            return pool, tuple(out[1:])
        case "adaptive":
            out = (draw(st.integers(1, height)), draw(st.integers(1, width)))
            if draw(st.booleans()):
                return nn.AdaptiveAvgPool2d(out), (channels, *out)
            return Function(lambda x: F.adaptive_avg_pool2d(x, out)), (channels, *out)
        case "upsample" if max(height, width) < 12 and 4 * channels * height * width % batch == 0:
            mode = draw(st.sampled_from(["nearest", "bilinear"]))
            return nn.Upsample(scale_factor=2, mode=mode), (channels, 2 * height, 2 * width)
        case "transposed" if max(height, width) < 12:
            filters = draw(st.integers(1, 4))
            layer = nn.ConvTranspose2d(channels, filters, 2, 2, bias=draw(st.booleans()))
            return layer, (filters, 2 * height, 2 * width)
        case "branch":
            parts = [draw(convolutions(channels, (height, width), keep=True))[0], nn.BatchNorm2d(channels)]
            if draw(st.booleans()):
                parts.append(draw(activations()))
            return Branch(parts, draw(st.booleans())), same
        case _:
            return draw(activations()), same


@st.composite
def token_steps(draw: st.DrawFn, width: int, depth: int) -> tuple[nn.Module, int]:
    kinds = ["linear", "norm", "activation", "softmax", "attention", "scores"]
    kind = draw(st.sampled_from([*kinds, "branch"] if depth else kinds))
    match kind:
        case "linear":
            out = draw(st.integers(1, 7))
            return nn.Linear(width, out, bias=draw(st.booleans())), out
        case "norm":
            return nn.LayerNorm(width, elementwise_affine=draw(st.booleans())), width
        case "softmax":
            return nn.Softmax(draw(st.sampled_from([1, 2]))), width
        case "attention":
            heads = draw(st.sampled_from([n for n in (1, 2, width) if width % n == 0]))
            return SelfAttention(width, heads, draw(st.booleans())), width
        case "scores":
            return Scores(draw(st.booleans())), width
        case "branch":
            parts = [draw(activations()), nn.Linear(width, width), nn.LayerNorm(width)]
            return Branch(parts, draw(st.booleans())), width
        case _:
            return draw(activations()), width


@st.composite
def networks(draw: st.DrawFn) -> RandomNetwork:
    """A convolutional network with or without a linear head, or a network on tokens."""
    batch, steps = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    layers: list[nn.Module] = []
    if draw(st.booleans()):
        shape: Shape = (draw(st.integers(1, 4)), draw(st.integers(1, 11)), draw(st.integers(1, 11)))
        start = (batch, *shape)
        for _ in range(steps):
            layer, shape = draw(image_steps(*shape, batch, depth=1))
            layers.append(layer)
        if draw(st.booleans()):
            layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(shape[0], draw(st.integers(1, 5)))]
    else:
        width = draw(st.integers(1, 8))
        start = (batch, draw(st.integers(1, 7)), width)
        for _ in range(steps):
            layer, width = draw(token_steps(width, depth=1))
            layers.append(layer)
    return RandomNetwork(
        nn.Sequential(nn.Sequential(*layers)) if draw(st.booleans()) else nn.Sequential(*layers), start
    )
