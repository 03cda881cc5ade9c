"""What a tool says is the same whether the model is computed or not."""

from __future__ import annotations

import pytest
import torch

from reconcile.execution import WithoutArithmetic
from reconcile.tools import adapter
from reconcile.trace import trace_spec
from reconcile.zoo import build, resolve
from tests.execution.models import (
    PLAIN,
    READING,
    TOOLS,
    derivative,
    documented,
    layers,
    readings_of,
    rows,
    without_arithmetic,
)

FAMILIES = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "maxvit_t", "mobilenet_v3_small", "raft_small",
    "resnet18", "shufflenet_v2_x0_5", "ssdlite320_mobilenet_v3_large", "swin_t", "vit_b_32",
)  # fmt: skip  # one entry a line would fill the page


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", PLAIN)
def test_models_that_read_only_what_their_code_states(tool: str, name: str) -> None:
    build_model, build_inputs = PLAIN[name]
    torch.manual_seed(0)
    computed, not_computed, inputs = build_model(), build_model(), build_inputs()
    assert without_arithmetic(tool, not_computed, [inputs]) == documented(tool, computed, [inputs])


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "fvcore"])
@pytest.mark.parametrize("name", READING)
def test_models_that_read_what_they_compute(tool: str, name: str) -> None:
    readings = readings_of(layers(READING[name]), rows())
    assert readings
    found = without_arithmetic(tool, layers(READING[name]), [rows()], readings)
    assert found == documented(tool, layers(READING[name]), [rows()])


def test_a_hand_counted_model() -> None:
    model = layers(lambda m, x: m.repeat(x, 3) if m.second(x).square().sum() > 0 else x)
    readings = readings_of(model, rows())
    assert readings is not None
    report = without_arithmetic("ptflops-aten", layers(model.define), [rows()], readings)
    assert report.measurements["compute"].total == 4 * (4 * 8 * 8 + 4 * 8)


def test_a_model_that_needs_gradients() -> None:
    found = without_arithmetic("ptflops-aten", layers(derivative), [rows()], ())
    assert found == documented("ptflops-aten", layers(derivative), [rows()])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:To copy construct from a tensor:UserWarning")  # torchvision's, while jit traces it
@pytest.mark.parametrize("name", FAMILIES)
def test_models_of_torchvision(name: str) -> None:
    spec = resolve(name)
    readings = trace_spec(spec, 0)[0].readings
    assert readings is not None
    for tool in TOOLS:
        if tool == "fvcore" and readings:
            continue  # a graph of torch.jit is recorded with operators that no other run has
        computed = build(spec, parameters="random")
        expected = adapter(tool).measure(computed.module, computed.args, computed.kwargs)
        unwritten = build(spec, parameters="unwritten")
        mode = WithoutArithmetic(readings)
        with mode:
            found = adapter(tool).measure(unwritten.module, unwritten.args, unwritten.kwargs)
        mode.close()
        assert found == expected, tool
