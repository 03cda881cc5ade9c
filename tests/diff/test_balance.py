"""Every difference adds up: value - reference = causes + residual, on every row and in total, and the residual is 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reconcile
from reconcile.diff import CAUSES, Reconciliation
from tests import networks

TOOLS = ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo")

Model = Callable[[], tuple[nn.Module, Any]]


class Calls(nn.Module):
    """What a function does with some layers and the inputs."""

    def __init__(self, function: Callable[..., torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(self.layers, *inputs)


def shared_convolution() -> nn.Module:
    shared = nn.Conv2d(3, 3, 1)
    return nn.Sequential(nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared, nn.BatchNorm2d(3)))


def partly_frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    return model


class Products(nn.Module):
    """Two inputs, and matrix products by functions, methods and the operator of the language."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.bmm(x, y) + torch.einsum("bij,bjk->bik", x, y) + torch.baddbmm(x @ y, x, y)


class OneLayerOnTwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.fc(x) * self.fc(y)


def attention_by_hand(_: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    return F.softmax(x.matmul(x.transpose(1, 2)), dim=-1) @ x


def cell(cls: type[nn.Module]) -> Model:
    return lambda: (Calls(lambda m, x: torch.cat([*m[0](x)]), cls(4, 5)), torch.zeros(3, 4))


def linear() -> nn.Module:
    return nn.Linear(3, 3, bias=False)


class CalledFromOutside(nn.Module):
    """A container calls one of its parts, the model then another."""

    def __init__(self) -> None:
        super().__init__()
        self.container = Calls(lambda layers, x: layers[0](x), linear(), linear())
        self.other = linear()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.container.layers[1](self.other(self.container(x)))
        assert isinstance(found, torch.Tensor)
        return found


class SharedInParts(nn.Module):
    """A container with two owners, one list of them never called; a parameter of a module and of its child; a list."""

    def __init__(self) -> None:
        super().__init__()
        shared, holder = nn.Sequential(linear(), linear()), nn.Sequential(linear())
        holder.weight = holder[0].weight
        self.listed = nn.ModuleList([shared, holder, linear()])
        self.nested = nn.Sequential(nn.Sequential(shared), holder)
        self.own = nn.ParameterList([nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.nested(self.listed[0](x)) + self.own[1]
        assert isinstance(found, torch.Tensor)
        return found


MODELS: dict[str, Model] = {
    "convolutional": lambda: (networks.Convolutional(), torch.zeros(3, 3, 8, 8)),
    "functional": lambda: (networks.Functional(), torch.zeros(3, 16)),
    "subclassed": lambda: (networks.Subclassed(), torch.zeros(2, 6)),
    "called three times": lambda: (networks.CalledThreeTimes(), torch.zeros(2, 7)),
    "two owners": lambda: (networks.TwoOwners(), torch.zeros(2, 6)),
    "tied weights": lambda: (networks.TiedWeights(), torch.zeros(2, 6)),
    "frozen": lambda: (networks.Frozen(), torch.zeros(2, 4)),
    "forward called directly": lambda: (networks.ForwardCalledDirectly(), torch.zeros(2, 5)),
    "attention": lambda: (networks.Attention(), torch.zeros(2, 5, 16)),
    "attention of one sample": lambda: (networks.Attention(), torch.zeros(1, 5, 16)),
    "attention with weights": lambda: (networks.Attention(need_weights=True), torch.zeros(2, 5, 16)),
    "attention by hand": lambda: (Calls(attention_by_hand), torch.zeros(2, 5, 4)),
    "fused attention": lambda: (
        Calls(lambda _, x: F.scaled_dot_product_attention(x, x, x)),
        torch.zeros(2, 3, 5, 4),
    ),
    "keyword inputs": networks.two_inputs,
    "reads data": lambda: (networks.ReadsData(), torch.zeros(2, 4)),
    "a layer alone": lambda: (nn.Linear(3, 4), torch.zeros(2, 3)),
    "nothing learned": lambda: (nn.ReLU(), torch.zeros(2, 3)),
    "shared convolution": lambda: (shared_convolution(), torch.zeros(2, 3, 4, 5)),
    "partly frozen": lambda: (partly_frozen(), torch.zeros(3, 4)),
    "one dimension": lambda: (
        nn.Sequential(nn.Conv1d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm1d(4), nn.ELU(), nn.AvgPool1d(2)),
        torch.zeros(2, 3, 17),
    ),
    "three dimensions": lambda: (
        nn.Sequential(nn.Conv3d(2, 4, (1, 2, 3), (1, 2, 1)), nn.BatchNorm3d(4), nn.MaxPool3d(2), nn.PReLU(4)),
        torch.zeros(2, 2, 5, 6, 7),
    ),
    "groups and dilation": lambda: (
        nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, dilation=2), nn.Conv2d(8, 8, 3, padding="same")),
        torch.zeros(2, 4, 9, 7),
    ),
    "transposed": lambda: (
        nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, groups=2), nn.ConvTranspose2d(6, 2, 2, bias=False)),
        torch.zeros(2, 4, 5, 6),
    ),
    "recurrent": lambda: (nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True), torch.zeros(3, 7, 4)),
    "recurrent, time first": lambda: (nn.Sequential(nn.GRU(4, 5)), torch.zeros(7, 3, 4)),
    "normalizations": lambda: (
        nn.Sequential(
            nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.BatchNorm2d(4, affine=False)
        ),
        torch.zeros(2, 4, 3, 5),
    ),
    "normalization over tokens": lambda: (
        nn.Sequential(nn.LayerNorm((3, 5)), nn.LayerNorm(5, bias=False), nn.RMSNorm(5)),
        torch.zeros(2, 3, 5),
    ),
    "activations": lambda: (
        nn.Sequential(nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Tanh(), nn.Hardswish(), nn.Softmax(-1), nn.LogSoftmax(-1)),
        torch.zeros(2, 5),
    ),
    "pools": lambda: (
        nn.Sequential(nn.MaxPool2d(3, 1), nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((3, 2))),
        torch.zeros(2, 3, 9, 8),
    ),
    "resampled": lambda: (
        nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.UpsamplingNearest2d(scale_factor=2)),
        torch.zeros(2, 3, 3, 4),
    ),
    "matrix products": lambda: (Products(), (torch.zeros(2, 3, 4), torch.zeros(2, 4, 5))),
    "embedding": lambda: (nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 2)), torch.zeros(3, 6, dtype=torch.int64)),
    "several inputs": lambda: (OneLayerOnTwoInputs(), (torch.zeros(3, 4), torch.zeros(3, 4))),
    "a cell": cell(nn.RNNCell),
    "a gated cell": cell(nn.GRUCell),
    "a long short-term cell": cell(nn.LSTMCell),
    # nn.TransformerEncoderLayer keeps F.relu when it is made, so what ptflops puts in its place is never called.
    "a function that was kept": lambda: (
        nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)),
        torch.zeros(2, 3, 8),
    ),
    # Elements of one sample, 8 and 32, by 3 samples: 40 / 3 is 13, though 8 / 3 and 32 / 3 make 2 and 10.
    "a quotient that is rounded once": lambda: (
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2)),
        torch.zeros(3, 1, 1, 2),
    ),
    "a part called from outside": lambda: (CalledFromOutside(), torch.zeros(2, 3)),
    "shared in parts": lambda: (SharedInParts(), torch.zeros(2, 3)),
    "in place": lambda: (Calls(lambda m, x: F.relu_(m[0](x)).add_(1), nn.Linear(4, 3)), torch.zeros(2, 4)),
}


