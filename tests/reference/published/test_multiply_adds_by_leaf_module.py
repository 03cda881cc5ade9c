"""Multiply-adds by type of leaf module: the formulas that follow the counter in the CondenseNet repository."""

from __future__ import annotations

import copy
from typing import Literal

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reconcile
from reconcile.errors import UnlistedKindError
from tests import networks

CONVENTION = "multiply-adds"


def counted(model: nn.Module, *shape: int) -> int:
    found = reconcile.count(model, torch.zeros(shape), convention=CONVENTION)
    assert found.uncovered == {}
    return found.total


# --- formulas ---


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "image", "products"),
    [
        # H' x W' x C x K x kH x kW / g
        ({"kernel_size": 3}, (3, 10, 10), 8 * 8 * 3 * 12 * 3 * 3),
        ({"kernel_size": 3, "padding": 1}, (3, 10, 10), 10 * 10 * 3 * 12 * 3 * 3),
        ({"kernel_size": 7, "stride": 2, "padding": 3}, (3, 224, 224), 112 * 112 * 3 * 12 * 7 * 7),
        ({"kernel_size": 3, "stride": 2}, (3, 10, 10), 4 * 4 * 3 * 12 * 3 * 3),  # 3.5 + 1, rounded down
        ({"kernel_size": (1, 5), "padding": (0, 2)}, (3, 6, 9), 6 * 9 * 3 * 12 * 1 * 5),
        ({"kernel_size": (3, 2), "stride": (2, 3)}, (3, 11, 8), 5 * 3 * 3 * 12 * 3 * 2),
        ({"kernel_size": 3, "padding": 1, "groups": 4}, (8, 10, 10), 10 * 10 * 8 * 12 * 3 * 3 // 4),
        ({"kernel_size": 3, "groups": 12}, (12, 10, 10), 8 * 8 * 12 * 3 * 3),
        ({"kernel_size": 1}, (3, 10, 10), 10 * 10 * 3 * 12),
    ],
)
def test_convolution_without_its_bias(
    layer: dict[str, int], image: tuple[int, int, int], products: int, bias: bool
) -> None:
    assert counted(nn.Conv2d(image[0], 12, bias=bias, **layer), 1, *image) == products


def test_dilation_makes_the_output_smaller_which_the_documents_own_code_skips() -> None:
    layer = nn.Conv2d(3, 12, 3, dilation=2)
    # The kernel spans 5, so 10 inputs leave 6 outputs; (H + 2P - kH) / S + 1 would be 8.
    by_hand = 6 * 6 * 3 * 12 * 3 * 3
    assert counted(layer, 1, 3, 10, 10) == by_hand
    without_dilation = 8 * 8 * 3 * 12 * 3 * 3
    assert without_dilation - by_hand == (64 - 36) * 324
    # With a padding of 2 the image keeps its size, and the skipped dilation would make it larger.
    assert counted(nn.Conv2d(3, 12, 3, padding=2, dilation=2), 1, 3, 10, 12) == 10 * 12 * 3 * 12 * 3 * 3


@pytest.mark.parametrize(
    ("layer", "image", "elements"),
    [
        # C x kH x kW x H' x W'
        (nn.AvgPool2d(2), (4, 8, 8), 4 * 2 * 2 * 4 * 4),
        (nn.AvgPool2d(3, stride=2), (4, 9, 9), 4 * 3 * 3 * 4 * 4),
        (nn.AvgPool2d(3, stride=1, padding=1), (4, 8, 8), 4 * 3 * 3 * 8 * 8),
        (nn.AvgPool2d((2, 3)), (4, 8, 9), 4 * 2 * 3 * 4 * 3),
        (nn.AvgPool2d(7), (512, 7, 7), 512 * 7 * 7),
    ],
)
def test_average_pooling(layer: nn.Module, image: tuple[int, int, int], elements: int) -> None:
    assert counted(layer, 1, *image) == elements


def test_average_pooling_of_an_image_that_is_not_square() -> None:
    # Of 6 x 10, pooling by 2 makes 3 x 5. The original code takes both from one side: 3 x 3.
    assert counted(nn.AvgPool2d(2), 1, 4, 6, 10) == 4 * 2 * 2 * 3 * 5
    assert counted(nn.AvgPool2d(2), 1, 4, 10, 6) == 4 * 2 * 2 * 5 * 3
    square = 4 * 2 * 2 * 3 * 3
    assert counted(nn.AvgPool2d(2), 1, 4, 6, 10) - square == 4 * 2 * 2 * 3 * 2


@pytest.mark.parametrize("output", [1, 2, (3, 5), 7])
def test_adaptive_average_pooling_counts_its_input_whatever_its_output(output: int | tuple[int, int]) -> None:
    assert counted(nn.AdaptiveAvgPool2d(output), 1, 6, 8, 10) == 6 * 8 * 10


