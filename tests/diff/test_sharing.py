"""Parameters of random networks with shared parts: every row is predicted, wherever a tool books what is shared."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn

import reconcile
from tests.diff.random_sharing import sharing_networks

TOOLS = ("torchinfo", "calflops-macs", "thop", "fvcore")


def check_shared(model: nn.Module) -> None:
    found = reconcile.compare(model, torch.zeros(2, 3), tools=TOOLS)
    assert found.errors == {}
    for tool in TOOLS:
        item = found.reconciliations[tool, "params"]
        assert item.difference == item.explained
        assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {}, tool


UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(UNHURRIED, max_examples=30, derandomize=True)
@given(sharing_networks())
def test_parameters_of_random_networks_with_shared_parts_balance(model: nn.Module) -> None:
    check_shared(model)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=1000)
@given(sharing_networks())
def test_parameters_of_many_random_networks_with_shared_parts_balance(model: nn.Module) -> None:
    check_shared(model)
