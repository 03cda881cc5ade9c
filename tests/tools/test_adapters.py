"""What an adapter makes of inputs, of models that a tool cannot take, and of a tool that returns nonsense."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from reconcile.errors import ReconcileError
from reconcile.tools import (
    ADAPTERS,
    MAIN_TOOLS,
    ToolReport,
    UnsupportedModelError,
    adapter,
    columns,
    installed_tools,
    version_of,
)
from reconcile.tools.adapter import exact_integer, keyword_inputs, own_values, positional_inputs
from tests import networks

TOOLS = MAIN_TOOLS
FURTHER = {"fvcore": ("activations",), "torchinfo": ("memory",)}
"""Metrics that a tool has beside compute and parameters."""


def measure(tool: str, model: nn.Module, *args: Any, **kwargs: Any) -> ToolReport:
    report = adapter(tool).measure(model.eval(), args, kwargs)
    assert set(report.measurements) == {"compute", "params", *FURTHER.get(tool, ())}
    for measurement in report.measurements.values():
        assert sum(measurement.layers.values()) == measurement.total
        assert all(type(value) is int for value in (measurement.total, *measurement.layers.values()))
    return report


def totals(tool: str, model: nn.Module, *args: Any, **kwargs: Any) -> tuple[int, int]:
    report = measure(tool, model, *args, **kwargs)
    return report.measurements["compute"].total, report.measurements["params"].total


def layers(tool: str, model: nn.Module, *args: Any, **kwargs: Any) -> dict[str, int]:
    found = measure(tool, model, *args, **kwargs).measurements["compute"].layers
    return {path: value for path, value in found.items() if value}


class AnyNumber(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.fc(sum(inputs))


# --- columns ---


def test_columns_have_names_units_and_versions() -> None:
    assert TOOLS == ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo")
    assert tuple(ADAPTERS) == (
        *TOOLS, "mmengine", "torchstat-flops", "torchstat-madd", "torchsummary", "flop-counter", "flop-counter-no-grad",
        "torch-profiler", "torchprofile", "calflops-flops", "calflops-macs", "flopth", "ultralytics-thop",
    )  # fmt: skip  # one entry a line would fill the page
    assert {name for name, found in ADAPTERS.items() if found.unit == "FLOP"} == {
        "torchstat-madd", "flop-counter", "flop-counter-no-grad", "torch-profiler", "calflops-flops", "flopth",
    }  # fmt: skip  # one entry a line would fill the page
    assert [name for name, found in ADAPTERS.items() if not found.unit] == ["torchsummary"]
    for name, found in ADAPTERS.items():
        assert found.name == name
        assert found.summary
        assert found.distribution
    assert {version_of(adapter(name)) for name in ("ptflops-pytorch", "ptflops-aten")} == {"0.7.5"}
    assert version_of(adapter("fvcore")) == "0.1.5.post20221221"


def test_unknown_and_repeated_names() -> None:
    assert [item.name for item in columns(["fvcore", "thop", "", "fvcore"])] == ["fvcore", "thop"]
    with pytest.raises(ReconcileError, match="unknown tool 'ptflop'; did you mean ptflops"):
        columns(["thop", "ptflop"])
    with pytest.raises(ReconcileError, match="no tool is named"):
        columns([])


# --- layers ---


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "model",
    [
        lambda: (networks.Convolutional(), torch.zeros(2, 3, 8, 8)),
        lambda: (networks.Functional(), torch.zeros(3, 16)),
        lambda: (networks.TwoOwners(), torch.zeros(2, 6)),
        lambda: (networks.TiedWeights(), torch.zeros(2, 6)),
        lambda: (networks.CalledThreeTimes(), torch.zeros(2, 7)),
        lambda: (networks.Frozen(), torch.zeros(2, 4)),
        lambda: (networks.Attention(), torch.zeros(2, 5, 16)),
        lambda: (nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Sequential()), torch.zeros(2, 4)),
        lambda: (nn.Linear(3, 4), torch.zeros(2, 3)),
        lambda: (nn.ReLU(), torch.zeros(2, 3)),
    ],
)
def test_layers_add_up_to_the_total(tool: str, model: Callable[[], tuple[nn.Module, torch.Tensor]]) -> None:
    measure(tool, *model())  # which checks it


def test_layers_have_the_models_paths() -> None:
    x = torch.zeros(2, 3, 8, 8)
    products, biases = {"conv": 2 * 512 * 27, "fc": 2 * 1280}, {"conv": 2 * 512, "fc": 20}
    with_biases = {path: products[path] + biases[path] for path in products}
    norm, pooled = 2 * 512, 2 * 128
    assert layers("thop", networks.Convolutional(), x) == products | {"bn": 4 * norm, "pool": pooled}
    assert layers("ptflops-aten", networks.Convolutional(), x) == with_biases
    assert layers("fvcore", networks.Convolutional(), x) == products | {"bn": 2 * norm}
    assert layers("torchinfo", networks.Convolutional(), x) == with_biases | {"bn": 2 * 16}
    # Of one sample of the two; the functions that nn.ReLU and nn.AvgPool2d call, of both.
    assert layers("ptflops-pytorch", networks.Convolutional(), x) == {
        "conv": with_biases["conv"] // 2,
        "bn": norm,
        "relu": norm // 2,
        "pool": 4 * pooled // 2,
        "fc": with_biases["fc"] // 2,
        "(functions)": norm + 4 * pooled,
    }


def test_parameters_by_layer() -> None:
    x = torch.zeros(2, 4)
    # Frozen: 4 x 4 + 4 that are not trained, 3 x 3 + 3 that never run, 4 that the container owns.
    assert measure("thop", networks.Frozen(), x).measurements["params"].layers == {"": 0, "frozen": 20, "unused": 0}
    assert measure("ptflops-aten", networks.Frozen(), x).measurements["params"].layers == {"": 12 + 4}
    assert measure("fvcore", networks.Frozen(), x).measurements["params"].layers == {"": 4, "frozen": 20, "unused": 12}
    assert measure("torchinfo", networks.Frozen(), x).measurements["params"].layers == {"": 16, "frozen": 20}


# --- inputs ---


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batch(tool: str, batch: int) -> None:
    expected = 6 * 5 if tool == "ptflops-pytorch" else batch * 6 * 5  # of one sample, or of all
    assert totals(tool, nn.Sequential(nn.Linear(6, 5, bias=False)), torch.zeros(batch, 6)) == (expected, 30)


@pytest.mark.parametrize("tool", TOOLS)
def test_several_inputs(tool: str) -> None:
    # fc on 3 and on 2 rows, which modules show; and a product of 3 x 5 by 5 x 2, which operators show.
    linear, product = (3 + 2) * 4 * 5, 3 * 5 * 2
    expected = linear + product if tool in ("fvcore", "ptflops-aten") else linear
    x, y = torch.zeros(3, 4), torch.zeros(2, 4)
    assert totals(tool, networks.TwoTensors(), x, y) == (expected, 20)
    assert totals(tool, networks.TwoTensors(), x, y=y) == (expected, 20)
    assert totals(tool, networks.TwoTensors(), x=x, y=y) == (expected, 20)
    assert totals(tool, networks.TwoTensors(), y=y, x=x) == (expected, 20)


@pytest.mark.parametrize("tool", TOOLS)
def test_integers_by_keyword(tool: str) -> None:
    model, inputs = networks.two_inputs()
    with_bias, embedding = 2 * 5 * 8 * 3 + 2 * 5 * 3, 20 * 8
    expected = {
        "thop": (240, 27),
        "ptflops-pytorch": (with_bias, 187),
        "fvcore": (240, 187),
        # Parameters times the first axis alone.
        "torchinfo": (2 * (24 + 3) + 2 * embedding, 187),
    }
    compute, params = totals(tool, model, **inputs)
    if tool == "ptflops-aten":
        assert (compute in (240, with_bias), params) == (True, 187)  # as the layout decides
    else:
        assert (compute, params) == expected[tool]


@pytest.mark.parametrize("tool", ["thop", "fvcore"])
def test_an_input_by_keyword_only_is_not_for_tools_of_positions(tool: str) -> None:
    with pytest.raises(UnsupportedModelError, match="'scale'"):
        measure(tool, networks.WithKeywordOnly(), torch.zeros(2, 4), scale=torch.ones(1))


@pytest.mark.parametrize("tool", ["ptflops-pytorch", "ptflops-aten", "torchinfo"])
def test_an_input_by_keyword_only_is_for_tools_of_names(tool: str) -> None:
    compute, params = totals(tool, networks.WithKeywordOnly(), torch.zeros(2, 4), scale=torch.ones(1))
    assert (compute, params) == (2 * 25, 25)


@pytest.mark.parametrize("tool", ["ptflops-pytorch", "ptflops-aten"])
def test_several_inputs_without_names_are_not_for_tools_of_names(tool: str) -> None:
    with pytest.raises(UnsupportedModelError, match="by name only"):
        measure(tool, AnyNumber(), torch.zeros(2, 4), torch.zeros(2, 4))


@pytest.mark.parametrize("tool", ["thop", "fvcore", "torchinfo"])
def test_several_inputs_without_names_are_for_tools_of_positions(tool: str) -> None:
    products = 2 * 20 + (10 if tool == "torchinfo" else 0)
    assert totals(tool, AnyNumber(), torch.zeros(2, 4), torch.zeros(2, 4)) == (products, 25)


@pytest.mark.parametrize("tool", ["thop", "fvcore"])
def test_inputs_that_do_not_fit_the_model(tool: str) -> None:
    with pytest.raises(UnsupportedModelError, match="do not fit"):
        measure(tool, networks.TwoTensors(), torch.zeros(3, 4), z=torch.zeros(2, 4))


@pytest.mark.parametrize("tool", TOOLS)
def test_another_element_type(tool: str) -> None:
    model = nn.Sequential(nn.Linear(4, 3, bias=False)).double()
    assert totals(tool, model, torch.zeros(1, 4, dtype=torch.float64)) == (12, 12)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_model_without_parameters(tool: str) -> None:
    compute, params = totals(tool, nn.Sequential(nn.Identity(), nn.Flatten()), torch.zeros(2, 3, 4))
    assert (compute, params) == (0, 0)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_model_that_raises(tool: str) -> None:
    with pytest.raises(Exception, match=r"sky is falling|Failed to run torchinfo"):
        measure(tool, networks.Raises(), torch.zeros(1, 4))


def test_what_fvcore_has_no_rule_for_is_a_remark() -> None:
    report = measure("fvcore", nn.Sequential(nn.GELU(), nn.GELU(), nn.Sigmoid()), torch.zeros(2, 3))
    assert report.notes == ("no rule for aten::gelu: 2 calls", "no rule for aten::sigmoid: 1 calls")
    assert measure("fvcore", nn.Sequential(nn.Linear(3, 3)), torch.zeros(2, 3)).notes == ()


# --- a tool that returns nonsense ---

NONSENSE: tuple[Any, ...] = (float("nan"), float("inf"), -float("inf"), -1, 2.5, None, "12", True, [12])


@pytest.mark.parametrize("value", NONSENSE, ids=str)
def test_a_number_that_is_no_count_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"the tool returned .* for its operations"):
        exact_integer(value, "operations")


def test_a_whole_number_of_any_type_is_taken() -> None:
    import numpy

    for value in (12, 12.0, numpy.int64(12), numpy.float64(12)):
        assert exact_integer(value, "operations") == 12
        assert type(exact_integer(value, "operations")) is int
    assert exact_integer(0, "operations") == 0
    assert exact_integer(2**70, "operations") == 2**70


def nonsense(value: Any) -> dict[str, tuple[str, Callable[..., Any]]]:
    """For each tool the function that the adapter calls, and one that returns nonsense in its place."""

    class Flops:
        def __init__(self, *_: Any) -> None:
            pass

        def unsupported_ops_warnings(self, _: bool) -> Flops:
            return self

        def uncalled_modules_warnings(self, _: bool) -> Flops:
            return self

        def total(self) -> Any:
            return value

        def by_module(self) -> Mapping[str, Any]:
            return {"": value}

        def unsupported_ops(self) -> Mapping[str, int]:
            return {}

    class Summary:
        summary_list: Sequence[Any] = ()
        total_mult_adds = value
        total_params = 3
        total_input = total_output_bytes = total_param_bytes = 0

    def of_ptflops(module: nn.Module, *_: Any, **__: Any) -> Any:
        module.__batch_counter__ = 1  # type: ignore[assignment]  # as ptflops does
        return value, 3

    return {
        "thop": ("thop.profile", lambda *_, **__: (value, 3.0, {})),
        "ptflops-pytorch": ("ptflops.get_model_complexity_info", of_ptflops),
        "ptflops-aten": ("ptflops.get_model_complexity_info", of_ptflops),
        "fvcore": ("fvcore.nn.FlopCountAnalysis", Flops),
        "torchinfo": ("torchinfo.summary", lambda *_, **__: Summary()),
    }


@pytest.mark.parametrize("value", NONSENSE, ids=str)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_returns_nonsense_fails(monkeypatch: pytest.MonkeyPatch, tool: str, value: Any) -> None:
    name, replacement = nonsense(value)[tool]
    monkeypatch.setattr(name, replacement)
    with pytest.raises((ValueError, RuntimeError, TypeError)):
        adapter(tool).measure(nn.Linear(2, 1).eval(), (torch.zeros(1, 2),), {})


def test_ptflops_says_why_it_gave_up() -> None:
    for tool in ("ptflops-pytorch", "ptflops-aten"):
        with pytest.raises(RuntimeError, match="RuntimeError: the sky is falling"):
            measure(tool, networks.Raises(), torch.zeros(1, 4))


# --- what adapters are made of ---


def test_inputs_by_position() -> None:
    x, y = torch.zeros(1), torch.ones(1)
    assert positional_inputs(networks.TwoTensors(), (x, y), {}) == (x, y)
    assert positional_inputs(networks.TwoTensors(), (x,), {"y": y}) == (x, y)
    assert positional_inputs(networks.TwoTensors(), (), {"y": y, "x": x}) == (x, y)


def test_inputs_by_name() -> None:
    x, y = torch.zeros(1), torch.ones(1)
    assert keyword_inputs(networks.TwoTensors(), (x, y), {}) == {"x": x, "y": y}
    assert keyword_inputs(networks.TwoTensors(), (x,), {"y": y}) == {"x": x, "y": y}
    with pytest.raises(UnsupportedModelError):
        keyword_inputs(AnyNumber(), (x, y), {})


def test_own_values_are_what_is_left_without_the_parts() -> None:
    assert own_values({"": 10, "a": 6, "a.b": 4, "c": 3}) == {"": 1, "a": 2, "a.b": 4, "c": 3}
    assert own_values({"": 5, "a.b": 4}) == {"": 1, "a.b": 4}  # nothing is said of a itself


def test_a_tool_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ADAPTERS["mmengine"], "distribution", "no-such-distribution")
    assert "mmengine" not in installed_tools()
    assert set(MAIN_TOOLS) <= set(installed_tools())
    with pytest.raises(
        ReconcileError, match="mmengine needs no-such-distribution, which is not installed: 'reconcile environment mm"
    ):
        columns(["thop", "mmengine"])
