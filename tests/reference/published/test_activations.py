"""Multiply-adds, activations and parameters as mmengine's documentation prints them: fvcore's convention."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import reconcile
from reconcile.reference import ReferenceCount
from reconcile.tools import adapter
from tests.reference.published import by_hand


class Inner(nn.Module):
    """Two linear layers of ten."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(10, 10)
        self.fc2 = nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc1(self.fc2(x))


class Outer(nn.Module):
    """Two linear layers of ten, and behind them the same again inside."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(10, 10)
        self.fc2 = nn.Linear(10, 10)
        self.inner = Inner()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc1(self.fc2(self.inner(x)))


def printed(number: int, digits: int = 3) -> str:
    """As mmengine prints: in thousands, millions or billions, rounded, without zeros at the end."""
    for least, unit in ((1e8, "G"), (1e5, "M"), (1e2, "K")):
        if number > least:
            scaled = number / {"G": 1e9, "M": 1e6, "K": 1e3}[unit]
            return f"{scaled:.{digits}f}".rstrip("0").rstrip(".") + unit
    return str(number)


def inside(own: dict[str, int], path: str) -> int:
    """What a module counts together with all below it."""
    return sum(value for layer, value in own.items() if not path or layer == path or layer.startswith(f"{path}."))


# --- a convolution ---


@pytest.mark.parametrize("convention", ["macs", "fvcore"])
def test_convolution(convention: str) -> None:
    found = reconcile.count(nn.Conv2d(3, 10, 3), "1x3x10x10", convention=convention)
    assert found.total == 10 * 8 * 8 * 3 * 3 * 3 == 17_280
    assert found.activations == 10 * 8 * 8 == 640
    assert found.parameters == 3 * 10 * 3 * 3 + 10 == 280


# --- linear layers ---


@pytest.mark.parametrize("convention", ["macs", "fvcore"])
@pytest.mark.parametrize("shape", ["1x10", "1x1x10"])
def test_two_linear_layers_twice(convention: str, shape: str) -> None:
    found = reconcile.count(Outer(), shape, convention=convention)
    assert (found.total, found.activations, found.parameters) == (400, 40, 440)
    # by module
    layers = ["inner.fc2", "inner.fc1", "fc2", "fc1"]
    assert found.reference.by_layer() == dict.fromkeys(layers, 100)
    assert found.reference.activations_by_layer() == dict.fromkeys(layers, 10)
    assert found.reference.parameters_by_layer() == dict.fromkeys(layers, 110)
    # by operator
    assert found.reference.by_operator() == {"aten.linear": 400}


def test_two_linear_layers_twice_as_printed() -> None:
    found = reconcile.count(Outer(), "1x10", convention="fvcore")
    for path, parameters, flops in (
        ("", "0.44K", "0.4K"),
        ("fc1", "0.11K", "100"),
        ("fc2", "0.11K", "100"),
        ("inner", "0.22K", "0.2K"),
        ("inner.fc1", "0.11K", "100"),
        ("inner.fc2", "0.11K", "100"),
    ):
        assert printed(inside(found.reference.parameters_by_layer(), path)) == parameters
        assert printed(inside(found.reference.by_layer(), path)) == flops


def test_as_a_table() -> None:
    frame = reconcile.count(Outer(), "1x10", convention="fvcore").to_frame("layer")
    assert list(frame["layer"]) == ["fc1", "fc2", "inner.fc1", "inner.fc2"]
    assert list(frame["count"]) == [100] * 4
    assert list(frame["activations"]) == [10] * 4
    assert list(frame["parameters"]) == [110] * 4


# --- what counts as an activation ---


@pytest.mark.parametrize(
    ("layer", "shape", "activations"),
    [
        (nn.Conv2d(3, 10, 3, stride=2), "2x3x11x7", 2 * 10 * 5 * 3),
        (nn.ConvTranspose2d(3, 10, 2, stride=2), "1x3x4x5", 10 * 8 * 10),
        (nn.Linear(10, 7), "4x10", 4 * 7),
        (nn.Sequential(nn.Linear(10, 7), nn.ReLU(), nn.Dropout()), "4x10", 4 * 7),
        (nn.BatchNorm2d(3), "1x3x4x5", 0),
        (nn.ReLU(), "1x3x4x5", 0),
        (nn.MaxPool2d(2), "1x3x4x6", 0),
        (nn.AdaptiveAvgPool2d(1), "1x3x4x6", 0),
    ],
    ids=repr,
)
def test_activations_are_the_outputs_of_convolutions_and_linear_layers(
    layer: nn.Module, shape: str, activations: int
) -> None:
    assert reconcile.count(layer, shape).activations == activations


# --- ResNet-50 ---

RESNET50_PRODUCTS = 4_089_184_256
RESNET50_NORMALIZED = 11_113_984
RESNET50_POOLED = 2048 * 7 * 7

# module, parameters, flops and activations as printed
RESNET50_TABLE = [
    ("", "25.557M", "4.145G", "11.115M"),
    ("conv1", "9.408K", "0.118G", "0.803M"),
    ("bn1", "0.128K", "4.014M", "0"),
    ("layer1", "0.216M", "0.69G", "4.415M"),
    ("layer1.0", "75.008K", "0.241G", "2.007M"),
    ("layer1.0.conv1", "4.096K", "12.845M", "0.201M"),
    ("layer1.0.bn1", "0.128K", "1.004M", "0"),
    ("layer1.0.conv2", "36.864K", "0.116G", "0.201M"),
    ("layer1.0.conv3", "16.384K", "51.38M", "0.803M"),
    ("layer1.0.bn3", "0.512K", "4.014M", "0"),
    ("layer1.0.downsample", "16.896K", "55.394M", "0.803M"),
    ("layer1.1", "70.4K", "0.224G", "1.204M"),
    ("layer2", "1.22M", "1.043G", "3.111M"),
    ("layer2.0", "0.379M", "0.379G", "1.305M"),
    ("layer2.0.bn1", "0.256K", "2.007M", "0"),
    ("layer2.0.downsample", "0.132M", "0.105G", "0.401M"),
    ("layer3", "7.098M", "1.475G", "2.158M"),
    ("layer3.0.downsample", "0.526M", "0.104G", "0.201M"),
    ("layer3.5.conv2", "0.59M", "0.116G", "50.176K"),
    ("layer4", "14.965M", "0.812G", "0.627M"),
    ("layer4.2.bn1", "1.024K", "0.125M", "0"),
    ("layer4.2.conv1", "1.049M", "51.38M", "25.088K"),
    ("fc", "2.049M", "2.048M", "1K"),
    ("avgpool", "0", "0.1M", "0"),
]


@pytest.fixture(scope="module")
def trained() -> ReferenceCount:
    """ResNet-50 in train mode."""
    return reconcile.count("resnet50", "1x3x224x224", convention="fvcore", mode="train").reference


@pytest.fixture(scope="module")
def evaluated() -> ReferenceCount:
    """ResNet-50 in eval mode."""
    return reconcile.count("resnet50", "1x3x224x224", convention="fvcore").reference


def test_elements_of_resnet50_by_hand() -> None:
    layers = by_hand.resnet50()
    assert sum(layer.products for layer in layers) + 2048 * 1000 == RESNET50_PRODUCTS
    assert sum(layer.outputs for layer in layers) == RESNET50_NORMALIZED


def test_resnet50_as_published_is_a_model_in_train_mode(trained: ReferenceCount) -> None:
    assert trained.total == 4_144_854_528
    assert trained.total == RESNET50_PRODUCTS + 5 * RESNET50_NORMALIZED + RESNET50_POOLED
    assert (printed(trained.total), printed(trained.parameters)) == ("4.145G", "25.557M")
    assert (printed(trained.total, 2), printed(trained.parameters, 2), printed(trained.activations, 2)) == (
        "4.14G",
        "25.56M",
        "11.11M",
    )


def test_resnet50_in_eval_mode(evaluated: ReferenceCount) -> None:
    assert evaluated.total == 4_111_512_576
    assert evaluated.total == RESNET50_PRODUCTS + 2 * RESNET50_NORMALIZED + RESNET50_POOLED
    assert evaluated.parameters == 25_557_032
    assert evaluated.activations == RESNET50_NORMALIZED + 1000  # every convolution's output is normalized


def test_the_modes_differ_by_the_statistics_of_batch_normalization_and_nothing_else(
    trained: ReferenceCount, evaluated: ReferenceCount
) -> None:
    assert trained.total - evaluated.total == 3 * RESNET50_NORMALIZED == 33_341_952
    terms, without = trained.by_term(), evaluated.by_term()
    assert terms["statistics"] == 3 * RESNET50_NORMALIZED
    assert "statistics" not in without
    assert {name: value for name, value in terms.items() if name != "statistics"} == without
    layers = evaluated.by_layer()
    different = {path: value - layers[path] for path, value in trained.by_layer().items() if value != layers[path]}
    assert len(different) == 53
    assert all(path.rpartition(".")[2].startswith("bn") or path.endswith("downsample.1") for path in different)
    assert different["bn1"] == 3 * 64 * 112 * 112


@pytest.mark.parametrize(("path", "parameters", "flops", "activations"), RESNET50_TABLE)
def test_modules_of_resnet50_as_printed(
    trained: ReferenceCount, path: str, parameters: str, flops: str, activations: str
) -> None:
    assert printed(inside(trained.parameters_by_layer(), path)) == parameters
    assert printed(inside(trained.by_layer(), path)) == flops
    assert printed(inside(trained.activations_by_layer(), path)) == activations


@pytest.mark.parametrize(("training", "per_element"), [(True, 5), (False, 2)])
def test_fvcore_itself_makes_the_same_difference_between_the_modes(training: bool, per_element: int) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)).train(training)
    report = adapter("fvcore").measure(model, (torch.rand(1, 3, 10, 10),), {})
    assert report.measurements["compute"].layers == {"": 0, "0": 8 * 64 * 27, "1": per_element * 8 * 64}
    found = reconcile.count(model, "1x3x10x10", convention="fvcore", mode="train" if training else "eval")
    assert found.reference.by_layer()["1"] == per_element * 8 * 64
