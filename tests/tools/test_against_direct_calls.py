"""A cell is what the tool itself says when it is called directly, to the last digit and layer by layer.

The tools are called by ``direct_calls.py``, the cells are those of a run. Where the tool raises, the cell says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torchvision

from reconcile.jobs.worker import measure_without_arithmetic
from reconcile.tools import find_column
from reconcile.trace import trace_spec
from reconcile.zoo import describe_requested_inputs, resolve
from tests.tools.cells import COLUMNS, Cells, callable_tools, cells_of_a_run
from tests.tools.comparison import differences, direct

FEW = ("resnet18", "swin_t")
SMALL = "1x3x64x64"

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
    "resnet50",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_v2_t",
    "vgg11",
    "vit_b_32",
    "wide_resnet50_2",
)


def check(models: Mapping[str, str], cells: Cells) -> None:
    """Compare the cells of models, given with their inputs, with what the tools say of them."""
    tools = tuple(dict.fromkeys(tool for _, tool in cells))
    said = direct(models, tools)
    found = {(model, tool): differences(said[tool][model], cell) for (model, tool), cell in cells.items()}
    assert {place: several for place, several in found.items() if several} == {}
    assert {model for model, _ in cells} == set(models)
    for (model, _), cell in cells.items():
        assert cell.inputs == models[model]


def check_as_stated(model: str, folder: Path) -> None:
    """Compare all columns that can be compared here, at the inputs that the project states."""
    check({model: stated(model)}, cells_of_a_run([model], callable_tools(), folder / "run"))


def stated(model: str) -> str:
    """The inputs that the project knows for a model."""
    return describe_requested_inputs(resolve(model))


@pytest.mark.parametrize("tool", COLUMNS)
def test_a_column_is_compared(tool: str) -> None:
    if tool not in callable_tools():
        pytest.skip("it is neither installed nor in an environment")  # 'reconcile environment' makes one
    assert find_column(tool) is not None


def test_a_few_models(tmp_path: Path) -> None:
    cells = cells_of_a_run(FEW, callable_tools(), tmp_path / "run", None, SMALL)
    check(dict.fromkeys(FEW, SMALL), cells)
    assert sum(cell.status == "ok" for cell in cells.values()) > 0.8 * len(cells)


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_a_model_of_each_family(model: str, tmp_path: Path) -> None:
    check_as_stated(model, tmp_path)


@pytest.mark.slow
@pytest.mark.full_zoo
@pytest.mark.timeout(4 * 3600)  # the largest models, computed by each tool that needs values
@pytest.mark.parametrize("model", torchvision.models.list_models())
def test_every_model(model: str, tmp_path: Path) -> None:
    check_as_stated(model, tmp_path)


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
    quick = measure_without_arithmetic(resolve(model), tool, 0, (), {})
    assert quick is not None
    found = quick.cell.measurements
    assert (found["compute"].total, found["params"].total) == PUBLISHED[model, tool]


def test_known_figures_of_the_reference() -> None:
    from reconcile.reference import count_trace, load_convention

    trace, inputs = trace_spec(resolve("resnet50"))
    counted = count_trace(trace, load_convention("macs"))
    assert (inputs, counted.total, counted.parameters) == ("1x3x224x224", 4_089_184_256, 25_557_032)
