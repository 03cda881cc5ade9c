"""Random cases that are the same each time."""

from __future__ import annotations

import torch
from hypothesis import settings


def values(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return the same normally distributed numbers for the same shape and seed, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def cases(number: int) -> settings:
    """Return the settings of a test over so many random cases, the same ones each time."""
    return settings(max_examples=number, deadline=None, derandomize=True)
