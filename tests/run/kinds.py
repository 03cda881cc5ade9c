"""Small models of different kinds, for ``tests.run.kinds:NAME``: each with an input."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn

from tests import networks

WHERE = "tests.run.kinds"


class Recurrent(nn.Module):
    """An embedding, a recurrent layer, and a product that no module wraps."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.lstm = nn.LSTM(6, 5, batch_first=True)
        self.fc = nn.Linear(5, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found, _ = self.lstm(self.embedding(ids))
        return self.fc(found) @ self.fc.weight


class RaisesHalfWay(networks.Convolutional):
    """Raises when two of its layers and a function have run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nn.functional.relu(self.bn(self.conv(x)))
        raise RuntimeError("half of the way")


def convolutional() -> Any:
    return networks.Convolutional(), torch.rand(1, 3, 8, 8)


def attention() -> Any:
    return networks.Attention(), torch.rand(1, 5, 16)


def recurrent() -> Any:
    return Recurrent(), torch.zeros(1, 4, dtype=torch.int64)


def raises_half_way() -> Any:
    return RaisesHalfWay(), torch.rand(1, 3, 8, 8)


def drawn() -> Any:
    """Of widths that are drawn at random, by each library: the same only where random states are the same."""
    widths = [random.randint(1, 999), int(np.random.randint(1, 999)), int(torch.randint(1, 999, ()))]  # noqa: S311  # no secret
    layers = [nn.Linear(before, after) for before, after in zip([4, *widths], [*widths, 4], strict=True)]
    return nn.Sequential(*layers), torch.rand(2, 4)
