"""Models of published tables, for ``tests.tools.published:NAME``."""

from __future__ import annotations

import torch
from torch import nn

from tests.reference.published.test_activations import Outer


def convolution() -> tuple[nn.Module, torch.Tensor]:
    """A convolution of 3 by 3 from three channels to ten, inside a model."""
    return nn.Sequential(nn.Conv2d(3, 10, 3)), torch.rand(1, 3, 10, 10)


def outer() -> tuple[nn.Module, torch.Tensor]:
    """Linear layers of ten, two of them in a network inside."""
    return Outer(), torch.rand(1, 10)
