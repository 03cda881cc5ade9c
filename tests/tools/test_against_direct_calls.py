"""An adapter returns what the tool itself says, to the last digit and layer by layer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reconcile.jobs.worker import measure_without_arithmetic
from reconcile.tools import Measurement
from reconcile.trace import trace_spec
from reconcile.zoo import resolve
from tests.tools.direct_calls import size_of

TOOLS = ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo")

FEW = ("resnet18", "swin_t", "vit_b_32")
FAMILIES = (
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_v2_t",
    "vgg11",
    "wide_resnet50_2",
)


def direct(tool: str, *models: str) -> dict[str, Any]:
    """Call a tool in a clean interpreter that knows nothing of this project."""
    script = Path(__file__).with_name("direct_calls.py")
    finished = subprocess.run(
        [sys.executable, "-I", str(script), tool, *models], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    assert isinstance(found, dict)
    return found


def measured(tool: str, model: str) -> tuple[Measurement, Measurement]:
    quick = measure_without_arithmetic(resolve(model), tool, 0, (), {})  # as a run measures it
    assert quick is not None
    cell = quick.cell
    assert cell.inputs == f"1x3x{size_of(model)}x{size_of(model)}"
    return cell.measurements["compute"], cell.measurements["params"]


def at_or_below(measurement: Measurement, path: str) -> int:
    return sum(
        value
        for layer, value in measurement.layers.items()
        if not layer.startswith("(") and (path in ("", layer) or layer.startswith(f"{path}."))
    )


def check(tool: str, model: str, said: dict[str, Any]) -> None:
    compute, params = measured(tool, model)
    assert compute.total == said["total"] > 0
    assert params.total == said["params"] > 0
    assert sum(compute.layers.values()) == compute.total
    assert sum(params.layers.values()) == params.total
    assert len(said["layers"]) >= 3
    # All that the tool says of layers, and no layer that it does not speak of.
    assert {path: at_or_below(compute, path) for path in said["layers"]} == said["layers"]
    if "layer_params" in said:
        assert {path: at_or_below(params, path) for path in said["layer_params"]} == said["layer_params"]
    else:
        assert params.layers == {"": said["params"]}
    assert {path for path, value in compute.layers.items() if value and path} <= {*said["layers"], "(functions)"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_few_models(tool: str) -> None:
    found = direct(tool, *FEW)
    for model in FEW:
        check(tool, model, found[model])


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_model_of_each_family(tool: str, model: str) -> None:
    check(tool, model, direct(tool, model)[model])


# What everybody gets who installs these versions and follows their documentation.
PUBLISHED = {
    ("resnet50", "thop"): (4_133_742_592, 25_557_032),
    ("resnet50", "ptflops-pytorch"): (4_132_436_968, 25_557_032),
    ("resnet50", "ptflops-aten"): (4_089_185_256, 25_557_032),
    ("resnet50", "fvcore"): (4_111_512_576, 25_557_032),
    ("resnet50", "torchinfo"): (4_089_238_376, 25_557_032),
    ("vit_b_16", "thop"): (11_286_254_592, 58_067_176),
    ("vit_b_16", "ptflops-pytorch"): (17_606_030_584, 86_567_656),
    ("vit_b_16", "ptflops-aten"): (16_864_992_232, 86_567_656),
    ("vit_b_16", "fvcore"): (16_867_412_736, 86_567_656),
    ("vit_b_16", "torchinfo"): (173_232_616, 86_567_656),
}


@pytest.mark.parametrize(("model", "tool"), PUBLISHED)
def test_known_figures(model: str, tool: str) -> None:
    compute, params = measured(tool, model)
    assert (compute.total, params.total) == PUBLISHED[model, tool]


def test_known_figures_of_the_reference() -> None:
    from reconcile.reference import count_trace, load_convention

    trace, inputs = trace_spec(resolve("resnet50"))
    counted = count_trace(trace, load_convention("macs"))
    assert (inputs, counted.total, counted.parameters) == ("1x3x224x224", 4_089_184_256, 25_557_032)
