"""What torchstat, torchsummary, calflops and ultralytics-thop say of small networks, worked out by hand.

Some of these tools change classes and functions of torch for good, so each measurement has a process of its own.
"""

from __future__ import annotations

import atexit
import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from reconcile.execution import WithoutArithmetic
from reconcile.isolation import Job, Limits, Workers
from reconcile.tools import column as selected
from reconcile.tools import find_column, modules_by_environment
from reconcile.tools.adapter import ToolReport, UnsupportedModelError, check_report
from reconcile.tools.calflops import CalflopsFlops, CalflopsMacs
from reconcile.tools.torchstat import NOTE, TorchstatFlops, TorchstatMadd
from reconcile.tools.torchsummary import Torchsummary
from reconcile.tools.ultralytics_thop import UltralyticsThop
from tests import networks
from tests.tools.there import is_there

COLUMNS = {
    column.name: column
    for column in (
        TorchstatFlops(),
        TorchstatMadd(),
        Torchsummary(),
        CalflopsFlops(),
        CalflopsMacs(),
        UltralyticsThop(),
    )
}

Case = Callable[[], tuple[Any, ...]]
"""Returns a model, its inputs by position, and where there are any a dictionary of its inputs by name."""


needs_ultralytics_thop = pytest.mark.skipif(
    not is_there("ultralytics-thop"),
    reason="'reconcile environment ultralytics-thop' makes the environment that it needs",
)

every_column = pytest.mark.parametrize(
    "column",
    [pytest.param(name, marks=needs_ultralytics_thop if name == "ultralytics-thop" else ()) for name in COLUMNS],
)


# --- a process for each measurement ---


@cache
def _workers() -> Workers[str]:
    found = [item for item in map(find_column, COLUMNS) if item is not None]
    workers: Workers[str] = Workers(1, __name__, tools=modules_by_environment(found))
    atexit.register(workers.close)
    return workers


def report_of(column: str, case: Case, computed: bool = True, environment: str | None = None) -> ToolReport:
    """Measure in a new process of the column's environment, and check what every report must be."""
    place = selected(column).place if environment is None else environment
    _workers().submit("", Job(_outcome, (column, case, computed), Limits(120, 8000), place))
    ending = _workers().next_ending()[1]
    assert ending.outcome == "returned", ending
    if isinstance(ending.value, Exception):
        raise ending.value
    report, printed = ending.value
    check_report(report)
    assert printed == ""
    assert isinstance(report, ToolReport)
    return report


def _outcome(column: str, case: Case, computed: bool) -> tuple[ToolReport, str] | Exception:
    try:
        return _measure(column, case, computed)
    except Exception as error:
        return error


def _measure(column: str, case: Case, computed: bool) -> tuple[ToolReport, str]:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    module, *args = case()
    kwargs = args.pop() if args and isinstance(args[-1], dict) else {}
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        if computed:
            return COLUMNS[column].measure(module.eval(), args, kwargs), printed.getvalue()
        mode = WithoutArithmetic()
        with mode:
            report = COLUMNS[column].measure(module.eval(), args, kwargs)
        mode.close()
    return report, printed.getvalue()


def layers(report: ToolReport, metric: Any = "compute") -> dict[str, int]:
    return {path: value for path, value in report.measurements[metric].layers.items() if value}


# --- models ---


class TakesAnImage(networks.CalledThreeTimes):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(1))


class SumOfTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.fc(x) + self.fc(y)


class OfAList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, rows: list[torch.Tensor]) -> torch.Tensor:
        return self.fc(rows[0])


def convolutional() -> tuple[Any, ...]:
    return networks.Convolutional(), torch.rand(1, 3, 8, 8)


def convolutional_batch() -> tuple[Any, ...]:
    return networks.Convolutional(), torch.rand(2, 3, 8, 8)


def nested() -> tuple[Any, ...]:
    inner = nn.Sequential(nn.Linear(12, 5), nn.ReLU())
    return nn.Sequential(nn.Flatten(), inner, nn.Linear(5, 2)), torch.rand(1, 3, 2, 2)


def called_three_times() -> tuple[Any, ...]:
    return TakesAnImage(), torch.rand(1, 7, 1, 1)


def attention() -> tuple[Any, ...]:
    return networks.Attention(), torch.rand(2, 5, 16)


def attention_with_weights() -> tuple[Any, ...]:
    return networks.Attention(need_weights=True), torch.rand(1, 5, 16)


def attention_with_weights_batch() -> tuple[Any, ...]:
    return networks.Attention(need_weights=True), torch.rand(2, 5, 16)


