"""Causes for which a tool counts other activations than the reference: worked out by hand, and of random networks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn

import reconcile
from reconcile.diff import Reconciliation
from tests import networks
from tests.diff.random_networks import RandomNetwork
from tests.diff.random_networks import networks as random_networks

TOOLS = ("fvcore", "mmengine")


class Calls(nn.Module):
    def __init__(self, function: Callable[..., torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(self.layers, *inputs)


def activations(tool: str, model: nn.Module, *inputs: torch.Tensor) -> Reconciliation:
    found = reconcile.compare(model, inputs, tools=[tool])
    assert found.errors == {}
    item = found.reconciliations[tool, "activations"]
    assert item.reference == found.count.activations
    assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {}
    return item


def causes(tool: str, model: nn.Module, *inputs: torch.Tensor) -> dict[str, int]:
    return {share.cause: share.delta for share in activations(tool, model, *inputs).causes}


@pytest.mark.parametrize("tool", TOOLS)
def test_convolutions_linear_layers_and_products(tool: str) -> None:
    item = activations(tool, networks.Convolutional(), torch.zeros(2, 3, 8, 8))
    assert {layer.layer: layer.value for layer in item.layers if layer.value} == {"conv": 2 * 8 * 64, "fc": 2 * 10}
    assert (item.unit, item.reference, item.causes) == ("element", 1044, ())
    products = Calls(lambda _, x, y: torch.bmm(x, y) + x @ y + torch.einsum("bij,bjk->bik", x, y))
    item = activations(tool, products, torch.zeros(2, 3, 4), torch.zeros(2, 4, 5))
    assert (item.value, item.causes) == (3 * 30, ())


@pytest.mark.parametrize("tool", TOOLS)
def test_operators_that_it_has_no_handler_for(tool: str) -> None:
    assert causes(tool, Calls(lambda _, x: torch.mm(x, x)), torch.zeros(3, 3)) == {"unsupported-layer": -9}
    # Padding given as a word is another operator in the graph.
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.Conv2d(4, 2, 3, padding=1))
    assert causes(tool, model, torch.zeros(1, 3, 5, 5)) == {"unsupported-layer": -4 * 25}


@pytest.mark.parametrize("tool", TOOLS)
def test_cells_and_recurrent_layers(tool: str) -> None:
    # A cell has a linear layer for its input and one for its state, four gates of 5 each, of two samples.
    item = activations(tool, Calls(lambda m, x: m[0](x)[0], nn.LSTMCell(4, 5)), torch.zeros(2, 4))
    assert (item.value, item.causes) == (2 * 2 * 4 * 5, ())
    # A whole layer of them is one operator in the graph.
    item = activations(tool, Calls(lambda m, x: m[0](x)[0], nn.LSTM(4, 5)), torch.zeros(3, 2, 4))
    assert (item.value, [share.cause for share in item.causes]) == (0, ["fused-path"])
    assert item.reference > 0


UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(UNHURRIED, max_examples=15, derandomize=True)
@given(random_networks())
def test_random_networks(network: RandomNetwork) -> None:
    activations("mmengine", network.model, network.inputs)
