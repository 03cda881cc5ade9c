"""Convolutions of published networks as numbers: what their papers' tables say, at an image of 224 x 224."""

from __future__ import annotations

from typing import NamedTuple


class Convolution(NamedTuple):
    """A square kernel, channels in, filters out, and the side of the square output."""

    kernel: int
    channels: int
    filters: int
    size: int

    @property
    def outputs(self) -> int:
        return self.filters * self.size * self.size

    @property
    def products(self) -> int:
        return self.outputs * self.channels * self.kernel * self.kernel


# Simonyan and Zisserman, arXiv:1409.1556, table 1, column D.
VGG16 = [
    Convolution(3, 3, 64, 224),
    Convolution(3, 64, 64, 224),
    Convolution(3, 64, 128, 112),
    Convolution(3, 128, 128, 112),
    Convolution(3, 128, 256, 56),
    Convolution(3, 256, 256, 56),
    Convolution(3, 256, 256, 56),
    Convolution(3, 256, 512, 28),
    Convolution(3, 512, 512, 28),
    Convolution(3, 512, 512, 28),
    Convolution(3, 512, 512, 14),
    Convolution(3, 512, 512, 14),
    Convolution(3, 512, 512, 14),
]
VGG16_LINEAR = [(512 * 7 * 7, 4096), (4096, 4096), (4096, 1000)]


def resnet50() -> list[Convolution]:
    """He et al., arXiv:1512.03385, table 1, with the stride in the 3x3 convolution, as torchvision builds it."""
    found = [Convolution(7, 3, 64, 112)]
    channels, before = 64, 56
    for blocks, width, size in ((3, 64, 56), (4, 128, 28), (6, 256, 14), (3, 512, 7)):
        for block in range(blocks):
            found.append(Convolution(1, channels, width, before))
            found.append(Convolution(3, width, width, size))
            found.append(Convolution(1, width, 4 * width, size))
            if block == 0:
                found.append(Convolution(1, channels, 4 * width, size))
            channels, before = 4 * width, size
    return found
