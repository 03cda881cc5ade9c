"""Random small networks of most of what torch has, by a seed, or drawn and shrunk by hypothesis.

``tests.diff.random_networks:network(seed=7)`` names one, for tools that run in workers of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from random import Random

import torch
from hypothesis import strategies as st
from torch import nn

from tests.diff.random_steps import STEPS, Shape, nested

MOST_ELEMENTS = 2000
"""Of one tensor: what a test adds up by hand stays small."""


@dataclass(frozen=True)
class RandomNetwork:
    """A network, the steps that it was made of, and the shape of its input."""

    model: nn.Module
    steps: tuple[str, ...]
    shape: Shape

    @property
    def inputs(self) -> torch.Tensor:
        return torch.zeros(self.shape)

    def __repr__(self) -> str:
        return f"{self.model}\nsteps {self.steps}, input {self.shape}"


def build(random: Random, batch: int | None = None, shared: bool = True) -> RandomNetwork:
    """One to six steps on rows, tokens, or what has one, two or three axes of positions; one sample to four."""
    batch = random.randint(1, 4) if batch is None else batch
    axes = random.choice([2, 3, 3, 3, 4, 4, 4, 5])
    start = shape = (batch, *(random.randint(1, 11 if axes < 5 else 7) for _ in range(axes - 1)))
    layers: list[nn.Module] = []
    names: list[str] = []
    steps = random.randint(1, 6)
    for _ in range(4 * steps):
        if len(layers) == steps:
            break
        fitting = [
            step for step in STEPS if len(shape) in step.axes and step.fits(shape) and (shared or not step.shares)
        ]
        chosen = random.choice(fitting)
        layer = chosen.make(random, shape)
        out = shape_after(layer, shape)
        if out is not None and 1 < len(out) < 6 and out[0] == batch and 0 < prod(out) <= MOST_ELEMENTS:
            layers.append(layer)
            names.append(chosen.name)
            shape = out
    model = nested(random, layers or [nn.Identity()])
    return RandomNetwork(model, tuple(names), start)


def shape_after(layer: nn.Module, shape: Sequence[int]) -> Shape | None:
    """The shape of what a step returns, also in training; None where torch refuses, as a pool wider than its input."""
    found = None
    for training in (True, False):
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                # Some warnings of torch come once in a process: the same network would pass at the second try.
                warnings.simplefilter("ignore")
                found = tuple(layer.train(training)(torch.zeros(tuple(shape))).shape)
        except (RuntimeError, ValueError, AssertionError):
            return None
    return found


def network(seed: int, batch: int | None = None, shared: bool = True) -> tuple[nn.Module, torch.Tensor]:
    """The network of a seed and its input; ``shared=False`` leaves out shared modules and parameters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = build(Random(seed), batch, shared)  # noqa: S311  # no secret: the same network for the same seed
    return made.model, made.inputs


def networks(shared: bool = True) -> st.SearchStrategy[RandomNetwork]:
    """Networks that hypothesis makes smaller where one fails."""
    return st.randoms(use_true_random=False).map(lambda random: build(random, shared=shared))
