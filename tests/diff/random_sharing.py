"""Random networks for hypothesis in which modules and parameters have several owners, and parts run from anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import nn


class Steps(nn.Module):
    """Calls modules one after the other: its own parts, what lies below them, or nothing."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        for number, part in enumerate(parts):
            self.add_module(f"part{number}", part)
        self.steps: tuple[nn.Module, ...] = ()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(x)
        return x


@st.composite
def sharing_networks(draw: st.DrawFn) -> nn.Module:
    """A network on rows of 3 numbers, with at least one parameter."""
    made: list[nn.Module] = [draw(_layers([]))]
    for _ in range(draw(st.integers(1, 7))):
        parts = draw(st.lists(st.sampled_from(made), max_size=3))
        match draw(st.sampled_from(["layer", "steps", "steps", "list", "sequence"])):
            case "layer":
                made.append(draw(_layers(made)))
            case "list":
                made.append(nn.ModuleList(parts))
            case "sequence":
                made.append(nn.Sequential(*filter(_is_callable, parts)))
            case _:
                made.append(draw(_steps(parts, made)))
    return draw(_steps([made[0], *draw(st.lists(st.sampled_from(made), max_size=3)), made[-1]], made))


@st.composite
def _layers(draw: st.DrawFn, made: Sequence[nn.Module]) -> nn.Module:
    layer = nn.Linear(3, 3, bias=draw(st.booleans()))
    others = [module for module in made if isinstance(module, nn.Linear)]
    if others and draw(st.booleans()):
        layer.weight = draw(st.sampled_from(others)).weight
    return layer


@st.composite
def _steps(draw: st.DrawFn, parts: Sequence[nn.Module], made: Sequence[nn.Module]) -> Steps:
    found = Steps(parts)
    below = [module for module in found.modules() if module is not found and _is_callable(module)]
    if below:
        found.steps = tuple(draw(st.lists(st.sampled_from(below), max_size=4)))
    if draw(st.booleans()):
        found.own = nn.Parameter(torch.zeros(draw(st.integers(1, 5))))
    linear = [module for module in made if isinstance(module, nn.Linear)]
    if draw(st.booleans()):
        found.tied = draw(st.sampled_from(linear)).weight
    return found


def _is_callable(module: nn.Module) -> bool:
    return not isinstance(module, nn.ModuleList)
