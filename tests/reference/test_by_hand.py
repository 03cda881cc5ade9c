"""Counts worked out by hand, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reconcile.errors import CoverageError, UnlistedKindError
from reconcile.reference import count_trace, load_convention, require_coverage
from reconcile.trace import trace, trace_spec
from reconcile.zoo import resolve
from tests import networks


def counted(model: nn.Module, *inputs: torch.Tensor, convention: str) -> int:
    return count_trace(trace(model, inputs), load_convention(convention)).total


def convolution(channels: int, filters: int, kernel: int, size: int) -> int:
    """H' x W' x C x K x kH x kW."""
    return size * size * channels * filters * kernel * kernel


def batch_norm(channels: int, size: int) -> int:
    """Two per input element."""
    return 2 * channels * size * size


def relu(channels: int, size: int) -> int:
    """One per input element."""
    return channels * size * size


def basic_block(channels: int, filters: int, size: int) -> int:
    """Two 3x3 convolutions, each with batch normalization and ReLU; a 1x1 convolution where the shape changes."""
    total = convolution(channels, filters, 3, size) + batch_norm(filters, size) + relu(filters, size)
    total += convolution(filters, filters, 3, size) + batch_norm(filters, size) + relu(filters, size)
    if channels != filters:
        total += convolution(channels, filters, 1, size) + batch_norm(filters, size)
    return total


def test_resnet18_under_multiply_adds() -> None:
    stem = convolution(3, 64, 7, 112) + batch_norm(64, 112) + relu(64, 112)
    assert convolution(3, 64, 7, 112) == 118_013_952
    stages = [
        basic_block(64, 64, 56) + basic_block(64, 64, 56),
        basic_block(64, 128, 28) + basic_block(128, 128, 28),
        basic_block(128, 256, 14) + basic_block(256, 256, 14),
        basic_block(256, 512, 7) + basic_block(512, 512, 7),
    ]
    pool = 512 * 7 * 7
    linear = 512 * 1000 + 1000
    by_hand = stem + sum(stages) + pool + linear
    assert by_hand == 1_821_374_952  # about 1.8 G, as the paper says

    found = count_trace(trace_spec(resolve("resnet18"))[0], load_convention("multiply-adds"))
    assert found.total == by_hand
    layers = found.by_layer()
    assert layers["conv1"] == 118_013_952
    assert layers["bn1"] == 2 * 64 * 112 * 112
    assert layers["relu"] == 64 * 112 * 112
    assert layers["avgpool"] == pool
    assert layers["fc"] == 513_000
    for number, stage in enumerate(stages, 1):
        assert sum(value for path, value in layers.items() if path.startswith(f"layer{number}.")) == stage


def test_alexnet_under_macs() -> None:
    # kernel, channels, filters, output size: torchvision's AlexNet, after Krizhevsky, arXiv:1404.5997
    convolutions = [(11, 3, 64, 55), (5, 64, 192, 27), (3, 192, 384, 13), (3, 384, 256, 13), (3, 256, 256, 13)]
    products = sum(convolution(c, f, k, s) for k, c, f, s in convolutions)
    products += 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert count_trace(trace_spec(resolve("alexnet"))[0], load_convention("macs")).total == products == 714_188_480


def test_small_network_under_every_convention() -> None:
    x = torch.zeros(2, 3, 8, 8)
    products = 2 * 8 * 8 * 8 * 27 + 2 * 128 * 10
    assert counted(networks.Convolutional(), x, convention="macs") == products
    outputs = 2 * 8 * 64  # of the convolution, of normalization and ReLU too
    pooled = 2 * 8 * 16 * 4
    assert counted(networks.Convolutional(), x, convention="multiply-adds") == (
        products + 20 + 2 * outputs + outputs + pooled
    )
    # Products and additions; every sum has a bias, so the addition that it saves is spent again. The normalization
    # folds into the convolution before it.
    assert counted(networks.Convolutional(), x, convention="exact-flops") == 2 * products
    assert counted(networks.Convolutional(), x, convention="flops") == 2 * products + 2 * outputs + outputs + pooled


def test_normalization_before_a_convolution_is_counted_and_behind_it_is_not() -> None:
    conv, norm = nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4)
    x = torch.zeros(1, 4, 5, 5)
    alone = 25 * 4 * (2 * 4 - 1)
    assert counted(nn.Sequential(conv, norm), x, convention="exact-flops") == alone
    assert counted(nn.Sequential(norm, conv), x, convention="exact-flops") == alone + 2 * 100


def test_exact_flops_without_bias() -> None:
    assert counted(nn.Linear(10, 3, bias=False), torch.zeros(4, 10), convention="exact-flops") == 4 * 3 * 19
    assert counted(nn.Linear(10, 3), torch.zeros(4, 10), convention="exact-flops") == 4 * 3 * 20


def test_a_layer_without_a_rule_is_an_error_where_the_convention_says_so() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.GELU(), nn.GELU())
    with pytest.raises(UnlistedKindError, match=r"no rule for: gelu \(2\), sigmoid \(1\)"):
        counted(model, torch.zeros(1, 3), convention="multiply-adds")


def test_attention() -> None:
    # 5 tokens of 16, 4 heads: projections to queries, keys, values and back; scores and weighted sums
    products = 5 * 16 * 48 + 5 * 16 * 16 + 4 * (5 * 5 * 4 + 5 * 5 * 4)
    for need_weights in (False, True):
        model = networks.Attention(need_weights)
        assert counted(model, torch.zeros(1, 5, 16), convention="macs") == products
        assert counted(model, torch.zeros(3, 5, 16), convention="macs") == 3 * products


def test_linear_bias_counts_the_same_whatever_the_memory_layout() -> None:
    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x.transpose(1, 2))

    plain = counted(nn.Linear(6, 4), torch.zeros(2, 5, 6), convention="exact-flops")
    assert counted(Transposed(), torch.zeros(2, 6, 5), convention="exact-flops") == plain == 2 * 5 * 4 * 12


def test_what_is_not_covered_is_named() -> None:
    class Factorization(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.cholesky_ex(x).L

    found = count_trace(trace(Factorization(), (torch.zeros(2, 8, 8),)), load_convention("macs"))
    assert found.total == 0
    assert found.uncovered == {"aten.linalg_cholesky_ex": 1}
    says = r"^there is no formula for aten.linalg_cholesky_ex \(×1\); these modules never ran: unused\.$"
    with pytest.raises(CoverageError, match=says):
        require_coverage(found)


def test_a_module_whose_parameters_are_used_has_run() -> None:
    found = count_trace(trace(nn.MultiheadAttention(4, 2), (torch.zeros(3, 1, 4),) * 3), load_convention("macs"))
    assert "out_proj" not in found.trace.calls
    require_coverage(found)


def test_integer_arithmetic_is_bookkeeping() -> None:
    class Indices(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + (torch.arange(4) * 2 + 1)

    (atom_of_indices, *_) = count_trace(trace(Indices(), (torch.zeros(4),)), load_convention("macs")).atoms
    total = sum(
        a.terms.get("elementwise", 0)
        for a in count_trace(trace(Indices(), (torch.zeros(4),)), load_convention("macs")).atoms
    )
    assert not atom_of_indices.terms
    assert total == 4
