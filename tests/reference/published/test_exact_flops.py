"""Exact FLOPs: a sum of n products needs n - 1 additions, and a bias one more."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import nn

import reconcile
from reconcile.tools import adapter
from tests import networks
from tests.reference.published import by_hand

CONVENTION = "exact-flops"


def counted(model: nn.Module, *shape: int, convention: str = CONVENTION) -> int:
    found = reconcile.count(model, torch.zeros(shape), convention=convention)
    assert found.uncovered == {}
    return found.total


# --- formulas ---


@pytest.mark.parametrize(
    ("channels", "filters", "kernel", "size", "output"),
    [(3, 64, 3, 224, 222), (3, 10, 3, 10, 8), (1, 1, 1, 5, 5), (8, 4, 5, 9, 5), (16, 32, 1, 7, 7)],
)
def test_convolution(channels: int, filters: int, kernel: int, size: int, output: int) -> None:
    outputs = output * output * filters
    shape = (1, channels, size, size)
    without, with_bias = (nn.Conv2d(channels, filters, kernel, bias=bias) for bias in (False, True))
    assert counted(without, *shape) == (2 * channels * kernel * kernel - 1) * outputs
    assert counted(with_bias, *shape) == 2 * channels * kernel * kernel * outputs
    weights = kernel * kernel * channels * filters
    assert reconcile.count(without, torch.zeros(shape)).parameters == weights
    assert reconcile.count(with_bias, torch.zeros(shape)).parameters == weights + filters


def test_a_single_product_needs_no_addition() -> None:
    # 5 x 5 outputs of one product each
    assert counted(nn.Conv2d(1, 1, 1, bias=False), 1, 1, 5, 5) == 25
    assert counted(nn.Conv2d(1, 1, 1), 1, 1, 5, 5) == 2 * 25
    assert counted(nn.Linear(1, 4, bias=False), 1, 1) == 4


@pytest.mark.parametrize("rows", [(1,), (7,), (2, 5), (2, 3, 4)])
def test_linear_layer_per_row_of_its_input(rows: tuple[int, ...]) -> None:
    number = torch.Size(rows).numel()
    without, with_bias = nn.Linear(10, 3, bias=False), nn.Linear(10, 3)
    assert counted(without, *rows, 10) == number * (2 * 10 - 1) * 3
    assert counted(with_bias, *rows, 10) == number * 2 * 10 * 3
    assert reconcile.count(without, torch.zeros(*rows, 10)).parameters == 10 * 3
    assert reconcile.count(with_bias, torch.zeros(*rows, 10)).parameters == 10 * 3 + 3


def test_batch_normalization_behind_a_convolution_folds_into_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
    found = reconcile.count(model, "1x3x10x10", convention=CONVENTION)
    assert found.reference.by_layer() == {"0": (2 * 27 - 1) * 8 * 8 * 8, "1": 0}
    assert found.parameters == 8 * 27 + 2 * 8


def test_batch_normalization_before_its_convolution_is_counted() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, bias=False))
    found = reconcile.count(model, "1x3x10x10", convention=CONVENTION)
    assert found.reference.by_layer() == {"0": 2 * 3 * 10 * 10, "1": (2 * 27 - 1) * 8 * 8 * 8}
    assert found.parameters == 2 * 3 + 8 * 27
    # An activation between the two keeps it from folding.
    apart = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.ReLU(), nn.BatchNorm2d(8))
    assert counted(apart, 1, 3, 10, 10) == (2 * 27 - 1) * 512 + 2 * 512


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_batch_normalization_has_two_parameters_per_channel(channels: int) -> None:
    assert reconcile.count(nn.BatchNorm2d(channels), torch.zeros(1, channels, 4, 4)).parameters == 2 * channels


def test_relu_has_no_multiply_adds_and_its_flops_are_left_out() -> None:
    assert counted(nn.ReLU(), 1, 4, 5, 6, convention="macs") == 0
    assert counted(nn.ReLU(), 1, 4, 5, 6) == 0
    # Where they are not left out they are one per element.
    assert counted(nn.ReLU(), 1, 4, 5, 6, convention="flops") == 4 * 5 * 6


# --- FLOPs and MACs ---


def test_flops_are_a_number_of_operations_and_macs_half_of_it() -> None:
    # Every layer of VGG-16 has a bias, so nothing is left over. Papers print the first as its "15.5 GFLOPs".
    products = sum(layer.products for layer in by_hand.VGG16) + sum(i * o for i, o in by_hand.VGG16_LINEAR)
    macs = reconcile.count("vgg16", "1x3x224x224", convention="macs")
    flops = reconcile.count("vgg16", "1x3x224x224", convention=CONVENTION)
    assert (macs.unit, flops.unit) == ("MAC", "FLOP")
    assert macs.total == products == 15_470_264_320
    assert flops.total == 2 * products == 30_940_528_640


def test_where_layers_have_no_bias_flops_are_twice_the_macs_less_one_for_each_output() -> None:
    layers = by_hand.resnet50()
    products = sum(layer.products for layer in layers) + 2048 * 1000
    outputs = sum(layer.outputs for layer in layers)  # of convolutions, none with a bias; the linear layer has one
    assert (products, outputs) == (4_089_184_256, 11_113_984)
    macs = reconcile.count("resnet50", "1x3x224x224", convention="macs")
    flops = reconcile.count("resnet50", "1x3x224x224", convention=CONVENTION)
    assert macs.total == products
    assert flops.total == 2 * products - outputs
    # Its normalizations stand behind convolutions, all 53, and fold into them.
    assert len(layers) == 53
    normalized = [atom for atom in flops.reference.atoms if "batch_norm" in atom.kind]
    assert [atom.kind for atom in normalized] == ["folded_batch_norm"] * 53
    assert all(flops.reference.value(atom) == 0 for atom in normalized)


# --- containers ---


class Branches(nn.Module):
    """A container of one's own, with containers in it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False))
        self.branches = nn.ModuleList(nn.Sequential(nn.Conv2d(8, 8, 1, bias=False)) for _ in range(2))
        self.head = nn.Linear(8 * 36, 5, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for branch in self.branches:
            x = branch(x)
        return self.head(x.flatten(1))


BRANCHES_PRODUCTS = {
    "stem.0": 36 * 3 * 8 * 9,
    "branches.0.0": 36 * 8 * 8,
    "branches.1.0": 36 * 8 * 8,
    "head": 8 * 36 * 5,
}


def test_containers_need_no_rule() -> None:
    found = reconcile.count(Branches(), "1x3x6x6", convention="macs")
    assert found.reference.by_layer() == BRANCHES_PRODUCTS
    outputs = 3 * 36 * 8 + 5
    assert counted(Branches(), 1, 3, 6, 6) == 2 * sum(BRANCHES_PRODUCTS.values()) - outputs


@pytest.mark.parametrize("tool", ["thop", "ptflops-pytorch", "ptflops-aten"])
def test_containers_need_no_rule_in_the_tools_either(tool: str) -> None:
    # The source says that they do. The tools descend into them.
    report = adapter(tool).measure(Branches(), (torch.rand(1, 3, 6, 6),), {})
    assert report.measurements["compute"].total == sum(BRANCHES_PRODUCTS.values())
    assert report.measurements["params"].total == 3 * 8 * 9 + 2 * 8 * 8 + 8 * 36 * 5


def test_what_a_container_computes_itself_is_what_needs_a_rule_in_thop() -> None:
    # One linear layer whose weight is used three times, never through the layer: 3 x 16 x 16 products for a row.
    assert counted(networks.Functional(), 1, 16, convention="macs") == 3 * 16 * 16
    report = adapter("thop").measure(networks.Functional(), (torch.rand(1, 16),), {})
    assert report.measurements["compute"].total == 0


# --- batches ---


@pytest.mark.parametrize("backend", ["pytorch", "aten"])
def test_ptflops_takes_a_shape_without_the_batch(backend: Literal["pytorch", "aten"]) -> None:
    from ptflops import get_model_complexity_info

    options: dict[str, Any] = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
    said = get_model_complexity_info(nn.Sequential(nn.Conv2d(3, 10, 3, bias=False)), (3, 10, 10), **options)
    assert said == (8 * 8 * 10 * 27, 270)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_native_counter_takes_the_batch_and_counts_it(batch: int) -> None:
    found = reconcile.count(nn.Conv2d(3, 10, 3, bias=False), f"{batch}x3x10x10", convention="macs")
    assert (found.total, found.parameters) == (batch * 17_280, 270)
    assert counted(Branches(), batch, 3, 6, 6) == batch * counted(Branches(), 1, 3, 6, 6)