def comparison(model: nn.Module, inputs: Any, tools: Sequence[str] = TOOLS, convention: str = "macs") -> Any:
    found = reconcile.compare(model, inputs, tools=tools, convention=convention)
    assert not found.errors
    return found


def check_sums(item: Reconciliation) -> None:
    """What holds whatever the residual is."""
    assert item.value - item.reference == item.difference == item.explained + item.residual
    assert sum(layer.value for layer in item.layers) == item.value
    assert sum(layer.reference for layer in item.layers) == item.reference
    assert sum(layer.residual for layer in item.layers) == item.residual
    assert sum(share.delta for share in item.causes) == item.explained
    assert len({layer.layer for layer in item.layers}) == len(item.layers)
    for layer in item.layers:
        assert layer.value - layer.reference == layer.difference == sum(layer.causes.values()) + layer.residual
        assert set(layer.causes) <= set(CAUSES)
        assert "unexplained" not in layer.causes
        assert 0 not in layer.causes.values()


def causes(
    model: nn.Module, inputs: Any, tool: str, metric: str = "compute", convention: str = "macs"
) -> dict[str, int]:
    item = comparison(model, inputs, [tool], convention).reconciliations[tool, metric]
    check_sums(item)
    assert item.residual == 0
    return {share.cause: share.delta for share in item.causes}