def functional() -> tuple[Any, ...]:
    return networks.Functional(), torch.rand(3, 16)


def two_owners() -> tuple[Any, ...]:
    return networks.TwoOwners(), torch.rand(2, 6)


def tied_weights() -> tuple[Any, ...]:
    return networks.TiedWeights(), torch.rand(2, 6)


def frozen() -> tuple[Any, ...]:
    return networks.Frozen(), torch.rand(2, 4)


def subclassed() -> tuple[Any, ...]:
    return networks.Subclassed(), torch.rand(1, 6)


def one_convolution() -> tuple[Any, ...]:
    return nn.Conv2d(3, 8, 3, bias=False), torch.rand(1, 3, 8, 8)


def one_linear_layer() -> tuple[Any, ...]:
    return nn.Linear(3, 4), torch.rand(2, 3)


def no_parameters() -> tuple[Any, ...]:
    return nn.Sequential(nn.ReLU(), nn.AvgPool2d(2)), torch.rand(1, 3, 4, 4)


def sum_of_two() -> tuple[Any, ...]:
    return SumOfTwo(), torch.rand(1, 4), torch.rand(1, 4)


def sum_of_two_by_name() -> tuple[Any, ...]:
    return SumOfTwo(), torch.rand(1, 4), {"y": torch.rand(1, 4)}


def two_batch_sizes() -> tuple[Any, ...]:
    return SumOfTwo(), torch.rand(1, 4), torch.rand(2, 4)


def integers() -> tuple[Any, ...]:
    return nn.Sequential(nn.Embedding(9, 4)), torch.zeros(1, 3, 2, 2, dtype=torch.int64)


def rows() -> tuple[Any, ...]:
    return nn.Sequential(nn.Linear(4, 3)), torch.rand(1, 4)


def a_vector() -> tuple[Any, ...]:
    return nn.Sequential(nn.Linear(4, 3)), torch.rand(4)


def an_image_by_name() -> tuple[Any, ...]:
    return networks.Convolutional(), {"x": torch.rand(1, 3, 8, 8)}


def a_list() -> tuple[Any, ...]:
    return OfAList(), [torch.rand(2, 4)]


def keyword_only() -> tuple[Any, ...]:
    return networks.WithKeywordOnly(), torch.rand(2, 4), {"scale": torch.ones(1)}


def raises() -> tuple[Any, ...]:
    return nn.Sequential(nn.Flatten(), networks.Raises()), torch.rand(1, 4, 1, 1)


def resnet18() -> tuple[Any, ...]:
    return torchvision.models.resnet18(), torch.rand(1, 3, 64, 64)


# --- columns ---


def test_columns_have_names_units_and_distributions() -> None:
    assert [(name, column.distribution, column.unit) for name, column in COLUMNS.items()] == [
        ("torchstat-flops", "torchstat", "MAC"),
        ("torchstat-madd", "torchstat", "FLOP"),
        ("torchsummary", "torchsummary", ""),
        ("calflops-flops", "calflops", "FLOP"),
        ("calflops-macs", "calflops", "MAC"),
        ("ultralytics-thop", "ultralytics-thop", "MAC"),
    ]
    assert all(column.summary for column in COLUMNS.values())


@every_column
@pytest.mark.parametrize("case", [convolutional, nested, resnet18])
def test_a_report_is_the_same_without_the_arithmetic(column: str, case: Case) -> None:
    if column.startswith("torchstat"):
        # It asks each layer's input for its NumPy array, to see how large an element is: it runs as documented only.
        with pytest.raises(RuntimeError, match="these values were not computed"):
            report_of(column, case, computed=False)
    else:
        assert report_of(column, case, computed=False) == report_of(column, case)


@every_column
def test_a_model_that_raises(column: str) -> None:
    with pytest.raises(RuntimeError, match="the sky is falling"):
        report_of(column, raises)


# --- torchstat ---


def test_torchstat_layers() -> None:
    flops, madd = report_of("torchstat-flops", convolutional), report_of("torchstat-madd", convolutional)
    # Outputs: conv, bn, relu 8 x 8 x 8 = 512; pool 8 x 4 x 4 = 128; fc 10. A kernel of conv has 3 x 3 x 3 = 27.
    assert layers(flops) == {"conv": 512 * 27 + 512, "bn": 2 * 512, "relu": 512, "pool": 512, "fc": 128 * 10}
    # 27 products, 26 sums and the bias; four operations of a normalization; three sums and a quotient of a window of 4;
    # 128 products and 127 sums, and no bias.
    assert layers(madd) == {
        "conv": 512 * (27 + 26 + 1),
        "bn": 4 * 512,
        "relu": 512,
        "pool": 128 * (3 + 1),
        "fc": 10 * (128 + 127),
    }
    for report in (flops, madd):
        assert layers(report, "params") == {"conv": 8 * 27 + 8, "bn": 16, "fc": 128 * 10 + 10}
        assert layers(report, "memory") == {"conv": 2048, "bn": 2048, "relu": 2048, "pool": 512, "fc": 40}
        assert report.notes == (NOTE,)