@pytest.mark.parametrize(
    ("layer", "operations"),
    [
        (nn.ReLU(), 4 * 5 * 6),
        (nn.ReLU(inplace=True), 4 * 5 * 6),
        (nn.BatchNorm2d(4), 2 * 4 * 5 * 6),  # normalize, then scale and shift
        (nn.BatchNorm2d(4, affine=False), 2 * 4 * 5 * 6),
        (nn.Dropout(), 0),
    ],
    ids=repr,
)
def test_layers_that_work_on_single_elements(layer: nn.Module, operations: int) -> None:
    assert counted(layer, 1, 4, 5, 6) == operations
    # Behind a convolution no less: normalization does not fold here.
    assert counted(nn.Sequential(nn.Conv2d(3, 4, 1), layer), 1, 3, 5, 6) == 5 * 6 * 3 * 4 + operations


@pytest.mark.parametrize(("inputs", "outputs"), [(10, 3), (512, 1000), (1, 1)])
def test_linear_layer_with_its_bias(inputs: int, outputs: int) -> None:
    assert counted(nn.Linear(inputs, outputs), 1, inputs) == outputs * inputs + outputs
    assert counted(nn.Linear(inputs, outputs, bias=False), 1, inputs) == outputs * inputs


def test_parameters_are_all_elements_and_a_shared_one_counts_once() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1, bias=False), nn.ReLU())
    found = reconcile.count(model, "1x3x5x5", convention=CONVENTION)
    assert found.parameters == (8 * 27 + 8) + (8 + 8) + 8 * 4
    # parameters() yields a tied weight once: a matrix of 6 x 6 and two biases
    tied = networks.TiedWeights()
    assert reconcile.count(tied, "1x6", convention=CONVENTION).parameters == 36 + 6 + 6
    assert sum(parameter.numel() for parameter in tied.parameters()) == 36 + 6 + 6


# --- what is an error ---

UNLISTED = [
    (nn.ConvTranspose2d(4, 4, 3), "transposed_convolution", (1, 4, 8, 8)),
    (nn.LayerNorm(8), "layer_norm", (1, 4, 8, 8)),
    (nn.GroupNorm(2, 4), "group_norm", (1, 4, 8, 8)),
    (nn.InstanceNorm2d(4), "instance_norm", (1, 4, 8, 8)),
    (nn.Sigmoid(), "sigmoid", (1, 4, 8, 8)),
    (nn.Tanh(), "tanh", (1, 4, 8, 8)),
    (nn.GELU(), "gelu", (1, 4, 8, 8)),
    (nn.SiLU(), "silu", (1, 4, 8, 8)),
    (nn.ELU(), "elu", (1, 4, 8, 8)),
    (nn.LeakyReLU(), "leaky_relu", (1, 4, 8, 8)),
    (nn.PReLU(), "prelu", (1, 4, 8, 8)),
    (nn.Hardswish(), "hardswish", (1, 4, 8, 8)),
    (nn.Softmax(dim=-1), "softmax", (1, 4, 8, 8)),
    (nn.Upsample(scale_factor=2), "nearest_resample2d", (1, 4, 8, 8)),
    (networks.Attention(), "layer_norm", (1, 5, 16)),
    (nn.LSTM(8, 4), "sigmoid", (1, 5, 8)),
]


@pytest.mark.parametrize(("layer", "kind", "shape"), UNLISTED, ids=[type(layer).__name__ for layer, _, _ in UNLISTED])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_any_other_type_of_layer_is_an_error(
    layer: nn.Module, kind: str, shape: tuple[int, ...], mode: Literal["eval", "train"]
) -> None:
    with pytest.raises(UnlistedKindError, match=kind):
        reconcile.count(layer, torch.zeros(shape), convention=CONVENTION, mode=mode)


def test_one_layer_of_another_type_deep_inside_spoils_the_count() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Tanh())))
    with pytest.raises(UnlistedKindError, match=r"no rule for: tanh \(1\)"):
        reconcile.count(model, "1x4", convention=CONVENTION)