def row(model: nn.Module, inputs: Any, tool: str, layer: str, metric: str = "compute") -> Any:
    layers = comparison(model, inputs, [tool]).reconciliations[tool, metric].layers
    return next(found for found in layers if found.layer == layer)


@pytest.mark.parametrize("convention", ["macs", "flops"])
@pytest.mark.parametrize("name", MODELS)
def test_every_row_balances_and_nothing_is_unexplained(name: str, convention: str) -> None:
    model, inputs = MODELS[name]()
    found = comparison(model, inputs, convention=convention)
    count = found.count
    references = {"compute": count.total, "params": count.parameters, "activations": count.activations}
    references["memory"] = count.memory.written_bytes
    further = {("fvcore", "activations"), ("torchinfo", "memory")}
    assert set(found.reconciliations) == further | {(tool, name) for tool in TOOLS for name in ("compute", "params")}
    for (tool, metric), item in found.reconciliations.items():
        check_sums(item)
        assert item.reference == references[metric]
        assert {layer.layer: layer.residual for layer in item.layers if layer.residual} == {}, tool


# --- causes worked out by hand ---


def test_causes_on_a_convolutional_network() -> None:
    batch = 3
    products = batch * 8 * 64 * 27 + batch * 128 * 10
    elements = batch * 8 * 64  # of what the convolution, the normalization and ReLU return
    pooled = batch * 8 * 16
    biases = elements + batch * 10
    model, x = networks.Convolutional(), torch.zeros(batch, 3, 8, 8)
    assert comparison(model, x).count.total == products
    # thop: no biases, 2 per element of a normalization and that twice with scale and shift, 1 per output of the pool.
    assert causes(model, x, "thop") == {"normalization": 4 * elements, "pooling": pooled}
    assert causes(model, x, "ptflops-aten") == {"bias": biases}
    assert causes(model, x, "fvcore") == {"normalization": 2 * elements}
    # torchinfo: scale and shift of 8 channels for each sample.
    assert causes(model, x, "torchinfo") == {"bias": biases, "normalization": batch * 16}
    # ptflops: 2 per normalized element, 1 per activation, 1 per element that goes into the pool; and all that by the
    # sample; nn.ReLU calls F.relu and nn.AvgPool2d F.avg_pool2d, whose counts are not divided.
    modules = products + biases + 2 * elements + elements + 4 * pooled
    assert causes(model, x, "ptflops-pytorch") == {
        "bias": biases,
        "normalization": 2 * elements,
        "activation": elements,
        "pooling": 4 * pooled,
        "batch": modules // batch - modules,
        "double-counting": elements + 4 * pooled,
    }