def test_torchstat_paths_and_what_it_has_no_rule_for() -> None:
    flops, madd = report_of("torchstat-flops", nested), report_of("torchstat-madd", nested)
    assert layers(flops) == {"1.0": 12 * 5, "1.1": 5, "2": 5 * 2}
    assert layers(madd) == {"1.0": 5 * (12 + 11), "1.1": 5, "2": 2 * (5 + 4)}
    assert layers(flops, "params") == {"1.0": 65, "2": 12}
    assert layers(flops, "memory") == {"0": 4 * 12, "1.0": 4 * 5, "1.1": 4 * 5, "2": 4 * 2}
    assert flops.notes == madd.notes == (NOTE, "no rule for Flatten: 1 calls")


def test_torchstat_keeps_the_last_call() -> None:
    assert layers(report_of("torchstat-flops", called_three_times)) == {"layer": 49}
    madd = report_of("torchstat-madd", called_three_times)
    assert (layers(madd), layers(madd, "params"), layers(madd, "memory")) == (
        {"layer": 7 * (7 + 6)},
        {"layer": 56},
        {"layer": 28},
    )


def test_torchstat_on_a_single_layer() -> None:
    # Outputs: 8 x 6 x 6 = 288.
    assert layers(report_of("torchstat-flops", one_convolution)) == {"": 288 * 27}
    assert layers(report_of("torchstat-madd", one_convolution)) == {"": 288 * (27 + 26)}


@pytest.mark.parametrize("column", ["torchstat-flops", "torchstat-madd"])
@pytest.mark.parametrize("case", [convolutional_batch, attention, integers, rows, sum_of_two, an_image_by_name])
def test_torchstat_takes_one_image(column: str, case: Case) -> None:
    with pytest.raises(UnsupportedModelError, match="1xCxHxW"):
        report_of(column, case)


# --- torchsummary ---


def test_torchsummary_layers() -> None:
    report = report_of("torchsummary", convolutional)
    assert set(report.measurements) == {"params", "memory"}
    assert layers(report, "params") == {"conv": 224, "bn": 16, "fc": 1290}
    # Four bytes for each of 3 x 8 x 8 elements of the input and of the parameters, eight for those of the outputs.
    memory = {
        "(input)": 4 * 192,
        "conv": 8 * 512 + 4 * 224,
        "bn": 8 * 512 + 4 * 16,
        "relu": 8 * 512,
        "pool": 8 * 128,
        "fc": 8 * 10 + 4 * 1290,
    }
    assert layers(report, "memory") == memory
    # Of two samples inputs and outputs twice: what is added is half of it, without the parameters.
    batch = report_of("torchsummary", convolutional_batch)
    assert layers(batch, "params") == layers(report, "params")
    assert layers(batch, "memory") == {
        "(input)": 2 * memory["(input)"],
        "conv": memory["conv"] + 8 * 512,
        "bn": memory["bn"] + 8 * 512,
        "relu": 2 * memory["relu"],
        "pool": 2 * memory["pool"],
        "fc": memory["fc"] + 8 * 10,
    }


def test_torchsummary_paths() -> None:
    report = report_of("torchsummary", nested)
    assert layers(report, "params") == {"1.0": 65, "2": 12}
    assert layers(report, "memory") == {
        "(input)": 4 * 12,
        "0": 8 * 12,
        "1.0": 8 * 5 + 4 * 65,
        "1.1": 8 * 5,
        "2": 8 * 2 + 4 * 12,
    }


def test_torchsummary_has_a_row_for_each_call() -> None:
    report = report_of("torchsummary", called_three_times)
    assert layers(report, "params") == {"layer": 3 * 56}
    assert layers(report, "memory") == {"(input)": 4 * 7, "layer": 3 * (8 * 7 + 4 * 56)}
    # 36 + 6 parameters; the layer with two owners has two hooks, so each of its two calls is two rows.
    report = report_of("torchsummary", two_owners)
    assert layers(report, "params") == {"left.0": 4 * 42}
    outputs = 8 * 2 * 6
    assert layers(report, "memory") == {
        "(input)": 4 * 12,
        "left.0": 4 * (outputs + 4 * 42),
        "left.1": outputs,
        "right.1": outputs,
    }


