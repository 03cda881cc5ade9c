"""Structural probes: small models that tell what a tool watches, rather than how it counts one layer.

Each has linear layers of known cost, so that the number of times that a tool counts one can be read off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

BATCHES = (1, 4)
"""Every structural probe is measured with one sample and with several."""

WIDTH = 7
"""Every layer here is a linear one from this many features to as many."""


class Once(nn.Module):
    """One layer, called once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class CalledThroughForward(Once):
    """The layer is called past its hooks."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer.forward(x)


class WeightUsed(Once):
    """A function is given the layer's weights; the layer itself never runs."""

    def forward(self, x: torch.Tensor) -> Any:
        return F.linear(x, self.layer.weight, self.layer.bias)


class OperatorCalled(Once):
    """The operator is called past torch's public functions."""

    def forward(self, x: torch.Tensor) -> Any:
        return torch.ops.aten.linear.default(x, self.layer.weight, self.layer.bias)


class CalledThreeTimes(Once):
    """One layer, called three times."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(self.layer(self.layer(x)))


class TwoOwners(nn.Module):
    """One layer below two parents, called through both."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Linear(WIDTH, WIDTH)
        self.left, self.right = nn.Sequential(shared), nn.Sequential(shared)

    def forward(self, x: torch.Tensor) -> Any:
        return self.left(x) + self.right(x)


class _Subclass(nn.Linear):
    """Another name for a known layer."""


class Subclassed(nn.Module):
    """A subclass of a known layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = _Subclass(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class WithChild(Once):
    """A layer of a known type that has a child, which never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer.add_module("child", nn.Identity())


class Parameters(nn.Module):
    """Parameters of every sort: of a layer that runs, of one that does not, frozen, shared, and a container's own."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(WIDTH, 5)
        self.unused = nn.Linear(WIDTH, 11)
        self.frozen = nn.Linear(5, 3).requires_grad_(False)
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.own = nn.Parameter(torch.zeros(13))

    def forward(self, x: torch.Tensor) -> Any:
        return self.second(self.first(self.frozen(self.used(x)))) + self.own.sum()


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    found.__name__: found
    for found in (
        Once, CalledThroughForward, WeightUsed, OperatorCalled, CalledThreeTimes, TwoOwners, Subclassed, WithChild,
        Parameters,
    )
}  # fmt: skip
"""Every structural probe by name."""


def network(name: str, batch: int) -> tuple[nn.Module, torch.Tensor]:
    """Return a structural probe and its input, as an import path can name them."""
    return NETWORKS[name](), torch.rand(batch, WIDTH)
