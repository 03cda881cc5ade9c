"""FLOPs layer by layer, transposed convolutions among them, and FusionNet."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import reconcile
from reconcile.tools import adapter
from tests.reference.published.networks import Block, FusionNet

CONVENTION = "flops"


def counted(model: nn.Module, *shape: int, convention: str = CONVENTION) -> int:
    found = reconcile.count(model, torch.zeros(shape), convention=convention)
    assert found.uncovered == {}
    return found.total


def output_shape(model: nn.Module, *shape: int) -> tuple[int, ...]:
    (layer,) = reconcile.count(model, torch.zeros(shape)).reference.atoms
    shape_of_output: tuple[int, ...] = layer.call.output.shape
    return shape_of_output


# --- formulas ---


@pytest.mark.parametrize(
    ("channels", "filters", "kernel", "size", "output"),
    [(1, 32, 3, 64, 62), (3, 64, 3, 224, 222), (32, 32, 1, 9, 9), (2, 5, 5, 9, 5)],
)
def test_the_bias_of_a_convolution_makes_up_for_the_addition_that_its_sum_does_not_need(
    channels: int, filters: int, kernel: int, size: int, output: int
) -> None:
    flops = 2 * channels * kernel * kernel * output * output * filters
    assert counted(nn.Conv2d(channels, filters, kernel), 1, channels, size, size) == flops
    without = nn.Conv2d(channels, filters, kernel, bias=False)
    assert counted(without, 1, channels, size, size) == flops - output * output * filters


@pytest.mark.parametrize(
    ("layer", "operations"),
    [
        (nn.BatchNorm2d(4), 2 * 4 * 6 * 8),
        (nn.AvgPool2d(2), 2 * 2 * 4 * 3 * 4),
        (nn.AvgPool2d(3, stride=1), 3 * 3 * 4 * 4 * 6),
        (nn.ReLU(), 4 * 6 * 8),
        (nn.LeakyReLU(0.2), 4 * 6 * 8),
    ],
    ids=repr,
)
def test_other_layers(layer: nn.Module, operations: int) -> None:
    assert counted(layer, 1, 4, 6, 8) == operations
    # Behind a convolution no less: normalization does not fold here.
    assert counted(nn.Sequential(nn.Conv2d(3, 4, 1), layer), 1, 3, 6, 8) == 2 * 3 * 4 * 6 * 8 + operations


def test_average_pooling_is_its_additions_and_one_division() -> None:
    outputs = 4 * 3 * 4
    additions, divisions = (2 * 2 - 1) * outputs, outputs
    assert counted(nn.AvgPool2d(2), 1, 4, 6, 8) == additions + divisions


def test_flops_are_twice_the_macs_and_not_the_other_way_round() -> None:
    # The source has it that MACs are twice the FLOPs.
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10))
    products = 64 * 3 * 8 * 9 + 36 * 8 * 4 * 9 + 144 * 10
    macs = counted(model, 1, 3, 10, 10, convention="macs")
    flops = counted(model, 1, 3, 10, 10)
    assert (macs, flops) == (products, 2 * products)
    assert 2 * flops - macs == 3 * products  # by how much the source's sentence is off


# --- transposed convolution ---

TRANSPOSED = [
    # channels, filters, settings, size, size of the output, products: input elements x K/g x kH x kW
    (6, 4, {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, 5, 10, 6 * 25 * 4 * 9),
    (6, 4, {"kernel_size": 3, "stride": 2, "padding": 1}, 5, 9, 6 * 25 * 4 * 9),
    (6, 4, {"kernel_size": 2, "stride": 2}, 5, 10, 6 * 25 * 4 * 4),
    (6, 4, {"kernel_size": 4, "stride": 2, "padding": 1}, 5, 10, 6 * 25 * 4 * 16),
    (6, 4, {"kernel_size": 3}, 5, 7, 6 * 25 * 4 * 9),
    (6, 4, {"kernel_size": 3, "groups": 2}, 5, 7, 6 * 25 * 2 * 9),
    (6, 6, {"kernel_size": 5, "stride": 3, "padding": 2, "output_padding": 2, "groups": 6}, 4, 12, 6 * 16 * 1 * 25),
    (512, 256, {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, 16, 32, 512 * 256 * 256 * 9),
]


@pytest.mark.parametrize(("channels", "filters", "settings", "size", "output", "products"), TRANSPOSED)
def test_transposed_convolution(
    channels: int, filters: int, settings: dict[str, int], size: int, output: int, products: int
) -> None:
    shape = (1, channels, size, size)
    with_bias, without = (nn.ConvTranspose2d(channels, filters, bias=bias, **settings) for bias in (True, False))
    by_formula = (
        (size - 1) * settings.get("stride", 1)
        - 2 * settings.get("padding", 0)
        + settings["kernel_size"]
        + settings.get("output_padding", 0)
    )
    assert by_formula == output
    assert output_shape(with_bias, *shape) == (1, filters, output, output)
    weights = settings["kernel_size"] ** 2 * channels * filters // settings.get("groups", 1)
    assert reconcile.count(with_bias, torch.zeros(shape)).parameters == weights + filters
    assert reconcile.count(without, torch.zeros(shape)).parameters == weights
    # Every output is one sum, so the bias makes up for an addition here too.
    assert counted(with_bias, *shape, convention="macs") == products
    assert counted(with_bias, *shape) == 2 * products
    assert counted(without, *shape) == 2 * products - filters * output * output


def test_products_of_a_transposed_convolution_that_the_padding_cuts_off() -> None:
    layer = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
    # On an axis, 5 inputs meet 3 weights; the first input and first weight land at -1, all others on 0 to 9.
    assert counted(layer, 1, 6, 5, 5, convention="macs") == 6 * 4 * 15 * 15
    assert counted(layer, 1, 6, 5, 5, convention="effective-macs") == 6 * 4 * 14 * 14


def test_a_transposed_convolution_has_the_products_of_the_convolution_that_it_transposes() -> None:
    there = counted(nn.Conv2d(4, 6, 2, stride=2), 1, 4, 10, 10, convention="macs")
    back = counted(nn.ConvTranspose2d(6, 4, 2, stride=2), 1, 6, 5, 5, convention="macs")
    assert there == back == 5 * 5 * 4 * 6 * 4


@pytest.mark.parametrize(
    ("tool", "difference"),
    [
        # Counted as if it were a convolution, outputs x C x k x k: at stride 2 four times the products.
        ("thop", 4 * 10 * 10 * 6 * 9 - 6 * 5 * 5 * 4 * 9),
        # A bias for each output.
        ("ptflops-pytorch", 4 * 10 * 10),
        ("ptflops-aten", 4 * 10 * 10),
        ("fvcore", 0),
    ],
)
def test_what_tools_add_to_the_products_of_a_transposed_convolution(tool: str, difference: int) -> None:
    layer = nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1)
    report = adapter(tool).measure(layer.eval(), (torch.rand(1, 6, 5, 5),), {})
    assert report.measurements["compute"].total - counted(layer, 1, 6, 5, 5, convention="macs") == difference


def test_torchstat_has_no_rule_for_the_flops_of_a_transposed_convolution() -> None:
    layer = nn.Sequential(nn.Conv2d(3, 6, 1), nn.ConvTranspose2d(6, 4, 3))
    found = reconcile.count(layer, "1x3x5x5", convention="torchstat-flops")
    assert found.reference.by_layer() == {"0": 25 * 3 * 6 + 25 * 6, "1": 0}


# --- FusionNet ---


def parameters_of_block(channels: int, filters: int) -> int:
    """Five 3x3 convolutions with bias, each with a scale and a shift per filter."""
    first = 9 * channels * filters + filters + 2 * filters
    return first + 4 * (9 * filters * filters + filters + 2 * filters)


def products_of_block(channels: int, filters: int, size: int) -> int:
    return 9 * size * size * (channels * filters + 4 * filters * filters)


def flops_of_block(channels: int, filters: int, size: int) -> int:
    """Twice the products; five normalizations; four activations, since one convolution has none."""
    return 2 * products_of_block(channels, filters, size) + (5 * 2 + 4) * filters * size * size


# channels, filters and size at an image of 64 x 64: four down, the bridge, four up
BLOCKS = {
    "downs.0": (1, 32, 64),
    "downs.1": (32, 64, 32),
    "downs.2": (64, 128, 16),
    "downs.3": (128, 256, 8),
    "bridge": (256, 512, 4),
    "ups.0.block": (256, 256, 8),
    "ups.1.block": (128, 128, 16),
    "ups.2.block": (64, 64, 32),
    "ups.3.block": (32, 32, 64),
}
# of the transposed convolutions, the size of the input
LARGER = {
    "ups.0.larger": (512, 256, 4),
    "ups.1.larger": (256, 128, 8),
    "ups.2.larger": (128, 64, 16),
    "ups.3.larger": (64, 32, 32),
}


@pytest.fixture(scope="module")
def network() -> FusionNet:
    """On one channel, with 32 base filters."""
    return FusionNet()


def inside(own: dict[str, int], path: str) -> int:
    return sum(value for layer, value in own.items() if layer.startswith(f"{path}."))


def test_parameters_of_the_first_block() -> None:
    assert parameters_of_block(1, 32) == (9 * 32 + 32 + 64) + 4 * (9 * 1024 + 32 + 64) == 37_632
    assert reconcile.count(Block(1, 32, down=True), "1x1x64x64").parameters == 37_632


def test_parameters_of_fusionnet(network: FusionNet) -> None:
    found = reconcile.count(network, "1x1x64x64")
    own = found.reference.parameters_by_layer()
    assert inside(own, "downs.0") == 37_632
    for path, (channels, filters, _) in BLOCKS.items():
        assert inside(own, path) == parameters_of_block(channels, filters)
    for path, (channels, filters, _) in LARGER.items():
        # the transposed convolution k x k x C x K + K, and its normalization
        assert own[f"{path}.0"] == 9 * channels * filters + filters
        assert own[f"{path}.1"] == 2 * filters
    assert own["out"] == 9 * 32 + 1 == 289
    blocks = [37_632, 166_848, 665_472, 2_658_048, 10_624_512, 2_952_960, 739_200, 185_280, 46_560]
    assert [parameters_of_block(channels, filters) for channels, filters, _ in BLOCKS.values()] == blocks
    larger = [1_179_904 + 512, 295_040 + 256, 73_792 + 128, 18_464 + 64]
    assert found.parameters == sum(blocks) + sum(larger) + 289 == 19_644_961
    assert found.trainable_parameters == found.parameters


def test_products_of_fusionnet(network: FusionNet) -> None:
    found = reconcile.count(network, "1x1x64x64", convention="macs")
    own = found.reference.by_layer()
    for path, (channels, filters, size) in BLOCKS.items():
        assert inside(own, path) == products_of_block(channels, filters, size)
    for path, (channels, filters, size) in LARGER.items():
        assert own[f"{path}.0"] == channels * size * size * filters * 9
    # From one to the next, half the channels, half the filters and four times the positions: as many products.
    assert 512 * 4 * 4 * 256 * 9 == 18_874_368
    assert [own[f"{path}.0"] for path in LARGER] == [18_874_368] * 4
    assert own["out"] == 64 * 64 * 32 * 9
    by_hand = sum(products_of_block(*block) for block in BLOCKS.values()) + 4 * 18_874_368 + 64 * 64 * 32 * 9
    assert found.total == by_hand
    assert found.uncovered == {}


def test_flops_of_fusionnet_layer_by_layer(network: FusionNet) -> None:
    found = reconcile.count(network, "1x1x64x64", convention=CONVENTION)
    own = found.reference.by_layer()
    for path, (channels, filters, size) in BLOCKS.items():
        assert inside(own, path) == flops_of_block(channels, filters, size)
    for path, (_, filters, size) in LARGER.items():
        outputs = filters * (2 * size) * (2 * size)
        assert own[f"{path}.0"] == 2 * 18_874_368
        assert (own[f"{path}.1"], own[f"{path}.2"]) == (2 * outputs, outputs)
    assert own["out"] == 2 * 64 * 64 * 32 * 9
    by_hand = sum(flops_of_block(*block) for block in BLOCKS.values()) + own["out"]
    by_hand += 4 * 2 * 18_874_368 + 3 * (256 * 8 * 8 + 128 * 16 * 16 + 64 * 32 * 32 + 32 * 64 * 64)
    assert found.total == by_hand


def test_fusionnet_grows_with_the_image_and_its_parameters_do_not(network: FusionNet) -> None:
    small, large = (reconcile.count(network, f"1x1x{size}x{size}", convention=CONVENTION) for size in (64, 128))
    assert large.total == 4 * small.total
    assert large.parameters == small.parameters