def test_causes_stand_on_their_layers() -> None:
    model, x = networks.Convolutional(), torch.zeros(2, 3, 8, 8)
    norm = row(model, x, "fvcore", "bn")
    assert (norm.layer_type, norm.calls, norm.value, norm.reference) == ("torch.nn.BatchNorm2d", 1, 2048, 0)
    assert dict(norm.causes) == {"normalization": 2 * 2 * 8 * 64}
    linear = row(model, x, "ptflops-aten", "fc")
    assert (linear.value, linear.reference, dict(linear.causes)) == (2 * 1290, 2 * 1280, {"bias": 20})
    functions = row(model, x, "ptflops-pytorch", "(functions)")
    assert (functions.layer_type, functions.calls, functions.reference) == ("", 0, 0)
    assert dict(functions.causes) == {"double-counting": 2 * 8 * 64 + 2 * 8 * 64}


def test_causes_against_a_reference_of_operations() -> None:
    # A product of 2 x 6 by 6 x 5: n products and n - 1 additions per output, and a bias; a tool that counts products.
    model, x = nn.Sequential(nn.Linear(6, 5)), torch.zeros(2, 6)
    unit = 2 * 5 * 6 - 2 * 5 * (2 * 6 - 1)
    assert causes(model, x, "fvcore", convention="exact-flops") == {"unit": unit, "bias": -2 * 5}
    assert causes(model, x, "ptflops-aten", convention="exact-flops") == {"unit": unit}


def test_unseen_functions() -> None:
    # Three products of 3 x 16 by 16 x 16, none of them in a module's call.
    products = 3 * (3 * 16 * 16)
    model, x = networks.Functional(), torch.zeros(3, 16)
    assert causes(model, x, "thop") == {"unseen-function": -products}
    assert causes(model, x, "torchinfo") == {"unseen-function": -products}
    # ptflops replaces torch.matmul, F.relu and F.softmax, but neither F.linear nor the operator @; what it sees it
    # books on no module.
    found = causes(model, x, "ptflops-pytorch")
    assert {cause: delta for cause, delta in found.items() if delta} == {
        "unseen-function": -2 * 3 * 16 * 16,
        "activation": 3 * 16,
        "softmax": 3 * 16,
    }
    assert row(model, x, "ptflops-pytorch", "(functions)").value == 3 * 16 * 16 + 3 * 16 + 3 * 16
    assert causes(model, x, "ptflops-aten") == {"bias": 3 * 16}
    assert causes(model, x, "fvcore") == {}


def test_a_call_of_forward_is_unseen() -> None:
    model, x = networks.ForwardCalledDirectly(), torch.zeros(2, 5)
    assert causes(model, x, "thop") == {"unseen-function": -50}
    assert causes(model, x, "torchinfo") == {"unseen-function": -50}
    assert causes(model, x, "fvcore") == {}


def test_unsupported_layers() -> None:
    # A subclass of Linear from 5 to 4: products of 2 samples, and its parameters.
    model, x = networks.Subclassed(), torch.zeros(2, 6)
    assert causes(model, x, "thop") == {"unsupported-layer": -2 * 5 * 4}
    assert causes(model, x, "thop", "params") == {"unsupported-layer": -(5 * 4 + 4)}
    counted = 2 * 6 * 5 + 2 * 5
    assert causes(model, x, "ptflops-pytorch") == {
        "unsupported-layer": -2 * 5 * 4,
        "bias": 2 * 5,
        "batch": counted // 2 - counted,
    }
    assert causes(model, x, "torchinfo") == {"bias": 2 * 5 + 2 * 4}  # by the class's name, not its type


def test_reuse_of_a_layer_with_two_owners() -> None:
    once = 2 * 6 * 6  # products of one call; two calls are the reference
    model, x = networks.TwoOwners(), torch.zeros(2, 6)
    # thop hooks it once for each owner and reports it under each: 4 times what runs.
    assert causes(model, x, "thop") == {"reuse": (2 * 2 - 1) * 2 * once}
    assert causes(model, x, "thop", "params") == {"reuse": 6 * 6 + 6}
    # ptflops reports it under each: twice what runs, all of it by the sample.
    linear, relu = 2 * once + 2 * 12, 12
    assert causes(model, x, "ptflops-pytorch") == {
        "bias": 2 * 12,
        "activation": relu,
        "double-counting": relu,
        "reuse": linear,
        "batch": -linear - relu // 2,
    }
    assert causes(model, x, "fvcore") == {}
    assert causes(model, x, "fvcore", "params") == {}