def test_torchsummary_multiplies_the_sizes_of_several_outputs() -> None:
    # 5 x 16 outputs and 5 x 5 weights of attention make 2000; the batch axes, -1 and -1, make it positive, while the
    # 80 elements of the normalization are negative. It has 32 parameters. Those of the attention it does not see.
    report = report_of("torchsummary", attention_with_weights)
    assert layers(report, "params") == {"norm": 32}
    assert layers(report, "memory") == {"(input)": 4 * 80, "norm": -8 * 80 + 4 * 32, "attention": 8 * 2000}
    report = report_of("torchsummary", attention_with_weights_batch)
    assert layers(report, "memory") == {"(input)": 4 * 160, "norm": 8 * 160 + 4 * 32, "attention": 8 * 2000}


@pytest.mark.parametrize("case", [sum_of_two, sum_of_two_by_name])
def test_torchsummary_multiplies_the_sizes_of_several_inputs(case: Case) -> None:
    report = report_of("torchsummary", case)
    assert layers(report, "memory") == {"(input)": 4 * 4 * 4, "fc": 2 * (8 * 5 + 4 * 25)}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (integers, "float32"),
        (a_vector, "batch axis"),
        (a_list, "float32"),
        (two_batch_sizes, "one batch size"),
        (keyword_only, "'scale'"),
    ],
)
def test_torchsummary_takes_tensors_with_one_batch_axis(case: Case, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        report_of("torchsummary", case)


def test_torchsummary_fails_on_outputs_that_are_missing_and_on_models_without_parameters() -> None:
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'size'"):
        report_of("torchsummary", attention)
    with pytest.raises(AttributeError, match="'int' object has no attribute 'numpy'"):
        report_of("torchsummary", no_parameters)


# --- calflops ---


def test_calflops_layers() -> None:
    flops, macs = report_of("calflops-flops", convolutional_batch), report_of("calflops-macs", convolutional_batch)
    # Of two samples: 1024 outputs of conv with 27 products each and a bias; two operations of a normalization; an
    # operation for each element that is put into relu and pool; 20 outputs of fc with 128 products, without the bias.
    products = {"conv": 1024 * 27, "fc": 20 * 128}
    assert layers(macs) == products
    assert layers(flops) == {
        "conv": 2 * products["conv"] + 1024,
        "bn": 2 * 1024,
        "relu": 1024,
        "pool": 1024,
        "fc": 2 * products["fc"],
    }
    assert layers(flops, "params") == layers(macs, "params") == {"conv": 224, "bn": 16, "fc": 1290}


def test_calflops_paths() -> None:
    flops = report_of("calflops-flops", nested)
    assert layers(flops) == {"1.0": 2 * 60, "1.1": 5, "2": 2 * 10}
    assert layers(flops, "params") == {"1.0": 65, "2": 12}
    assert layers(report_of("calflops-macs", nested)) == {"1.0": 60, "2": 10}


def test_calflops_on_attention() -> None:
    # 10 rows: five operations for each element of the normalization; products with 16 x 48 and 16 x 16 weights, and
    # none of queries, keys and values.
    flops, macs = report_of("calflops-flops", attention), report_of("calflops-macs", attention)
    products = 10 * 16 * 48 + 10 * 16 * 16
    assert layers(macs) == {"attention": products}
    assert layers(flops) == {"norm": 5 * 160, "attention": 2 * products}
    assert layers(flops, "params") == {"norm": 32, "attention": 16 * 48 + 48, "attention.out_proj": 16 * 16 + 16}


def test_calflops_on_functions() -> None:
    # 3 rows by 16 x 16: linear and matmul, while the operator @ is not seen; relu and softmax of 48 elements.
    assert layers(report_of("calflops-macs", functional)) == {"": 2 * 768}
    assert layers(report_of("calflops-flops", functional)) == {"": 2 * (2 * 768) + 48 + 48}


def test_calflops_on_shared_layers() -> None:
    macs = report_of("calflops-macs", called_three_times)
    assert (layers(macs), layers(macs, "params")) == ({"layer": 3 * 49}, {"layer": 56})
    # Two calls of 2 x 36, and both of them below each owner.
    macs = report_of("calflops-macs", two_owners)
    assert layers(macs) == {"left.0": 2 * 72, "right.0": 2 * 72}
    assert layers(macs, "params") == {"left.0": 42, "right.0": 42, "": -42}
    assert layers(report_of("calflops-flops", two_owners)) == {"left.0": 4 * 72, "right.0": 4 * 72, "left.1": 12}
    macs = report_of("calflops-macs", tied_weights)
    assert layers(macs) == {"first": 72, "second": 72}
    assert layers(macs, "params") == {"first": 42, "second": 42, "": -36}


def test_calflops_counts_parameters_that_are_trained() -> None:
    assert layers(report_of("calflops-macs", frozen), "params") == {"unused": 12, "": 4}


def test_calflops_on_a_single_layer_and_on_none() -> None:
    assert layers(report_of("calflops-macs", one_linear_layer)) == {"": 2 * 12}
    with pytest.raises(StopIteration):  # it asks the first parameter for its device
        report_of("calflops-macs", no_parameters)


def test_calflops_takes_tensors_by_position_and_by_name() -> None:
    for case in (sum_of_two, sum_of_two_by_name, keyword_only):
        assert layers(report_of("calflops-macs", case)) == {"fc": 2 * 20}
    with pytest.raises(UnsupportedModelError, match="tensors only, and one input is of type list"):
        report_of("calflops-macs", a_list)


# --- ultralytics-thop ---


@needs_ultralytics_thop
def test_ultralytics_thop_layers() -> None:
    report = report_of("ultralytics-thop", convolutional_batch)
    # Of two samples: 27 products for each output of conv; four operations of a normalization; a sum for each of 1024
    # elements that are pooled and a quotient for each of 256 outputs; 128 products for each output of fc.
    assert layers(report) == {"conv": 1024 * 27, "bn": 4 * 1024, "pool": 1024 + 256, "fc": 20 * 128}
    assert layers(report, "params") == {"conv": 224, "bn": 16, "fc": 1290}


@needs_ultralytics_thop
def test_ultralytics_thop_paths() -> None:
    report = report_of("ultralytics-thop", nested)
    assert layers(report) == {"1.0": 60, "2": 10}
    assert layers(report, "params") == {"1.0": 65, "2": 12}


@needs_ultralytics_thop
def test_ultralytics_thop_on_attention() -> None:
    # Two samples of 5 rows: four products with 16 x 16 weights, 5 x 5 scores of 16 and as many sums of values; the
    # softmax of 2 x 4 x 5 rows of 5 has 5 exponentials, 4 sums and 5 quotients each; a normalization four operations.
    report = report_of("ultralytics-thop", attention)
    assert layers(report) == {"norm": 4 * 160, "attention": 2 * (4 * 5 * 256 + 2 * 5 * 5 * 16) + 40 * (5 + 4 + 5)}
    assert layers(report, "params") == {"norm": 32, "attention": 16 * 48 + 48, "attention.out_proj": 16 * 16 + 16}


@needs_ultralytics_thop
def test_ultralytics_thop_on_functions() -> None:
    # linear, @ and matmul of 3 rows by 16 x 16.
    assert layers(report_of("ultralytics-thop", functional)) == {"(functions)": 3 * 768}


@needs_ultralytics_thop
def test_ultralytics_thop_on_shared_layers() -> None:
    report = report_of("ultralytics-thop", called_three_times)
    assert (layers(report), layers(report, "params")) == ({"layer": 3 * 49}, {"layer": 56})
    report = report_of("ultralytics-thop", two_owners)
    assert layers(report) == {"left.0": 2 * 72}
    assert layers(report, "params") == {"left.0": 42, "right.0": 42, "": -42}


@needs_ultralytics_thop
def test_ultralytics_thop_counts_subclasses_and_all_parameters() -> None:
    assert layers(report_of("ultralytics-thop", subclassed)) == {"known": 30, "unknown": 20}
    assert layers(report_of("ultralytics-thop", frozen), "params") == {"frozen": 20, "unused": 12, "": 4}


@needs_ultralytics_thop
def test_ultralytics_thop_on_a_single_layer_and_without_parameters() -> None:
    assert layers(report_of("ultralytics-thop", one_linear_layer)) == {"": 2 * 12}
    # 48 elements are pooled to 12.
    report = report_of("ultralytics-thop", no_parameters)
    assert (layers(report), layers(report, "params")) == ({"1": 48 + 12}, {})


@needs_ultralytics_thop
def test_ultralytics_thop_takes_inputs_by_position() -> None:
    for case in (sum_of_two, sum_of_two_by_name):
        assert layers(report_of("ultralytics-thop", case)) == {"fc": 2 * 20}
    with pytest.raises(UnsupportedModelError, match="'scale'"):
        report_of("ultralytics-thop", keyword_only)


def test_another_thop_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"'thop' [\d.]+ is imported from .*, not ultralytics-thop"):
        report_of("ultralytics-thop", convolutional, environment="")
