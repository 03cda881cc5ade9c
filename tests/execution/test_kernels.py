"""Shapes and layouts that are told without data are those that the kernels of the CPU return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from reconcile.execution.shapes import Layout, ShapeProcess, layout_of, map_leaves
from reconcile.trace.results import known_result

SHAPES = {3: (2, 4, 6), 4: (2, 4, 6, 6), 5: (2, 4, 4, 6, 6)}
VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as it comes": lambda x: x,
    "channels last": lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1),
    "reversed": lambda x: x.permute(*reversed(range(x.ndim))).contiguous().permute(*reversed(range(x.ndim))),
    "axes swapped": lambda x: x.transpose(1, -1).contiguous().transpose(1, -1),
    "with gaps": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]],
    "some channels of a tensor with channels last": lambda x: (
        torch.cat([x, x], 1).movedim(1, -1).contiguous().movedim(-1, 1)[:, : x.shape[1]]
    ),
    "expanded": lambda x: x[:1].expand(x.shape),
}
MODULES: dict[int, list[nn.Module]] = {
    3: [
        nn.ReplicationPad1d(1), nn.ReflectionPad1d(1), nn.ConstantPad1d(1, 0.0), nn.MaxPool1d(2), nn.AvgPool1d(2),
        nn.AdaptiveAvgPool1d(2), nn.Upsample(scale_factor=2), nn.Conv1d(4, 4, 3), nn.ConvTranspose1d(4, 4, 2),
        nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.InstanceNorm1d(4), nn.Softmax(1), nn.Linear(6, 3), nn.RReLU(),
    ],
    4: [
        nn.ZeroPad2d(1), nn.ReplicationPad2d(1), nn.ReflectionPad2d(1), nn.CircularPad2d(1), nn.MaxPool2d(2),
        nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(3), nn.AdaptiveMaxPool2d(3), nn.LPPool2d(2, 2), nn.PixelShuffle(2),
        nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.PixelUnshuffle(2),
        nn.Upsample(scale_factor=2, mode="bicubic"), nn.ChannelShuffle(2), nn.BatchNorm2d(4), nn.InstanceNorm2d(4),
        nn.GroupNorm(2, 4), nn.LocalResponseNorm(3), nn.LayerNorm([4, 6, 6]), nn.LayerNorm(6), nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, 1, bias=False), nn.Conv2d(4, 4, 3, groups=4), nn.ConvTranspose2d(4, 6, 3), nn.Unfold(2),
        nn.PReLU(4), nn.GELU(), nn.GLU(1), nn.Softmax(1), nn.RReLU(), nn.Linear(6, 5), nn.Threshold(0.1, 0.2),
    ],
    5: [
        nn.ReplicationPad3d(1), nn.ReflectionPad3d(1), nn.ConstantPad3d(1, 0.0), nn.MaxPool3d(2), nn.AvgPool3d(2),
        nn.AdaptiveAvgPool3d(2), nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="trilinear"),
        nn.Conv3d(4, 4, 3), nn.ConvTranspose3d(4, 4, 2), nn.BatchNorm3d(4), nn.GroupNorm(2, 4), nn.InstanceNorm3d(4),
    ],
}  # fmt: skip  # a list of layers, not one to a line
FUNCTIONS: list[Callable[[torch.Tensor], Any]] = [
    lambda x: torch.roll(x, 1, 2),
    lambda x: torch.roll(x, (1, 1), (1, 2)),
    lambda x: x.flip(2),
    lambda x: torch.cat([x, x.contiguous()], 1),
    lambda x: torch.stack([x, x]),
    lambda x: x + x.contiguous(),
    lambda x: x.mean(1, keepdim=True) * x,
    lambda x: x[:, [0, 1]],
    lambda x: x.index_select(1, torch.tensor([0, 2])),
    lambda x: torch.where(x > 0, x, 0.0),
    lambda x: x.repeat(1, 2, *[1] * (x.ndim - 2)),
    lambda x: F.normalize(x, dim=1),
    lambda x: F.scaled_dot_product_attention(x, x, x),
]


def modules() -> Iterator[Any]:
    for axes, of_axes in MODULES.items():
        for module in of_axes:
            yield pytest.param(module, axes, id=f"{module}, {axes} axes")
        for number, function in enumerate(FUNCTIONS):
            yield pytest.param(Applied(function), axes, id=f"function {number}, {axes} axes")


class Applied(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


class Compared(TorchDispatchMode):
    """Runs operators, and compares what they return with what is told of it."""

    def __init__(self, process: ShapeProcess) -> None:
        super().__init__()
        self.process = process
        self.compared = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        real = func(*args, **kwargs)
        if not any(item.alias_info for item in func._schema.returns):
            asked = tree_map(
                lambda value: layout_of(value) if isinstance(value, torch.Tensor) else value, (args, kwargs)
            )
            told = self.process.ask(func, *asked)
            given, named = tree_map(dataless, (args, kwargs))
            known = known_result(func, given, named)
            traced = func(*given, **named) if known is None else known
            assert strides(told) == strides(real), f"{func} without arithmetic"
            assert strides(traced) == strides(real), f"{func} in a trace"
            self.compared += 1
        return real


def layout(value: Any) -> Any:
    return layout_of(value) if isinstance(value, torch.Tensor) else value


def dataless(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def strides(value: Any) -> list[Any]:
    """Shapes and strides of what an operator returns; the stride of an axis of length 1 has no meaning."""
    found: list[Any] = []
    map_leaves(value, found.append)
    layouts = [layout(item) for item in found]
    assert all(isinstance(item, Layout) for item in layouts)
    return [(item.shape, [s for s, n in zip(item.strides, item.shape, strict=True) if n != 1]) for item in layouts]


@pytest.fixture(scope="module")
def process() -> Iterator[ShapeProcess]:
    started = ShapeProcess()
    yield started
    started.close()


@pytest.mark.parametrize(("module", "axes"), list(modules()))
def test_layouts(module: nn.Module, axes: int, process: ShapeProcess) -> None:
    for name, view in VIEWS.items():
        for training in (False, True):
            given = view(torch.rand(SHAPES[axes]))
            with torch.no_grad(), Compared(process) as mode:
                module.train(training)(given)
            assert mode.compared, (name, training)
