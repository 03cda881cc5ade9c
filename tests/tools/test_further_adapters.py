"""Adapters of torch's own counters and of torchprofile, flopth and mmengine: numbers worked out by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from reconcile.execution import ValuesNeededError, WithoutArithmetic
from reconcile.tools import METRICS, Adapter, Metric, ToolReport, UnsupportedModelError, check_report, version_of
from reconcile.tools.flop_counter import FlopCounter, FlopCounterNoGrad
from reconcile.tools.flopth import Flopth
from reconcile.tools.mmengine import Mmengine
from reconcile.tools.torch_profiler import TorchProfiler
from reconcile.tools.torchprofile import Torchprofile
from tests import networks

COLUMNS: dict[str, Adapter] = {
    column.name: column
    for column in (FlopCounter(), FlopCounterNoGrad(), TorchProfiler(), Torchprofile(), Flopth(), Mmengine())
}
BY_POSITION = ("torchprofile", "flopth", "mmengine")
"""Columns of tools that take tensors by position only."""


def measure(column: str, model: nn.Module, *args: Any, **kwargs: Any) -> ToolReport:
    report = COLUMNS[column].measure(model.eval(), args, kwargs)
    check_report(report)
    return report


def total(column: str, model: nn.Module, *args: Any, metric: Metric = "compute", **kwargs: Any) -> int:
    return measure(column, model, *args, **kwargs).measurements[metric].total


def layers(column: str, model: nn.Module, *args: Any, metric: Metric = "compute") -> dict[str, int]:
    found = measure(column, model, *args).measurements[metric].layers
    return {path: value for path, value in found.items() if value}


def doubled(values: dict[str, int]) -> dict[str, int]:
    return {path: 2 * value for path, value in values.items()}


class WithSetting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4, bias=False)

    def forward(self, x: torch.Tensor, times: Any) -> torch.Tensor:
        for _ in range(times if isinstance(times, int) else len(times)):
            x = self.fc(x)
        return x


class Hiding(nn.Module):
    """Calls layers that are none of its own, one of its own class."""

    def __init__(self, hidden: nn.Module) -> None:
        super().__init__()
        self.own = nn.Linear(4, 4)
        self.hidden = [hidden.requires_grad_(False)]  # torch.jit takes no other parameters of strangers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own(self.hidden[0](x)) @ torch.zeros(4, 3)


class Borrowing(nn.Module):
    """A layer that calls another one's layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lender = nn.Linear(4, 4)
        self.borrower = Hiding(self.lender)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.borrower(x)


def nested() -> nn.Module:
    return nn.Sequential(
        nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU()), nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
    )


# --- columns ---


def test_columns_have_names_units_and_versions() -> None:
    assert list(COLUMNS) == [
        "flop-counter", "flop-counter-no-grad", "torch-profiler", "torchprofile", "flopth", "mmengine",
    ]  # fmt: skip  # one entry a line would fill the page
    assert {name: column.unit for name, column in COLUMNS.items()} == {
        "flop-counter": "FLOP",
        "flop-counter-no-grad": "FLOP",
        "torch-profiler": "FLOP",
        "torchprofile": "MAC",
        "flopth": "FLOP",
        "mmengine": "MAC",
    }
    assert all(column.summary and version_of(column) for column in COLUMNS.values())


@pytest.mark.parametrize("column", COLUMNS)
def test_metrics(column: str) -> None:
    more: dict[str, tuple[Metric, ...]] = {"flopth": ("params",), "mmengine": ("params", "activations")}
    found = measure(column, nn.Sequential(nn.Linear(3, 2)), torch.zeros(1, 3)).measurements
    assert tuple(metric for metric in METRICS if metric in found) == ("compute", *more.get(column, ()))


# --- numbers by hand ---


