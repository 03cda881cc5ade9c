"""FusionNet, from the description of its layers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


def leaky() -> nn.Module:
    """The activation on the way down."""
    return nn.LeakyReLU(0.2, inplace=True)


def rectified() -> nn.Module:
    """The activation on the way up."""
    return nn.ReLU(inplace=True)


def convolution(channels: int, filters: int) -> list[nn.Module]:
    """A 3x3 convolution with bias and its batch normalization."""
    return [nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters)]


class Block(nn.Module):
    """A convolution, a residual of three, and a convolution; the third of the residual has no activation."""

    def __init__(self, channels: int, filters: int, *, down: bool) -> None:
        super().__init__()
        activation = leaky if down else rectified
        self.first = nn.Sequential(*convolution(channels, filters), activation())
        self.middle = nn.Sequential(
            *convolution(filters, filters),
            activation(),
            *convolution(filters, filters),
            activation(),
            *convolution(filters, filters),
        )
        self.last = nn.Sequential(*convolution(filters, filters), activation())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.first(x)
        return self.last(first + self.middle(first))


class Up(nn.Module):
    """A transposed convolution that doubles the image, the mean of it and what was skipped, and a block."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.larger = nn.Sequential(
            nn.ConvTranspose2d(channels, filters, 3, stride=2, padding=1, output_padding=1),
            nn.BatchNorm2d(filters),
            rectified(),
        )
        self.block = Block(filters, filters, down=False)

    def forward(self, x: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        return self.block((self.larger(x) + skipped) / 2)


class FusionNet(nn.Module):
    """Four blocks down, a bridge, four up: Quan et al., arXiv:1612.05360."""

    def __init__(self, channels: int = 1, filters: int = 32) -> None:
        super().__init__()
        widths = [channels, *(filters * 2**level for level in range(5))]
        self.downs = nn.ModuleList(Block(before, after, down=True) for before, after in pairwise(widths[:-1]))
        self.pool = nn.MaxPool2d(2)
        self.bridge = Block(widths[-2], widths[-1], down=True)
        self.ups = nn.ModuleList(Up(before, after) for before, after in pairwise(widths[:0:-1]))
        self.out = nn.Conv2d(filters, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skipped = []
        for down in self.downs:
            skipped.append(down(x))
            x = self.pool(skipped[-1])
        x = self.bridge(x)
        for up in self.ups:
            x = up(x, skipped.pop())
        return self.out(x)
