"""VGG-16 on an image of 224 x 224, as torchsummary, torchstat and thop print it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import reconcile
from reconcile.api import ModelCount
from reconcile.tools import adapter
from reconcile.zoo import build, resolve
from tests.reference.published import by_hand

SHAPE = "1x3x224x224"
MB = 1024 * 1024

CONVOLUTIONS, LINEAR = by_hand.VGG16, by_hand.VGG16_LINEAR
# Two, two, three, three and three convolutions between the poolings: the module, the filters and the output's size.
MAXIMUM_POOLS = {
    "features.4": (64, 112),
    "features.9": (128, 56),
    "features.16": (256, 28),
    "features.23": (512, 14),
    "features.30": (512, 7),
}
POOLED = 512 * 7 * 7
"""Elements that the adaptive pooling takes and gives, and the first linear layer takes."""

DROPOUTS = ("classifier.2", "classifier.5")


@pytest.fixture(scope="module")
def vgg16() -> ModelCount:
    """Counted by products."""
    return reconcile.count("vgg16", SHAPE)


@pytest.fixture(scope="module")
def madd() -> ModelCount:
    """Counted as torchstat's MAdd."""
    return reconcile.count("vgg16", SHAPE, convention="torchstat-madd")


@pytest.fixture(scope="module")
def flops() -> ModelCount:
    """Counted as torchstat's Flops."""
    return reconcile.count("vgg16", SHAPE, convention="torchstat-flops")


def in_mb(size: int) -> str:
    return f"{size / MB:.2f}"


# --- parameters ---


def test_parameters(vgg16: ModelCount) -> None:
    convolutions = sum(9 * layer.channels * layer.filters + layer.filters for layer in CONVOLUTIONS)
    linear = sum(inputs * outputs + outputs for inputs, outputs in LINEAR)
    assert vgg16.parameters == convolutions + linear == 138_357_544
    assert vgg16.trainable_parameters == 138_357_544


# --- torchsummary ---


def test_torchsummary_layers(vgg16: ModelCount) -> None:
    # 13 convolutions, each with a ReLU, 5 poolings and an adaptive one; 3 linear layers, 2 ReLU and 2 dropouts.
    assert len(vgg16.memory.layers) == 2 * 13 + 5 + 1 + 3 + 2 + 2 == 39


def test_torchsummary_first_convolution(vgg16: ModelCount) -> None:
    assert vgg16.reference.parameters_by_layer()["features.0"] == 3 * 64 * 9 + 64 == 1_792
    (first, *_) = vgg16.reference.atoms
    assert (first.layer, first.call.output.shape) == ("features.0", (1, 64, 224, 224))


def outputs_by_hand() -> int:
    """Elements that the 39 layers put out."""
    convolved = sum(layer.outputs for layer in CONVOLUTIONS)
    pooled = sum(filters * size * size for filters, size in MAXIMUM_POOLS.values())
    return 2 * convolved + pooled + POOLED + (3 + 3) * 4096 + 1000


def test_torchsummary_input(vgg16: ModelCount) -> None:
    assert vgg16.memory.input_bytes == 4 * 3 * 224 * 224
    assert in_mb(vgg16.memory.input_bytes) == "0.57"


def test_torchsummary_forward_and_backward_pass(vgg16: ModelCount) -> None:
    assert vgg16.memory.forward_backward_bytes == 2 * 4 * outputs_by_hand() == 229_408_576
    assert in_mb(vgg16.memory.forward_backward_bytes) == "218.78"


def test_torchsummary_parameters(vgg16: ModelCount) -> None:
    assert vgg16.memory.parameter_bytes == 4 * 138_357_544
    assert in_mb(vgg16.memory.parameter_bytes) == "527.79"


def test_torchsummary_total(vgg16: ModelCount) -> None:
    assert vgg16.memory.total_bytes == 602_112 + 229_408_576 + 553_430_176
    assert in_mb(vgg16.memory.total_bytes) == "747.15"


# --- torchstat ---


def test_torchstat_total_madd(madd: ModelCount) -> None:
    # Every convolution has a bias: as many additions as products. A linear layer's bias is not counted.
    convolutions = 2 * sum(layer.products for layer in CONVOLUTIONS)
    linear = sum((inputs + inputs - 1) * outputs for inputs, outputs in LINEAR)
    rectified = sum(layer.outputs for layer in CONVOLUTIONS) + 2 * 4096
    compared = sum(3 * filters * size * size for filters, size in MAXIMUM_POOLS.values())
    assert madd.total == convolutions + linear + rectified + compared == 30_958_666_264
    assert f"{madd.total / 1e9:.2f}" == "30.96"
    assert madd.uncovered == {}


def test_torchstat_total_flops(flops: ModelCount) -> None:
    outputs = sum(layer.outputs for layer in CONVOLUTIONS)
    convolutions = sum(layer.products for layer in CONVOLUTIONS) + outputs
    linear = sum(inputs * outputs for inputs, outputs in LINEAR)
    pooled = sum(4 * filters * size * size for filters, size in MAXIMUM_POOLS.values())
    assert flops.total == convolutions + linear + (outputs + 2 * 4096) + pooled == 15_503_489_024
    assert flops.uncovered == {}