def test_convolution_normalization_and_pooling() -> None:
    x = torch.zeros(2, 3, 8, 8)
    outputs = 2 * 8 * 8 * 8
    products = {"conv": outputs * 3 * 3 * 3, "fc": 2 * 128 * 10}
    for column in ("flop-counter", "flop-counter-no-grad"):
        assert layers(column, networks.Convolutional(), x) == doubled(products)
    assert total("torch-profiler", networks.Convolutional(), x) == 2 * sum(products.values())
    # One product for each element of a normalization with weights, and for each output of the pooling.
    assert layers("torchprofile", networks.Convolutional(), x) == products | {"bn": outputs, "pool": 2 * 8 * 4 * 4}
    # The convolution's bias, but not the linear layer's; pooling by its input.
    assert layers("flopth", networks.Convolutional(), x) == products | {
        "conv": products["conv"] + outputs,
        "bn": 2 * outputs,
        "relu": outputs,
        "pool": outputs,
    }
    assert layers("mmengine", networks.Convolutional(), x) == products | {"bn": 2 * outputs}
    assert layers("mmengine", networks.Convolutional(), x, metric="activations") == {"conv": outputs, "fc": 2 * 10}


def test_parameters() -> None:
    x = torch.zeros(2, 3, 8, 8)
    parameters = {"conv": 8 * 27 + 8, "bn": 2 * 8, "fc": 10 * 128 + 10}
    assert layers("mmengine", networks.Convolutional(), x, metric="params") == parameters
    assert layers("flopth", networks.Convolutional(), x, metric="params") == {"": sum(parameters.values())}
    # 4 x 4 + 4 that are not trained, 3 x 3 + 3 that never run, 4 that the container owns.
    found = layers("mmengine", networks.Frozen(), torch.zeros(2, 4), metric="params")
    assert found == {"": 4, "frozen": 20, "unused": 12}
    # One weight of 6 x 6 for both, and the biases.
    found = layers("mmengine", networks.TiedWeights(), torch.zeros(2, 6), metric="params")
    assert found == {"first": 42, "second": 6}
    assert total("flopth", networks.TiedWeights(), torch.zeros(2, 6), metric="params") == 48


def test_a_linear_layer_on_three_axes() -> None:
    model, x = nn.Sequential(nn.Linear(6, 4)), torch.zeros(2, 5, 6)
    products = 2 * 5 * 6 * 4
    expected = {
        "flop-counter": 2 * products,
        "flop-counter-no-grad": 2 * products,
        "torch-profiler": 2 * products,
        "torchprofile": products,
        "flopth": 2 * 5 * 5,  # the batch times the second axes of input and output
        "mmengine": products,
    }
    assert {column: total(column, model, x) for column in COLUMNS} == expected
    assert total("mmengine", model, x, metric="activations") == 2 * 5 * 4


def test_a_layer_that_runs_three_times() -> None:
    x = torch.zeros(2, 7)
    once = 2 * 7 * 7
    assert layers("flop-counter", networks.CalledThreeTimes(), x) == {"layer": 2 * 3 * once}
    assert layers("flop-counter-no-grad", networks.CalledThreeTimes(), x) == {"layer": 2 * 3 * once}
    assert layers("torch-profiler", networks.CalledThreeTimes(), x) == {"": 2 * 3 * once}
    assert layers("torchprofile", networks.CalledThreeTimes(), x) == {"layer": 3 * once}
    assert layers("flopth", networks.CalledThreeTimes(), x) == {"layer": once}  # the last call
    assert layers("mmengine", networks.CalledThreeTimes(), x) == {"layer": 3 * once}
    assert layers("mmengine", networks.CalledThreeTimes(), x, metric="activations") == {"layer": 3 * 2 * 7}


def test_nested_containers() -> None:
    x = torch.zeros(5, 4)
    products = {"0.0": 5 * 4 * 3, "1.0": 5 * 3 * 2}
    for column in ("flop-counter", "flop-counter-no-grad"):
        assert layers(column, nested(), x) == doubled(products)
    assert layers("torch-profiler", nested(), x) == {"": 2 * 90}
    assert layers("torchprofile", nested(), x) == products
    assert layers("flopth", nested(), x) == products | {"0.1": 5 * 3}
    assert layers("mmengine", nested(), x) == products
    assert layers("mmengine", nested(), x, metric="params") == {"0.0": 12, "1.0": 8}
    assert layers("mmengine", nested(), x, metric="activations") == {"0.0": 15, "1.0": 10}