def test_maximum_pooling_has_no_formula_and_counts_nothing() -> None:
    # Not an error, unlike every other layer that is not listed: the source counts a ResNet-18, which has one.
    assert counted(nn.MaxPool2d(2), 1, 4, 8, 8) == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Identity(),
        nn.Flatten(),
        nn.ZeroPad2d(1),
        nn.PixelShuffle(2),
        nn.Softsign(),
        nn.LPPool2d(2, 2),
        nn.LocalResponseNorm(2),
        nn.FractionalMaxPool2d(2, output_size=3),
        nn.AvgPool1d(2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_of_another_type_is_an_error_even_if_it_could_be_counted_or_counts_nothing(layer: nn.Module) -> None:
    shape = "4x8x8" if isinstance(layer, nn.AvgPool1d) else "1x4x8x8"
    with pytest.raises(UnlistedKindError, match=f"torch.nn.{type(layer).__name__}"):
        reconcile.count(layer, shape, convention=CONVENTION)


# --- leaf modules ---


def test_containers_are_never_measured_even_an_empty_one() -> None:
    convolution, linear = nn.Conv2d(3, 4, 1), nn.Linear(5, 2)
    flat = nn.Sequential(convolution, linear)
    nested = nn.Sequential(
        nn.Sequential(nn.Sequential(), nn.Sequential(convolution)),
        nn.Sequential(nn.Sequential(), nn.Sequential(linear)),
    )
    by_hand = 25 * 3 * 4 + 4 * 5 * (2 * 5 + 2)  # 4 x 5 rows of 5
    assert counted(flat, 1, 3, 5, 5) == by_hand
    assert counted(nested, 1, 3, 5, 5) == by_hand
    layers = reconcile.count(nested, "1x3x5x5", convention=CONVENTION).reference.by_layer()
    assert layers == {"0.1.0": 300, "1.1.0": 240}


def test_an_empty_container_alone_counts_nothing() -> None:
    found = reconcile.count(nn.Sequential(), "1x3x5x5", convention=CONVENTION)
    assert (found.total, found.parameters, found.uncovered) == (0, 0, {})
    assert found.reference.by_layer() == {}


def test_functions_outside_of_leaf_modules_are_counted_beside_what_the_document_counts() -> None:
    class FunctionalRectifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(self.fc(x))

    found = reconcile.count(FunctionalRectifier(), "1x6", convention=CONVENTION)
    by_leaf_module = 5 * 6 + 5
    # The difference: a function that no leaf module wraps, booked on the module that calls it.
    assert found.total - by_leaf_module == 5
    assert found.reference.by_layer() == {"fc": by_leaf_module, "": 5}


# --- the model ---


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_the_model_is_left_as_it_was_found(training: bool, refused: bool) -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(), nn.Dropout()]
    model = nn.Sequential(*layers, *([nn.GELU()] if refused else []))
    model.train(training)
    layers[1].train(not training)
    state = copy.deepcopy(model.state_dict())
    attributes = {path: dict(vars(module)) for path, module in model.named_modules()}
    if refused:
        with pytest.raises(UnlistedKindError):
            reconcile.count(model, "1x3x5x5", convention=CONVENTION)
    else:
        assert counted(model, 1, 3, 5, 5) == 9 * 3 * 4 * 9 + 2 * 36 + 36
    # The source's counter replaces each leaf's forward, and puts it back with an attribute left over.
    assert not any({"forward", "old_forward"} & vars(module).keys() for module in model.modules())
    assert {path: vars(module).keys() for path, module in model.named_modules()} == {
        path: found.keys() for path, found in attributes.items()
    }
    assert [module.training for module in layers] == [training, not training, training, training, training]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_resnet18_comes_to_about_1_8_g_as_its_paper_says() -> None:
    found = reconcile.count("resnet18", "1x3x224x224", convention=CONVENTION)
    # Convolutions: 7x7 to 112 x 112; 4 of 64 filters at 56; then, for each size, one that halves the image and doubles
    # the filters, three more, and a 1x1 on the shortcut. Their outputs pass a normalization; those of the shortcut pass
    # no ReLU.
    halving = 28 * 28 * 64 * 128 * 9
    full = 56 * 56 * 64 * 64 * 9
    convolutions = 112 * 112 * 3 * 64 * 49 + 4 * full + 3 * (halving + 3 * full + 28 * 28 * 64 * 128)
    rectified = 64 * 112 * 112 + 4 * 64 * 56 * 56 + 4 * (128 * 28 * 28 + 256 * 14 * 14 + 512 * 7 * 7)
    shortcuts = 128 * 28 * 28 + 256 * 14 * 14 + 512 * 7 * 7
    by_hand = convolutions + 2 * (rectified + shortcuts) + rectified + 512 * 7 * 7 + (512 * 1000 + 1000)
    assert found.total == by_hand == 1_821_374_952
    assert f"{found.total / 1e9:.1f}" == "1.8"
    assert found.parameters == 11_689_512
    # Neither of them is among the source's formulas: a maximum pooling and eight additions of a shortcut.
    layers = found.reference.by_layer()
    assert layers["maxpool"] == 0
    additions = [atom for atom in found.reference.atoms if atom.kind == "elementwise"]
    assert len(additions) == 8
    assert all(layers[atom.layer] == 0 for atom in additions)