def test_a_layer_that_runs_three_times_is_one_row() -> None:
    found = row(networks.CalledThreeTimes(), torch.zeros(2, 7), "torchinfo", "layer")
    assert (found.calls, found.value, found.reference) == (3, 3 * 2 * (49 + 7), 3 * 2 * 49)
    assert dict(found.causes) == {"bias": 3 * 2 * 7}


def test_reuse_of_a_parameter() -> None:
    model, x = networks.TiedWeights(), torch.zeros(2, 6)
    for tool in ("thop", "torchinfo"):
        found = causes(model, x, tool, "params")
        assert found.pop("container", 0) == 0  # on which row torchinfo has it
        assert found == {"reuse": 36}
    assert dict(row(model, x, "thop", "second", "params").causes) == {"reuse": 36}
    for tool in ("ptflops-pytorch", "ptflops-aten", "fvcore"):
        assert causes(model, x, tool, "params") == {}


def test_a_shared_parameter_on_each_of_its_owners() -> None:
    # Of each module all parameters below it, less the same of its children: 36 shared weights are taken off twice.
    model, x = networks.TiedWeights(), torch.zeros(2, 6)
    for tool in ("calflops-flops", "calflops-macs"):
        assert causes(model, x, tool, "params") == {"reuse": 0}
        found = {layer: row(model, x, tool, layer, "params") for layer in ("", "first", "second")}
        assert {layer: (item.value, item.reference) for layer, item in found.items()} == {
            "": (-36, 0),
            "first": (42, 42),
            "second": (42, 6),
        }
        assert [dict(item.causes) for item in found.values()] == [{"reuse": -36}, {}, {"reuse": 36}]


def test_a_shared_layer_in_a_summary() -> None:
    # It stands below its last owner, though the first calls it first: both containers keep its 42 parameters, too.
    model, x = networks.TwoOwners(), torch.zeros(2, 6)
    assert causes(model, x, "torchinfo", "params") == {"reuse": 2 * 42}
    found = {layer: row(model, x, "torchinfo", layer, "params") for layer in ("", "left", "left.0", "right")}
    assert {layer: item.value for layer, item in found.items()} == {"": 0, "left": 42, "left.0": 42, "right": 42}


def test_frozen_and_untraced_parameters() -> None:
    model, x = networks.Frozen(), torch.zeros(2, 4)
    assert causes(model, x, "ptflops-pytorch", "params") == {"frozen": -(4 * 4 + 4)}
    assert causes(model, x, "ptflops-aten", "params") == {"frozen": -(4 * 4 + 4)}
    # A linear layer from 3 to 3 that never runs, and 4 numbers that the model itself owns.
    assert causes(model, x, "thop", "params") == {"untraced": -(3 * 3 + 3), "container": -4}
    assert causes(model, x, "fvcore", "params") == causes(model, x, "torchinfo", "params") == {}


def test_attention() -> None:
    batch, tokens, width, heads = 2, 5, 16, 4
    projections = batch * tokens * width * (3 * width + width)
    products = 2 * batch * tokens * tokens * width
    elements = batch * tokens * width
    model, x = networks.Attention(), torch.zeros(batch, tokens, width)
    assert comparison(model, x).count.total == projections + products
    # No rule for the container; the two products have a cause of their own.
    assert causes(model, x, "thop") == {
        "unsupported-layer": -projections,
        "attention": -products,
        "normalization": 4 * elements,
    }
    # One fused operator that it does not know; the output's bias is added with its product, the other three are not.
    assert causes(model, x, "ptflops-aten") == {"attention": -products, "bias": elements}
    assert causes(model, x, "fvcore") == {"attention": -products, "normalization": 5 * elements}
    # By its own formula: biases, a scaling of the queries, one per score for softmax; a normalization without scale.
    softmax, scores = batch * heads * tokens * tokens, projections + products
    counted = scores + 4 * elements + softmax + elements
    assert causes(model, x, "ptflops-pytorch") == {
        "bias": 4 * elements,
        "softmax": softmax,
        "elementwise": elements,
        "normalization": elements,
        "batch": (counted + elements) // batch - (counted + elements),
    }


