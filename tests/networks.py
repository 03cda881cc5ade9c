"""Small networks with known peculiarities, built in code, whose counts can be worked out by hand."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Convolutional(nn.Module):
    """Convolution with bias, batch normalization, ReLU, average pooling, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(8 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.bn(self.conv(x))))
        return self.fc(x.flatten(1))


class Functional(nn.Module):
    """Functions that no module wraps: a linear layer's weight used directly, ReLU, pooling, matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.linear(x, self.proj.weight, self.proj.bias)
        y = F.relu(y) @ self.proj.weight
        y = torch.matmul(y, self.proj.weight)
        return y + F.softmax(x, dim=-1)


class SubclassedLinear(nn.Linear):
    """A subclass, which tools that compare exact types do not know."""


class Subclassed(nn.Module):
    """A known layer and its subclass."""

    def __init__(self) -> None:
        super().__init__()
        self.known = nn.Linear(6, 5)
        self.unknown = SubclassedLinear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.unknown(self.known(x))


class CalledThreeTimes(nn.Module):
    """One layer that runs three times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(self.layer(x)))


class TwoOwners(nn.Module):
    """One layer that two parents own."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Linear(6, 6)
        self.left = nn.Sequential(shared, nn.ReLU())
        self.right = nn.Sequential(shared, nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.left(x) + self.right(x)


class TiedWeights(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


class Frozen(nn.Module):
    """A frozen layer, an unused one, and a parameter that the container owns."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.unused = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.frozen(x) * self.scale


class ForwardCalledDirectly(nn.Module):
    """A layer called through ``.forward()``, which no hook sees."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer.forward(x)


class Attention(nn.Module):
    """Self-attention with a residual, and a layer normalization."""

    def __init__(self, need_weights: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.need_weights = need_weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=self.need_weights)[0]


class TwoInputs(nn.Module):
    """A positional and a keyword input, one of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.fc = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.fc(self.embedding(ids) * scale)


class ReadsData(nn.Module):
    """Control flow that reads values: cannot run without data."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) if x.sum().item() >= 0 else self.fc(self.fc(x))


class Raises(nn.Module):
    """Raises in forward, after it has begun to work."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.fc(x)
        raise RuntimeError("the sky is falling")


class Tossing(nn.Module):
    """Runs its layer once or twice, as the first value of its input decides."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) if x[0, 0] < 0.5 else self.fc(self.fc(x))


def convolutional() -> nn.Module:
    """For ``tests.networks:convolutional`` on the command line."""
    return Convolutional()


def two_inputs() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """A model and its keyword inputs."""
    return TwoInputs(), {"ids": torch.zeros(2, 5, dtype=torch.int64), "scale": torch.ones(2, 5, 1)}


def raises() -> nn.Module:
    """A model that raises in forward."""
    return Raises()


def not_a_model() -> int:
    """Returns something else than a model."""
    return 3


class WithKeywordOnly(nn.Module):
    """An input that has no position."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor) -> torch.Tensor:
        return self.fc(x) * scale


class TwoTensors(nn.Module):
    """Two inputs by position, and a product of what comes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5, bias=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.fc(x) @ self.fc(y).transpose(0, 1)
