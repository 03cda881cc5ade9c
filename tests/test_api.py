"""The interface for Python: what it takes, what it returns, and that it leaves everything as it found it."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

import reconcile
from reconcile.errors import ModelError, ReconcileError, UnlistedKindError
from tests import networks

TOOLS = ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo")

PRODUCTS = 2 * 8 * 64 * 27 + 2 * 128 * 10
PARAMETERS = 8 * 27 + 8 + 2 * 8 + 1280 + 10
"""Of networks.Convolutional on two images of 8 x 8."""


def image() -> torch.Tensor:
    return torch.zeros(2, 3, 8, 8)


class TwoTensors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.fc(x) + self.fc(y)


# --- count ---


def test_count_a_module_on_a_tensor() -> None:
    found = reconcile.count(networks.Convolutional(), image())
    assert (found.total, found.parameters) == (PRODUCTS, PARAMETERS)
    assert (found.model, found.input) == ("Convolutional", "2x3x8x8")
    assert (found.convention, found.unit) == ("macs", "MAC")
    assert found.uncovered == {}


@pytest.mark.parametrize(
    "inputs",
    [
        (torch.zeros(3, 4), torch.zeros(3, 4)),
        [torch.zeros(3, 4), torch.zeros(3, 4)],
        {"x": torch.zeros(3, 4), "y": torch.zeros(3, 4)},
        {"y": torch.zeros(3, 4), "x": torch.zeros(3, 4)},
        "3x4,3x4",
        "3x4,y=3x4",
    ],
    ids=["tuple", "list", "names", "names in another order", "shapes", "shapes and names"],
)
def test_several_inputs(inputs: Any) -> None:
    assert reconcile.count(TwoTensors(), inputs).total == 2 * 3 * 4 * 5


def test_shapes_as_on_the_command_line() -> None:
    assert reconcile.count(networks.Convolutional(), "2x3x8x8").total == PRODUCTS
    assert reconcile.count(nn.Embedding(5, 4), "3x6:int64").total == 0


def test_names_of_models() -> None:
    found = reconcile.count("resnet50")
    assert (found.model, found.input, found.total, found.parameters) == (
        "resnet50",
        "1x3x224x224",
        4_089_184_256,
        25_557_032,
    )
    # Twice the images, twice the products.
    for inputs in ("2x3x224x224", torch.zeros(2, 3, 224, 224), {"x": torch.zeros(2, 3, 224, 224)}):
        assert reconcile.count("resnet50", inputs).total == 2 * 4_089_184_256
    # Its own inputs: two samples of five tokens of eight numbers, to three.
    assert reconcile.count("tests.networks:two_inputs").total == 2 * 5 * 8 * 3
    assert reconcile.count("tests.networks:convolutional", "2x3x8x8").total == PRODUCTS


def test_conventions_and_modes() -> None:
    outputs = 2 * 8 * 64
    model = networks.Convolutional()
    assert reconcile.count(model, image(), convention="exact-flops").total == 2 * PRODUCTS
    # In training the normalization has to be computed, two per element.
    assert reconcile.count(model, image(), convention="exact-flops", mode="train").total == 2 * PRODUCTS + 2 * outputs
    assert reconcile.count(model, image(), convention="exact-flops").unit == "FLOP"


@pytest.mark.parametrize("by", ["model", "layer", "operator", "term"])
def test_count_as_a_table(by: Any) -> None:
    found = reconcile.count(networks.Convolutional(), image())
    frame = found.to_frame(by)
    assert list(frame.columns)[:2] == [by, "count"]
    assert frame["count"].sum() == found.total == PRODUCTS
    assert all(type(value) is int for value in frame["count"])
    assert frame[by].is_unique


def test_integers_stay_exact() -> None:
    # More than 2 ** 63 products, which no column of 64 bits holds.
    class Wide(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ x.transpose(0, 1) if x.shape[0] == 2**22 else x

    with torch.device("meta"):
        x = torch.empty(2**22, 2**22)
    assert reconcile.count(Wide(), x).total == 2**66
    assert reconcile.count(Wide(), x).to_frame("layer")["count"].sum() == 2**66


# --- compare ---


def test_compare_all_tools() -> None:
    found = reconcile.compare(networks.Convolutional(), image())
    assert found.errors == {}
    further = {"fvcore": ("activations",), "torchinfo": ("memory",)}
    assert list(found.reconciliations) == [
        (tool, metric) for tool in TOOLS for metric in ("compute", "params", *further.get(tool, ()))
    ]
    assert found.count.total == PRODUCTS
    aten = found.reconciliations["ptflops-aten", "compute"]
    assert (aten.value, aten.reference, aten.residual) == (PRODUCTS + 2 * 512 + 20, PRODUCTS, 0)
    assert aten.ratio == (PRODUCTS + 2 * 512 + 20) / PRODUCTS
    assert [(share.cause, share.delta, share.layers) for share in aten.causes] == [
        ("bias", 2 * 512 + 20, ("conv", "fc"))
    ]


def test_compare_some_tools_in_their_order() -> None:
    found = reconcile.compare(networks.Convolutional(), image(), tools=["torchinfo", "thop", "torchinfo"])
    assert [tool for tool, metric in found.reconciliations if metric == "params"] == ["torchinfo", "thop"]


def test_compare_as_a_table() -> None:
    frame = reconcile.compare(networks.Convolutional(), image(), tools=["thop", "fvcore"]).to_frame()
    assert list(frame.columns) == [
        "tool",
        "metric",
        "unit",
        "value",
        "reference",
        "difference",
        "explained",
        "residual",
    ]
    assert list(zip(frame["tool"], frame["metric"], strict=True)) == [
        ("thop", "compute"),
        ("thop", "params"),
        ("fvcore", "compute"),
        ("fvcore", "params"),
        ("fvcore", "activations"),
    ]
    assert list(frame["difference"]) == list(frame["value"] - frame["reference"])
    assert list(frame["difference"]) == list(frame["explained"] + frame["residual"])
    assert list(frame["value"]) == [PRODUCTS + 4 * 1024 + 256, PARAMETERS, PRODUCTS + 2 * 1024, PARAMETERS, 1024 + 20]
    assert all(type(value) is int for value in frame["value"])


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        ("tests.networks:two_inputs", None),
        ("tests.networks:convolutional", "2x3x8x8"),
        ("tests.networks:convolutional", torch.zeros(2, 3, 8, 8)),
    ],
)
def test_compare_names_of_models(model: str, inputs: Any) -> None:
    found = reconcile.compare(model, inputs)
    assert found.errors == {}
    assert found.count.total == (PRODUCTS if model.endswith("convolutional") else 240)
    assert all(item.residual == 0 for item in found.reconciliations.values())


def test_compare_another_convention() -> None:
    found = reconcile.compare(nn.Sequential(nn.Linear(6, 5)), "2x6", tools=["fvcore"], convention="flops")
    item = found.reconciliations["fvcore", "compute"]
    # 2 x 6 products and additions, less one, and a bias, for each of ten outputs; fvcore counts products.
    assert (item.reference, item.reference_unit, item.value, item.unit) == (120, "FLOP", 60, "MAC")
    assert item.ratio == 1


def test_a_tool_that_fails_is_an_error_and_no_other_suffers() -> None:
    class KeywordOnly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 5)

        def forward(self, *, x: torch.Tensor) -> torch.Tensor:
            return self.fc(x)

    found = reconcile.compare(KeywordOnly(), {"x": torch.zeros(3, 4)})
    assert set(found.errors) == {"thop", "fvcore"}
    assert all("UnsupportedModelError" in error and "'x'" in error for error in found.errors.values())
    assert {tool for tool, _ in found.reconciliations} == {"ptflops-pytorch", "ptflops-aten", "torchinfo"}
    assert found.reconciliations["ptflops-aten", "compute"].value == 3 * 25


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("call", [reconcile.count, reconcile.compare], ids=["count", "compare"])
def test_the_model_and_its_inputs_are_untouched(call: Callable[..., Any], training: bool) -> None:
    model, x = networks.Convolutional(), torch.rand(2, 3, 8, 8)
    model.train(training)
    model.pool.train(not training)
    handle = model.fc.register_forward_hook(lambda *_: None)
    state, inputs = copy.deepcopy(model.state_dict()), x.clone()
    attributes = {path: set(vars(module)) for path, module in model.named_modules()}
    buffers = [name for name, _ in model.named_buffers()]
    identities = [id(parameter) for parameter in model.parameters()]
    random = torch.random.get_rng_state()
    call(model, x)
    assert torch.equal(x, inputs)
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert {path: set(vars(module)) for path, module in model.named_modules()} == attributes
    assert [name for name, _ in model.named_buffers()] == buffers
    assert [id(parameter) for parameter in model.parameters()] == identities
    assert (model.training, model.bn.training, model.pool.training) == (training, training, not training)
    assert list(model.fc._forward_hooks) == [handle.id]
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), random)


def test_torch_is_left_as_it_was() -> None:
    functional, tensor, module = dict(vars(nn.functional)), dict(vars(torch.Tensor)), nn.Module.__call__
    products = torch.matmul
    reconcile.compare(networks.Convolutional(), image())
    with pytest.raises(ModelError):
        reconcile.compare(networks.Raises(), torch.zeros(1, 4))
    assert dict(vars(nn.functional)) == functional
    assert {name: vars(torch.Tensor)[name] for name in tensor} == tensor
    assert (nn.Module.__call__, torch.matmul) == (module, products)


def test_twice_the_same() -> None:
    model = networks.Attention()
    first, second = (reconcile.compare(model, torch.zeros(2, 5, 16)) for _ in range(2))
    assert first.reconciliations == second.reconciliations


# --- errors ---


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("resnet81",), {}, "unknown model 'resnet81'; did you mean resnet18"),
        (("tests.networks:nothing",), {}, "has no 'nothing'"),
        (("tests.networks:convolutional",), {}, "--input"),
        (("resnet18", "1x3xbig"), {}, "'1x3xbig'"),
        (("resnet18", "1x4x64x64"), {}, "4 channels"),
        ((networks.Convolutional(), torch.zeros(1, 4, 8, 8)), {}, "4 channels"),
        ((networks.Convolutional(),), {}, "TypeError"),
        ((networks.Raises(), torch.zeros(1, 4)), {}, "RuntimeError: the sky is falling"),
        ((networks.Convolutional(), torch.zeros(2, 3, 8, 8)), {"convention": "mac"}, "unknown convention 'mac'"),
    ],
)
@pytest.mark.parametrize("call", [reconcile.count, reconcile.compare], ids=["count", "compare"])
def test_what_is_refused(call: Callable[..., Any], arguments: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ReconcileError, match=message) as refused:
        call(*arguments, **options)
    assert "\n" not in str(refused.value)


def test_unknown_tools_are_refused_before_anything_runs() -> None:
    for tools, message in ((["tohp"], "unknown tool 'tohp'; did you mean thop"), ([], "no tool is named")):
        with pytest.raises(ReconcileError, match=message):
            reconcile.compare(networks.Raises(), torch.zeros(1, 4), tools=tools)


def test_layers_that_a_convention_does_not_list() -> None:
    with pytest.raises(UnlistedKindError, match="gelu"):
        reconcile.count(nn.Sequential(nn.GELU()), "1x3", convention="multiply-adds")


# --- in a terminal ---


def shown(found: object) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(found)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_what_a_terminal_shows() -> None:
    counted = shown(reconcile.count(networks.Convolutional(), image()))
    assert f"{PRODUCTS:,}" in counted
    assert f"{PARAMETERS:,}" in counted
    compared = shown(reconcile.compare(networks.Convolutional(), image(), tools=["ptflops-aten"]))
    assert f"{PRODUCTS + 1044:,}" in compared
    assert "bias" in compared


def test_the_seed_makes_the_values_that_control_flow_reads() -> None:
    found = [reconcile.count("tests.networks:Tossing", "1x4", seed=seed) for seed in (*range(8), *range(8))]
    values = [torch.rand(1, 4, generator=torch.Generator().manual_seed(seed))[0, 0].item() for seed in range(8)]
    by_hand = [16 if value < 0.5 else 32 for value in values]
    assert {16, 32} == set(by_hand)
    assert [count.total for count in found] == by_hand * 2
    assert [count.seed for count in found] == [*range(8), *range(8)]
    assert {count.reference.trace.execution for count in found} == {"real"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((lambda x: x, "1x4"), "a torch.nn.Module or a name, not function"),
        ((nn.Linear, "1x4"), "a torch.nn.Module or a name, not the class Linear"),
        ((None, "1x4"), "a torch.nn.Module or a name, not NoneType"),
        ((networks.Raises(), 4), "inputs must be a tensor"),
    ],
)
def test_what_is_no_model_or_input_is_one_sentence(arguments: tuple[Any, Any], says: str) -> None:
    with pytest.raises(reconcile.ReconcileError, match=says):
        reconcile.count(*arguments)


def test_what_is_no_convention_is_one_sentence() -> None:
    with pytest.raises(reconcile.ReconcileError, match="not int"):
        reconcile.count(networks.Convolutional(), image(), convention=3)  # type: ignore[arg-type]  # on purpose