def test_a_handler_on_a_container_is_booked_there() -> None:
    # ptflops knows MultiheadAttention and does not descend: its output's projection is booked on the container.
    model, x = networks.Attention(), torch.zeros(1, 5, 16)
    found = comparison(model, x, ["ptflops-pytorch"]).reconciliations["ptflops-pytorch", "compute"]
    assert "attention.out_proj" not in {layer.layer for layer in found.layers}
    (container,) = (layer for layer in found.layers if layer.layer == "attention")
    assert container.reference == 5 * 16 * 64 + 2 * 25 * 16


def test_batch() -> None:
    for batch in (1, 2, 7):
        counted = batch * (6 * 5 + 5)
        expected = {"bias": batch * 5} | ({"batch": counted // batch - counted} if batch > 1 else {})
        assert causes(nn.Sequential(nn.Linear(6, 5)), torch.zeros(batch, 6), "ptflops-pytorch") == expected


def test_double_counting_of_a_module_that_calls_a_function() -> None:
    model, x = nn.Sequential(nn.GELU(), nn.AdaptiveAvgPool2d(1)), torch.zeros(1, 2, 3, 5)
    assert causes(model, x, "ptflops-pytorch") == {"activation": 30, "pooling": 30, "double-counting": 60}
    without = nn.Sequential(nn.BatchNorm2d(2), nn.Linear(5, 1, bias=False))
    assert causes(without, x, "ptflops-pytorch") == {"normalization": 60}


def test_rounding_of_a_general_einsum() -> None:
    # fvcore reads 2 * 101 * 103 * 107 = 2226242 products and additions from a text with four digits: 2.226e+6.
    model = Calls(lambda _, x, y: torch.einsum("ij,jk->ik", x, y))
    inputs = (torch.zeros(101, 103), torch.zeros(103, 107))
    assert 101 * 103 * 107 == 1_113_121
    assert causes(model, inputs, "fvcore") == {"rounding": 1_113_000 - 1_113_121}


def test_another_formula() -> None:
    # thop takes a transposed convolution for a convolution: by the output's positions, 11 x 13, not the input's, 5 x 6.
    model, x = nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, bias=False)), torch.zeros(1, 4, 5, 6)
    assert causes(model, x, "thop") == {"formula": (11 * 13 - 5 * 6) * 4 * 6 * 9}


def test_padding_given_as_a_word_is_another_operator() -> None:
    # aten::_convolution_mode in the graph, for which fvcore has no handler: the convolution is left out, which is no
    # matter of units.
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same", bias=False)), torch.zeros(1, 3, 5, 5)
    assert causes(model, x, "fvcore") == {"unsupported-layer": -25 * 3 * 4 * 9}


def test_a_quotient_is_rounded_for_each_layer_and_for_the_sum() -> None:
    model, x = MODELS["a quotient that is rounded once"]()
    assert row(model, x, "ptflops-pytorch", "(rounding)").causes == {"rounding": 13 - (2 + 10)}
    assert [row(model, x, "ptflops-pytorch", layer).value for layer in "01"] == [2, 10]


def test_several_inputs_are_one_sample() -> None:
    # Several inputs are given by keyword, as the documentation says, and without one by position ptflops assumes a
    # batch of one.
    inputs = (torch.zeros(3, 4), torch.zeros(3, 4))
    assert row(OneLayerOnTwoInputs(), inputs, "ptflops-pytorch", "fc").value == 2 * 3 * (4 * 5 + 5)
    assert causes(OneLayerOnTwoInputs(), inputs, "ptflops-pytorch") == {"bias": 2 * 3 * 5}


