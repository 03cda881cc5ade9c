"""Quantized models compute what the models on real numbers compute."""

from __future__ import annotations

import pytest
import torch
import torchvision.models
from torch import nn

import reconcile
from reconcile.reference import count_trace, load_convention
from reconcile.trace import trace_spec
from reconcile.zoo import resolve

NAMES = torchvision.models.list_models(module=torchvision.models.quantization)
QUANTIZED = [
    name if name in ("quantized_resnet18", "quantized_mobilenet_v2") else pytest.param(name, marks=pytest.mark.slow)
    for name in NAMES
]

# torch announces that quantization moves to another package; torchvision has no other way to quantize its models.
pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*[Oo]bserver.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*reduce_range.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*TypedStorage is deprecated:UserWarning"),
]


@pytest.mark.parametrize("name", QUANTIZED)
def test_products_are_those_of_the_model_on_real_numbers(name: str) -> None:
    real, quantized = reconcile.count(name), reconcile.count(f"{name}(quantize=True)")
    assert quantized.total == real.total > 0
    assert not quantized.uncovered
    assert quantized.reference.trace.execution == "real"
    assert quantized.reference.by_term().keys() >= {"mac", "bias", "activation"}


def test_a_full_trace_holds_no_more_operators_than_the_model_runs() -> None:
    traced, _ = trace_spec(resolve("quantized_resnet18(quantize=True)"))
    counted = count_trace(traced, load_convention("macs"))
    assert counted.total == reconcile.count("quantized_resnet18").total
    assert not counted.uncovered


def test_normalizations_fold_into_the_biases_of_convolutions() -> None:
    real, quantized = reconcile.count("quantized_resnet18"), reconcile.count("quantized_resnet18(quantize=True)")
    channels = 64 * 5 + 128 * 5 + 256 * 5 + 512 * 5  # of the convolutions, those on shortcuts among them
    # Scale and shift, two per channel, become one bias per channel.
    assert quantized.parameters == real.parameters - channels
    assert quantized.trainable_parameters == 0
    # A byte for each weight that was four; biases and the last layer's bias stay in four.
    biases = channels + 1000
    assert quantized.memory.parameter_bytes == (quantized.parameters - biases) + 4 * biases


def test_layers_quantized_while_they_run() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2, bias=False))
    quantized = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    found = reconcile.count(quantized, torch.rand(3, 6), convention="exact-flops")
    assert found.reference.by_term()["mac"] == 2 * 3 * (6 * 5 + 5 * 2)
    assert not found.uncovered
