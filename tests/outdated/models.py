"""Models whose numbers are compared, for ``tests.outdated.models:NAME``."""

from __future__ import annotations

import torch
from torch import nn


class InTraining(nn.Module):
    """A linear layer that runs twice in training, once in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.fc(x)
        return self.fc(x) if self.training else x


def in_training() -> tuple[nn.Module, torch.Tensor]:
    return InTraining(), torch.zeros(3, 5)


def relu() -> tuple[nn.Module, torch.Tensor]:
    return nn.ReLU(), torch.zeros(3, 5)


def raises() -> nn.Module:
    raise RuntimeError("no model today")