@pytest.mark.parametrize(("cls", "gates"), [(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)])
def test_what_a_cell_consists_of_stands_in_the_graph(cls: type[nn.Module], gates: int) -> None:
    # Products of an input of 4 and a state of 5, for each gate of 5, of 3 samples.
    model, inputs = cell(cls)()
    found = row(model, inputs, "fvcore", "layers.0")
    assert (found.value, found.reference) == (3 * gates * 5 * 9, 3 * gates * 5 * 9)
    assert dict(found.causes) == {}


# --- what stays unexplained is seen ---


def unexplained(
    model: nn.Module, inputs: Any, tool: str, metric: str = "compute"
) -> tuple[Reconciliation, dict[str, int]]:
    item = comparison(model, inputs, [tool]).reconciliations[tool, metric]
    check_sums(item)
    return item, {layer.layer: layer.residual for layer in item.layers if layer.residual}


# --- formulas of a tool's own ---


OWN_FORMULAS: dict[str, tuple[Model, int]] = {
    # sum() adds by the operator of the language, which ptflops does not replace: the layers alone, by the sample.
    "a sum of a list": (
        lambda: (
            Calls(lambda m, x: sum(layer(x) for layer in m), nn.Linear(4, 3), nn.Linear(4, 3)),
            torch.zeros(2, 4),
        ),
        2 * (4 * 3 + 3),
    ),
    # By scales, 150 x 1.5 x 1.5 cut off, and not by the 7 x 7 positions of the output.
    "a scale that is no integer": (
        lambda: (Calls(lambda _, x: F.interpolate(x, scale_factor=1.5)), torch.zeros(2, 3, 5, 5)),
        337,
    ),
    # Keys and values of other widths are projected to those widths: 40 for the scaling, then queries, keys, values,
    # biases, two heads of scores, softmax and values, and the output by the values' width; of one sample.
    "attention over keys and values of other widths": (
        lambda: (
            Calls(
                lambda m, x: m[0](x, x[..., :4], x[..., :6], need_weights=False)[0],
                nn.MultiheadAttention(8, 2, kdim=4, vdim=6, batch_first=True),
            ),
            torch.zeros(3, 5, 8),
        ),
        40 + 5 * 64 + 5 * 16 + 5 * 36 + 15 * 8 + 2 * (25 * 4 + 25 + 25 * 3) + 5 * 6 * 7,
    ),
    # The output's bias, one per element of 5 x 8, is counted whether there is one or not.
    "attention without biases": (
        lambda: (
            Calls(
                lambda m, x: m[0](x, x, x, need_weights=False)[0],
                nn.MultiheadAttention(8, 2, bias=False, batch_first=True),
            ),
            torch.zeros(3, 5, 8),
        ),
        40 + 4 * 5 * 64 + 2 * (25 * 4 + 25 + 25 * 4) + 40,
    ),
}


@pytest.mark.parametrize("name", OWN_FORMULAS)
def test_formulas_of_ptflops_own(name: str) -> None:
    build, value = OWN_FORMULAS[name]
    item, rows = unexplained(*build(), "ptflops-pytorch")
    assert (item.value, rows) == (value, {})


def test_a_number_that_no_rule_predicts_is_a_residual(monkeypatch: pytest.MonkeyPatch) -> None:
    import thop

    real = thop.profile

    @wraps(real)
    def one_more(*args: Any, **kwargs: Any) -> Any:
        operations, parameters, layers = real(*args, **kwargs)
        name, (own, of_layer, below) = next(iter(layers.items()))
        return operations + 11, parameters + 5, layers | {name: (own + 4, of_layer + 5, below)}

    monkeypatch.setattr(thop, "profile", one_more)
    model, x = nn.Sequential(nn.Linear(6, 5)), torch.zeros(2, 6)
    item, rows = unexplained(model, x, "thop")
    assert (item.value, item.explained, item.residual, rows) == (60 + 11, 0, 11, {"": 7, "0": 4})
    params, rows = unexplained(model, x, "thop", "params")
    assert (params.value, params.explained, params.residual, rows) == (35 + 5, 0, 5, {"0": 5})
