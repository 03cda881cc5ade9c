"""Causes for which a tool counts other bytes than leaf modules write: worked out by hand, and of random networks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn
from torch.utils._pytree import tree_leaves

import reconcile
from reconcile.diff import Reconciliation
from tests import networks
from tests.diff.random_networks import RandomNetwork
from tests.diff.random_networks import networks as random_networks


class Block(nn.Module):
    """A layer with parts that passes a function's output on."""

    def __init__(self, function: Callable[[Any, torch.Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self.layers, x)


def memory(tool: str, model: nn.Module, x: torch.Tensor) -> Reconciliation:
    with _classes_as_they_were(model):
        found = reconcile.compare(model, x, tools=[tool])
    assert found.errors == {}
    item = found.reconciliations[tool, "memory"]
    assert item.reference == found.count.memory.written_bytes
    assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {}
    assert item.difference == sum(share.delta for share in item.causes)
    return item


@contextmanager
def _classes_as_they_were(model: nn.Module) -> Iterator[None]:
    """Take off what torchstat puts on the classes of modules, which a run's process does not live to see."""
    try:
        yield
    finally:
        for cls in {type(module) for module in model.modules()}:
            if "__call__" in vars(cls):
                del cls.__call__


def causes(tool: str, model: nn.Module, x: torch.Tensor) -> dict[str, int]:
    return {share.cause: share.delta for share in memory(tool, model, x).causes}


# Elements that the layers put out, of one sample: convolution, normalization, ReLU, pooling, linear.
OUTPUTS = {"conv": 512, "bn": 512, "relu": 512, "pool": 128, "fc": 10}
PARAMETERS = (8 * 3 * 9 + 8) + 2 * 8 + (128 * 10 + 10)


def test_of_a_convolutional_network() -> None:
    model, x = networks.Convolutional(), torch.zeros(2, 3, 8, 8)
    written = 4 * 2 * sum(OUTPUTS.values())
    assert causes("torchsummary", model, x) == {
        "gradients": written, "parameters": 4 * PARAMETERS, "input": 4 * 2 * 3 * 8 * 8,
    }  # fmt: skip  # one entry a line would fill the page
    # Only layers with parameters count; the memory of the input is a Python object, with 64 bytes of its own.
    without = 4 * 2 * (512 + 128)
    assert causes("torchinfo", model, x) == {
        "unsupported-layer": -without, "gradients": written - without, "parameters": 4 * PARAMETERS,
        "input": 4 * 2 * 3 * 8 * 8 + 64,
    }  # fmt: skip  # one entry a line would fill the page
    item = memory("torchstat-flops", model, x[:1])
    assert (item.value, item.reference, item.causes) == (written // 2, written // 2, ())
    assert {layer.layer: layer.value for layer in item.layers if layer.value} == {
        layer: 4 * elements for layer, elements in OUTPUTS.items()
    }


def test_what_modules_with_parts_put_out_counts_once_more() -> None:
    model = nn.Sequential(Block(lambda m, x: m[0](x) + 1, nn.Linear(4, 3)))
    assert causes("torchsummary", model, torch.zeros(2, 4)) == {
        "container": 24, "gradients": 2 * 24, "parameters": 4 * 15, "input": 32,
    }  # fmt: skip  # one entry a line would fill the page


def test_a_layer_that_runs_several_times() -> None:
    # 3 x 2 x 2 outputs, of which torchstat keeps those of the last call.
    three_times = Block(lambda m, x: m[0](m[0](m[0](x))), nn.Conv2d(3, 3, 1))
    assert causes("torchstat-madd", three_times, torch.zeros(1, 3, 2, 2)) == {"reuse": -2 * 4 * 12}
    # torchsummary hooks a layer once for each of its owners; each owner calls it, and each call has 12 outputs.
    assert causes("torchsummary", networks.TwoOwners(), torch.zeros(2, 6)) == {
        "gradients": 4 * 4 * 12, "reuse": 2 * 2 * 4 * 12, "parameters": 2 * 2 * 4 * 42, "input": 4 * 12,
    }  # fmt: skip  # one entry a line would fill the page


def test_sizes_of_several_outputs_are_multiplied() -> None:
    # (2, 3, 5) and the last state, (1, 2, 5): 40 elements, for which torchsummary takes 3 x 5 x 2 x 5.
    model = gru_and_linear()
    found = {layer.layer: layer for layer in memory("torchsummary", model, torch.zeros(2, 3, 4)).layers}
    assert dict(found["layers.0"].causes) == {"formula": 4 * (150 - 40), "gradients": 4 * 150}
    # torchinfo takes the first.
    found = {layer.layer: layer for layer in memory("torchinfo", model, torch.zeros(2, 3, 4)).layers}
    assert found["layers.0"].causes["formula"] == 4 * (30 - 40)


def test_a_tensor_whose_first_axis_is_no_batch() -> None:
    # torchstat takes the first axis for the batch, and leaves it out: 12 elements make 1.
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(0))
    assert causes("torchstat-flops", model, torch.zeros(1, 2, 2, 2)) == {"formula": -4 * 11}


def test_what_depends_on_the_batch_beside_the_first_axis_is_left_over() -> None:
    # torchsummary runs two samples, and prints the state of (1, 2, 5), where one sample has (1, 1, 5).
    model = gru_and_linear()
    found = reconcile.compare(model, torch.zeros(1, 3, 4), tools=["torchsummary"])
    item = found.reconciliations["torchsummary", "memory"]
    assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {
        "layers.0": 4 * 2 * (3 * 5 * 2 * 5 - 3 * 5 * 5)
    }


def gru_and_linear() -> nn.Module:
    return Block(lambda m, x: m[1](m[0](x)[0]), nn.GRU(4, 5, batch_first=True), nn.Linear(5, 2))


UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def check(network: RandomNetwork) -> None:
    """What the tools that take it say: torchsummary where every module puts out tensors, torchstat one image."""
    with _classes_as_they_were(network.model):
        found = reconcile.compare(network.model, network.inputs, tools=["torchinfo", "torchsummary", "torchstat-flops"])
    assert "torchinfo" not in found.errors
    for (tool, metric), item in found.reconciliations.items():
        if metric == "memory" and not (tool == "torchsummary" and _is_another_network_on_two_samples(network)):
            assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {}
            assert item.difference == sum(share.delta for share in item.causes)


def _is_another_network_on_two_samples(network: RandomNetwork) -> bool:
    """Whether the batch shows beside the first axis, as in the weights of an attention over the first axis."""
    two = torch.zeros(2, *network.shape[1:])
    return _shapes_of_one_sample(network.model, network.inputs) != _shapes_of_one_sample(network.model, two)


def _shapes_of_one_sample(model: nn.Module, x: torch.Tensor) -> list[list[torch.Size]]:
    found = []
    hooks = [
        module.register_forward_hook(
            lambda _, __, outputs: found.append([leaf.shape[1:] for leaf in tree_leaves(outputs)])
        )
        for module in model.modules()
    ]
    copy.deepcopy(model)(x)
    for hook in hooks:
        hook.remove()
    return found


@settings(UNHURRIED, max_examples=15, derandomize=True)
@given(random_networks())
def test_random_networks(network: RandomNetwork) -> None:
    check(network)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=300)
@given(random_networks())
def test_many_random_networks(network: RandomNetwork) -> None:
    check(network)