def test_torchstat_first_convolution(vgg16: ModelCount, madd: ModelCount, flops: ModelCount) -> None:
    products, outputs = 224 * 224 * 64 * 3 * 9, 224 * 224 * 64
    assert (products, outputs) == (86_704_128, 3_211_264)
    assert madd.reference.by_layer()["features.0"] == 2 * products == 173_408_256
    # Its "Flops" are multiply-adds and one more for each bias.
    assert flops.reference.by_layer()["features.0"] == products + outputs == 89_915_392
    memory = vgg16.memory.layers["features.0"]
    assert memory.read_bytes == 4 * (3 * 224 * 224 + 1_792) == 609_280
    assert memory.written_bytes == 4 * outputs == 12_845_056


def test_torchstat_maximum_pooling(madd: ModelCount, flops: ModelCount) -> None:
    # Three comparisons for each output; each input once.
    assert madd.reference.by_layer()["features.4"] == 3 * 64 * 112 * 112 == 2_408_448
    assert flops.reference.by_layer()["features.4"] == 64 * 224 * 224 == 3_211_264
    for path, (filters, size) in MAXIMUM_POOLS.items():
        assert madd.reference.by_layer()[path] == 3 * filters * size * size
        assert flops.reference.by_layer()[path] == 4 * filters * size * size


def test_torchstat_first_linear_layer(madd: ModelCount, flops: ModelCount) -> None:
    assert madd.reference.by_layer()["classifier.0"] == (25_088 + 25_087) * 4096 == 205_516_800
    assert flops.reference.by_layer()["classifier.0"] == 25_088 * 4096 == 102_760_448


def test_torchstat_memory(vgg16: ModelCount) -> None:
    # What every layer puts out, adaptive pooling and dropout too.
    assert vgg16.memory.written_bytes == 4 * outputs_by_hand() == 114_704_288
    assert in_mb(vgg16.memory.written_bytes) == "109.39"


def test_torchstat_memory_read_and_written_leaves_out_adaptive_pooling_and_dropout(vgg16: ModelCount) -> None:
    memory = vgg16.memory
    everything = memory.read_bytes + memory.written_bytes
    # Inputs of layers: the image, and what the layer before puts out; parameters once; outputs.
    inputs = 3 * 224 * 224 + outputs_by_hand() - 1000
    assert everything == 4 * (inputs + 138_357_544 + outputs_by_hand()) == 783_436_864
    # The cause of the difference: three layers that the tool calls not supported, which read and write as many.
    left_out = {
        path: layer.read_bytes + layer.written_bytes
        for path, layer in memory.layers.items()
        if path in ("avgpool", *DROPOUTS)
    }
    assert left_out == {"avgpool": 2 * 4 * POOLED, "classifier.2": 2 * 4 * 4096, "classifier.5": 2 * 4 * 4096}
    assert sum(left_out.values()) == 200_704 + 2 * 32_768 == 266_240
    assert in_mb(everything - 266_240) == "746.89"
    assert in_mb(everything) == "747.14"


@pytest.mark.parametrize("path", ["avgpool", *DROPOUTS])
def test_torchstat_does_not_support_adaptive_pooling_and_dropout(
    path: str, madd: ModelCount, flops: ModelCount
) -> None:
    layer = build(resolve("vgg16"), device="meta").module.get_submodule(path)
    assert isinstance(layer, (nn.AdaptiveAvgPool2d, nn.Dropout))
    assert (madd.reference.by_layer()[path], flops.reference.by_layer()[path]) == (0, 0)


def test_what_counting_the_adaptive_pooling_would_add(madd: ModelCount) -> None:
    # From 7 x 7 to 7 x 7, each window holds one element: one operation for each where a convention counts it.
    counted = reconcile.count("vgg16", SHAPE, convention="flops").reference.by_layer()["avgpool"]
    assert counted - madd.reference.by_layer()["avgpool"] == POOLED == 25_088


# --- thop ---


def small(batch: int) -> torch.Tensor:
    return torch.rand(batch, 3, 32, 32)


def test_thop_on_the_image_counts_products_and_the_adaptive_pooling(vgg16: ModelCount) -> None:
    built = build(resolve("vgg16"))
    report = adapter("thop").measure(built.module, built.args, built.kwargs)
    # The cause of the difference: for each output of the adaptive pooling, its one element and a division.
    assert report.measurements["compute"].total - vgg16.total == 2 * POOLED
    assert report.measurements["compute"].layers["avgpool"] == 2 * POOLED
    assert report.measurements["compute"].total == 15_470_314_496
    assert report.measurements["params"].total == 138_357_544


def test_thop_counts_in_proportion_to_the_batch_and_parameters_once() -> None:
    model = build(resolve("vgg16")).module
    one, three = (adapter("thop").measure(model, (small(batch),), {}).measurements for batch in (1, 3))
    assert three["compute"].total == 3 * one["compute"].total
    assert three["compute"].layers == {path: 3 * value for path, value in one["compute"].layers.items()}
    assert three["params"].total == one["params"].total == 138_357_544


@pytest.mark.parametrize("convention", ["macs", "torchstat-madd", "torchstat-flops", "exact-flops", "flops"])
def test_every_convention_counts_in_proportion_to_the_batch_and_parameters_once(convention: str) -> None:
    one, five = (reconcile.count("vgg16", f"{batch}x3x224x224", convention=convention) for batch in (1, 5))
    assert five.total == 5 * one.total
    assert five.reference.by_layer() == {path: 5 * value for path, value in one.reference.by_layer().items()}
    assert five.parameters == one.parameters == 138_357_544


def test_as_thop_formats_it(vgg16: ModelCount) -> None:
    from thop import clever_format

    assert clever_format([vgg16.total, vgg16.parameters], "%.3f") == ("15.470G", "138.358M")