def test_attention() -> None:
    x = torch.zeros(2, 5, 16)
    elements = 2 * 5 * 16
    projections = 10 * 16 * 48 + 10 * 16 * 16
    inner = 2 * (2 * 4 * 5 * 5 * 4)  # queries by keys and weights by values: batch, heads, positions twice, features
    # With autograd the kernel of the CPU has no formula; without it one operator does it all, and has none either.
    assert layers("flop-counter", networks.Attention(), x) == {"attention": 2 * projections}
    assert layers("flop-counter-no-grad", networks.Attention(), x) == {}
    assert layers("flop-counter", networks.Attention(need_weights=True), x) == {"attention": 2 * (projections + inner)}
    assert total("torch-profiler", networks.Attention(), x) == 2 * projections + elements  # and the residual's sum
    # It also counts four products of the shapes' own numbers.
    expected = {"norm": elements, "attention": projections + inner + 4}
    assert layers("torchprofile", networks.Attention(), x) == expected
    assert layers("flopth", networks.Attention(), x) == {"norm": elements}
    assert layers("mmengine", networks.Attention(), x) == {"norm": 5 * elements, "attention": projections}
    assert layers("mmengine", networks.Attention(), x, metric="activations") == {"attention": 10 * 48 + 10 * 16}


def test_the_profiler_counts_sums_and_products_but_not_in_place() -> None:
    class Elements(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = (x + 1) * 2  # each of 12
            y += x
            y *= x
            return y - x

    assert total("torch-profiler", Elements(), torch.zeros(3, 4)) == 24
    assert total("torch-profiler", nn.Conv1d(3, 4, 3), torch.zeros(1, 3, 8)) == 0
    assert total("torch-profiler", nn.Conv2d(4, 8, 3, groups=2), torch.zeros(1, 4, 5, 5)) == 2 * 8 * 3 * 3 * 2 * 9


# --- layers ---


@pytest.mark.parametrize("column", ["flop-counter", "torchprofile", "mmengine"])
def test_where_operations_are_booked(column: str) -> None:
    unit = 2 if column == "flop-counter" else 1
    # Called past its hooks: with the module that calls it.
    assert layers(column, networks.ForwardCalledDirectly(), torch.zeros(2, 5)) == {"": unit * 2 * 5 * 5}
    # Two owners: under the first name.
    assert layers(column, networks.TwoOwners(), torch.zeros(2, 6)) == {"left.0": unit * 2 * 2 * 6 * 6}
    # Functions: with the module that calls them.
    assert layers(column, networks.Functional(), torch.zeros(3, 16)) == {"": unit * 3 * 3 * 16 * 16}
    # One layer alone.
    assert layers(column, nn.Linear(4, 3), torch.zeros(2, 4)) == {"": unit * 2 * 4 * 3}


@pytest.mark.parametrize("column", ["flop-counter", "flop-counter-no-grad", "torchprofile"])
def test_layers_that_the_model_does_not_own(column: str) -> None:
    unit = 1 if column == "torchprofile" else 2
    linear, product = unit * 2 * 4 * 4, unit * 2 * 4 * 3
    x = torch.zeros(2, 4)
    assert layers(column, Hiding(nn.Linear(4, 4)), x) == {"": linear + product, "own": linear}
    inner = Hiding(nn.Linear(4, 4))
    outer = Hiding(nn.Sequential(inner, nn.Linear(3, 4)))  # two of one class, and none is the other's part
    assert layers(column, outer, x) == {"": linear + product + linear + unit * 24 + product, "own": linear}
    assert layers(column, Borrowing(), x) == {"lender": linear, "borrower.own": linear, "borrower": product}


def test_layers_are_those_of_the_counter_itself() -> None:
    for model, x in (
        (networks.Convolutional(), torch.zeros(2, 3, 8, 8)),
        (nested(), torch.zeros(5, 4)),
        (networks.Attention(need_weights=True), torch.zeros(2, 5, 16)),
        (torchvision.models.squeezenet1_1(), torch.zeros(1, 3, 64, 64)),
    ):
        with FlopCounterMode(display=False) as counter:
            model.eval()(x)
        own = layers("flop-counter", model, x)
        root = type(model).__name__
        said = {key: sum(values.values()) for key, values in counter.get_flop_counts().items()}
        assert len(said) > 2
        for key, value in said.items():
            path = key.removeprefix(root).removeprefix(".") if key != "Global" else ""
            below = (layer for layer in own if path in ("", layer) or layer.startswith(f"{path}."))
            assert sum(own[layer] for layer in below) == value, key


def test_scopes_do_not_change_what_torchprofile_counts() -> None:
    from torchprofile import profile_macs

    for model, x in (
        (networks.Convolutional(), torch.zeros(2, 3, 8, 8)),
        (networks.TwoOwners(), torch.zeros(2, 6)),
        (networks.Attention(need_weights=True), torch.zeros(2, 5, 16)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that torch.jit takes for constants
            said = profile_macs(model.eval(), x)
        assert total("torchprofile", model, x) == said


def test_mmengine_is_what_its_summary_says() -> None:
    from mmengine.analysis import get_model_complexity_info

    model, x = networks.Convolutional().eval(), torch.zeros(2, 3, 8, 8)
    said = get_model_complexity_info(model, inputs=(x,), show_table=False, show_arch=False)
    found = measure("mmengine", model, x).measurements
    assert {name: found[name].total for name in found} == {
        "compute": said["flops"],
        "params": said["params"],
        "activations": said["activations"],
    }


# --- remarks ---


def test_what_has_no_rule_is_a_remark() -> None:
    model, x = nn.Sequential(nn.Softplus(), nn.Softplus(), nn.Softsign(), nn.Linear(3, 3)), torch.zeros(2, 3)
    softplus = "no rule for aten::softplus: 2 calls"
    assert measure("torchprofile", model, x).notes == (softplus,)
    assert measure("mmengine", model, x).notes == (
        "no rule for aten::abs: 1 calls",
        "no rule for aten::add: 1 calls",
        "no rule for aten::div: 1 calls",
        softplus,
    )
    assert measure("flopth", model, x).notes == ("no rule for Softplus: 2 calls", "no rule for Softsign: 1 calls")
    for column in COLUMNS:
        assert measure(column, nn.Sequential(nn.Linear(3, 3)), x).notes == ()


def test_nothing_is_printed_and_no_warning_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    model, x = nn.Sequential(nn.Softplus(), nn.Linear(3, 3), nn.Identity()), torch.zeros(2, 3)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for column in COLUMNS:
            if column != "torch-profiler":  # which says on standard error that it starts and stops
                measure(column, model, x)
    assert capfd.readouterr() == ("", "")


# --- inputs ---


@pytest.mark.parametrize("column", COLUMNS)
def test_several_inputs(column: str) -> None:
    # fc on 3 and on 2 rows, and a product of 3 x 5 by 5 x 2.
    products = (3 + 2) * 4 * 5 + 3 * 5 * 2
    expected = {"torchprofile": products, "mmengine": products, "flopth": 2 * 4 * 5}.get(column, 2 * products)
    x, y = torch.zeros(3, 4), torch.zeros(2, 4)
    assert total(column, networks.TwoTensors(), x, y) == expected
    assert total(column, networks.TwoTensors(), x, y=y) == expected
    assert total(column, networks.TwoTensors(), y=y, x=x) == expected


@pytest.mark.parametrize("column", COLUMNS)
def test_an_input_by_keyword_only(column: str) -> None:
    inputs = {"x": torch.zeros(2, 4), "scale": torch.ones(1)}
    if column in BY_POSITION:
        with pytest.raises(UnsupportedModelError, match="'scale'"):
            measure(column, networks.WithKeywordOnly(), **inputs)
    else:
        scaled = 2 * 5 if column == "torch-profiler" else 0
        assert total(column, networks.WithKeywordOnly(), **inputs) == 2 * 2 * 4 * 5 + scaled


@pytest.mark.parametrize("column", COLUMNS)
def test_an_input_that_is_no_tensor(column: str) -> None:
    if column in BY_POSITION:
        with pytest.raises(UnsupportedModelError, match="tensors only"):
            measure(column, WithSetting(), torch.zeros(2, 4), 3)
    else:
        assert total(column, WithSetting(), torch.zeros(2, 4), 3) == 2 * 3 * 2 * 4 * 4


def test_a_list_of_tensors_is_for_all_but_flopth() -> None:
    x, several = torch.zeros(2, 4), [torch.zeros(1), torch.zeros(1)]
    with pytest.raises(UnsupportedModelError, match="tensors only"):
        measure("flopth", WithSetting(), x, several)
    for column in COLUMNS:
        if column != "flopth":
            unit = 1 if column in BY_POSITION else 2
            assert total(column, WithSetting(), x, several) == unit * 2 * 2 * 4 * 4


@pytest.mark.parametrize("column", COLUMNS)
def test_a_model_without_parameters(column: str) -> None:
    model, x = nn.Sequential(nn.Identity(), nn.Flatten()), torch.zeros(2, 3, 4)
    if column == "flopth":  # it asks the first parameter for its device
        with pytest.raises(StopIteration):
            measure(column, model, x)
    else:
        assert {found.total for found in measure(column, model, x).measurements.values()} == {0}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_model_that_raises(column: str) -> None:
    with pytest.raises(RuntimeError, match="sky is falling"):
        measure(column, networks.Raises(), torch.zeros(1, 4))


# --- what stays behind ---


def test_flopth_leaves_no_call_behind() -> None:
    classes = (nn.Linear, nn.ReLU, nn.Sigmoid, networks.SubclassedLinear)
    measure("flopth", nested(), torch.zeros(5, 4))
    with pytest.raises(RecursionError):  # the call of a class that inherits the call which flopth has replaced
        measure("flopth", networks.Subclassed(), torch.zeros(2, 6))
    assert all("__call__" not in vars(cls) for cls in classes)
    model = nn.Linear(4, 3)
    model(torch.zeros(2, 4))
    assert not hasattr(model, "flops")


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("model", [nested, networks.Raises])
def test_hooks_and_scopes_end_with_the_measurement(column: str, model: Callable[[], nn.Module]) -> None:
    from torch.jit import _trace
    from torch.nn.modules import module

    with suppress(RuntimeError):
        measure(column, model(), torch.zeros(5, 4))
    assert not module._global_forward_pre_hooks
    assert not module._global_forward_hooks
    assert _trace._trace_module_map is None
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(("column", "outside"), [("flop-counter", False), ("flop-counter-no-grad", True)])
def test_the_columns_name_decides_about_autograd(column: str, outside: bool) -> None:
    found = []

    class Asking(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found.append(torch.is_grad_enabled())
            return x

    with torch.set_grad_enabled(outside):
        measure(column, Asking(), torch.zeros(1))
    assert found == [not outside]


# --- without arithmetic ---

MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutional": (networks.Convolutional, (2, 3, 8, 8)),
    "perceptron": (nested, (5, 4)),
    "attention": (networks.Attention, (2, 5, 16)),
    "resnet18": (torchvision.models.resnet18, (1, 3, 64, 64)),
}


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "torch-profiler"])
@pytest.mark.parametrize("name", MODELS)
def test_the_report_is_the_same_without_arithmetic(column: str, name: str) -> None:
    build, shape = MODELS[name]
    mode = WithoutArithmetic()
    with mode:
        found = measure(column, build(), torch.zeros(shape))
    mode.close()
    assert found == measure(column, build(), torch.zeros(shape))


def test_the_profiler_does_not_run_without_arithmetic() -> None:
    mode = WithoutArithmetic()
    with mode, pytest.raises(ValuesNeededError, match="where tensors lie"):
        measure("torch-profiler", nested(), torch.zeros(5, 4))
    mode.close()
    assert total("torch-profiler", nested(), torch.zeros(5, 4)) == 2 * 90


# --- published models ---


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        # 1 814 073 344 products, twice.
        ("flop-counter", 3_628_146_688),
        ("torch-profiler", 3_628_146_688),
        # And each of the 2 483 712 elements that are normalized once, and 512 means.
        ("torchprofile", 1_814_073_344 + 2_483_712 + 512),
    ],
)
def test_resnet18(column: str, expected: int) -> None:
    assert total(column, torchvision.models.resnet18(), torch.zeros(1, 3, 224, 224)) == expected
