"""The command line: what it prints, what it writes, and one sentence for whatever goes wrong."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconcile.cli import main

CELL_COLUMNS = (
    "run_id, model, input, tool, tool_version, metric, unit, status, value, reference_convention, reference, "
    "difference, explained, residual, seconds, peak_rss_mb, error"
)
CAUSE_COLUMNS = "run_id, model, tool, metric, cause, delta, layers"
LAYER_COLUMNS = (
    "run_id, model, tool, metric, layer, layer_type, calls, value, reference, difference, explained, residual, causes"
)
TOOLS = ["thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo"]

NET = """
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.bn(self.conv(x))).mean((2, 3)))


class Uncovered(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.cholesky_ex(x).L


class Idle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def uncovered() -> tuple[nn.Module, torch.Tensor]:
    return Uncovered(), torch.eye(3)


def idle() -> tuple[nn.Module, torch.Tensor]:
    return Idle(), torch.zeros(2, 3)


class Fails(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of order\\nand on a second line")


def net() -> tuple[nn.Module, torch.Tensor]:
    return Net(), torch.zeros(2, 2, 6, 7)


def without_input() -> nn.Module:
    return Net()


def fails() -> tuple[nn.Module, torch.Tensor]:
    return Fails(), torch.zeros(1, 4)


def cannot_be_built() -> nn.Module:
    raise ValueError("no such size")


def number() -> int:
    return 3


nothing = None
"""
NET_MACS = 2 * 6 * 7 * 3 * 2 * 9 + 2 * 3 * 5
NET_ACTIVATIONS = 2 * 6 * 7 * 3 + 2 * 5
NET_PARAMETERS = 3 * 2 * 9 + 3 + 2 * 3 + 3 * 5 + 5


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@contextlib.contextmanager
def folder_with_models(folder: Path) -> Iterator[None]:
    """Work in a folder that holds a module with models."""
    path, before = list(sys.path), set(sys.modules)
    (folder / "mynet.py").write_text(NET, encoding="utf-8")
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            if name.startswith("mynet"):
                del sys.modules[name]


def run_main(*arguments: str) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return Outcome(status, out.getvalue(), err.getvalue())


@pytest.fixture
def reconcile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The command, run in a folder that holds ``mynet.py``; nothing else may appear there unless the test asks."""

    def command(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = main(arguments)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    with folder_with_models(tmp_path):
        yield command


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"mynet.py", "__pycache__"}


def check_refused(outcome: Outcome, *parts: str, status: int = 2) -> None:
    """One sentence on standard error, nothing on standard output."""
    assert outcome.status == status
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("reconcile: ")
    for part in parts:
        assert part in lines[0]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- what is refused ---


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["count", "resnet81"], ["unknown model 'resnet81'", "resnet18"]),
        (["explain", "vit_b16", "--tool", "thop"], ["unknown model 'vit_b16'", "vit_b_16"]),
        (["run", "mobilenet-v2"], ["unknown model 'mobilenet-v2'", "mobilenet_v2"]),
        (["run", "zzz*"], ["'zzz*'"]),
        (["explain", "resnet18", "--tool", "fvcoer"], ["unknown tool 'fvcoer'", "fvcore"]),
        (["run", "resnet18", "--tools", "thop,torchinof"], ["unknown tool 'torchinof'", "torchinfo"]),
        (["run", "resnet18", "--tools", ","], ["no tool is named", "torchinfo"]),
        (["count", "resnet18", "--convention", "mac"], ["unknown convention 'mac'", "macs"]),
        (["run", "resnet18", "--reference", "flop"], ["unknown convention 'flop'", "flops"]),
        (["explain", "resnet18", "--tool", "thop", "--reference", "exact"], ["unknown convention 'exact'"]),
        (["count", "resnet18", "--convention", "mine.yaml"], ["mine.yaml"]),
        (["cuont", "resnet18"], ["No such command 'cuont'", "count"]),
        (["count", "resnet18", "--covnention", "macs"], ["No such option", "--covnention", "--convention"]),
        (["count", "resnet18", "--by", "layers"], ["--by", "'layers'", "layer"]),
        (["count", "resnet18", "--format", "xml"], ["--format", "'xml'", "json"]),
        (["count", "resnet18", "--mode", "test"], ["--mode", "'test'", "train"]),
        (["count", "resnet18", "again"], ["again"]),
        (["count"], ["MODEL"]),
        (["explain", "resnet18"], ["--tool"]),
        (["explain", "resnet18", "--tool", "thop", "--metric", "speed"], ["--metric", "'speed'", "params"]),
        (["run", "resnet18", "--jobs", "0"], ["--jobs", "0"]),
        (["run", "resnet18", "--jobs", "many"], ["--jobs", "'many'"]),
        (["list", "modles"], ["'modles'", "models"]),
        (["list"], ["models|timm|tools|conventions|causes"]),
        (["count", "resnet18", "--input", "1x3xbig"], ["--input '1x3xbig'"]),
        (["count", "resnet18", "--input", ""], ["--input ''"]),
        (["count", "resnet18", "--input", "1x3x0x224"], ["--input '1x3x0x224'", "axis"]),
        (["count", "resnet18", "--input", "1x3x8x8:flaot32"], ["'flaot32'", "float32"]),
        (["count", "resnet18", "--input", "1x4x224x224"], ["resnet18", "1x4x224x224", "RuntimeError", "4 channels"]),
        (["explain", "resnet18", "--tool", "thop", "--input", "1x4x224x224"], ["resnet18", "1x4x224x224"]),
        (["count", "resnet18", "--input", "y=1x3x224x224"], ["resnet18", "TypeError", "'y'"]),
        (["count", "vit_b_32", "--convention", "multiply-adds"], ["multiply-adds", "gelu", "layer_norm", "attention"]),
        (["count", "resnet50(3)"], ["'resnet50(3)'", "key=value"]),
        (["count", "resnet50(weights='DEFAULT')"], ["'weights'", "nothing is downloaded"]),
        (["count", "resnet55(num_classes=3)"], ["resnet55", "did you mean resnet50"]),
        (["count", "resnet50(num_clases=3)"], ["resnet50(num_clases=3) cannot be built", "num_clases"]),
        (["count", "mynet:fails"], ["mynet:fails", "1x4", "RuntimeError: out of order"]),
        (["explain", "mynet:fails", "--tool", "torchinfo"], ["mynet:fails", "RuntimeError: out of order"]),
        (["count", "mynet:without_input"], ["mynet:without_input", "--input"]),
        (["count", "mynet:cannot_be_built"], ["mynet:cannot_be_built", "ValueError: no such size"]),
        (["count", "mynet:number"], ["mynet:number", "int", "torch.nn.Module"]),
        (["count", "mynet:nothing"], ["mynet:nothing"]),
        (["count", "mynet:nte"], ["'nte'", "net"]),
        (["count", "mynett:net"], ["'mynett'", "mynet"]),
        (["run", "mynett:net"], ["'mynett'", "mynet"]),
        (["count", "mynet:"], ["'mynet:'", "package.module:callable"]),
        (["count", "my net:x"], ["'my net:x'", "package.module:callable"]),
        (["count", "resnet\n18"], ["unknown model", "resnet18"]),
        (["count", "resnet18", "--convention", "ma\ncs"], ["unknown convention", "macs"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(
    reconcile: Command, tmp_path: Path, arguments: list[str], parts: list[str]
) -> None:
    check_refused(reconcile(*arguments), *parts)
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, ["there is no file mine.yaml"]),
        ("models: [resnet18\ntools: [thop]\n", ["mine.yaml", "line 2", "YAML"]),
        ("models:\n  - resnet18\n\tjobs: 2\n", ["mine.yaml", "line 3", "YAML"]),
        ("", ["mine.yaml", "nothing"]),
        ("- resnet18\n", ["mine.yaml", "a list"]),
        ("models: [resnet18]\ntolos: [thop]\n", ["mine.yaml", "unknown key 'tolos'", "tools"]),
        ("modles: [resnet18]\n", ["mine.yaml", "'modles'", "models"]),
        ("models: [resnet18]\njobs: many\n", ["mine.yaml", "'jobs'", "integer"]),
        ("models: resnet18\n", ["mine.yaml", "'models'", "list"]),
        ("models: []\n", ["mine.yaml", "'models'", "at least 1"]),
        ("models: [resnet18]\nmode: test\n", ["mine.yaml", "'mode'", "'eval'"]),
        ("models: [resnet18]\ntools: [tohp]\n", ["mine.yaml", "unknown tool 'tohp'", "thop"]),
        ("models: [resnet81]\n", ["mine.yaml", "unknown model 'resnet81'", "resnet18"]),
        ("models: [resnet18]\nreference: mac\n", ["mine.yaml", "unknown convention 'mac'", "macs"]),
        ("models: [{name: resnet18, input: 1x3xbig}]\n", ["mine.yaml", "'1x3xbig'"]),
    ],
)
def test_a_mistake_in_a_configuration_names_the_place(
    reconcile: Command, tmp_path: Path, text: str | None, parts: list[str]
) -> None:
    if text is not None:
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    check_refused(reconcile("run", "--config", "mine.yaml", "--out", "report"), *parts)
    assert written(tmp_path) <= {"mine.yaml"}


def test_a_missing_configuration_comes_with_its_near_match(reconcile: Command, tmp_path: Path) -> None:
    (tmp_path / "smoke.yaml").write_text("models: [resnet18]\n", encoding="utf-8")
    check_refused(reconcile("run", "--config", "smok.yaml"), "there is no file smok.yaml", "smoke.yaml")
    check_refused(reconcile("run", "--config", str(tmp_path)), "is not a file")


def test_a_convention_of_ones_own_is_checked_too(reconcile: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nunit: MAC\ndescription: d\nsource: s\nweights: {macc: 1}\n", encoding="utf-8"
    )
    check_refused(reconcile("count", "mynet:net", "--convention", "mine.yaml"), "mine.yaml", "'macc'", "mac")


def forbid_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written has to be found out before hours of work, not behind them."""

    def never(*_: object) -> None:
        raise AssertionError("the run was started")

    monkeypatch.setattr("reconcile.cli.run_plan", never)


def test_a_folder_below_a_file_is_refused_before_the_run(
    reconcile: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_running(monkeypatch)
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for folder in ("file", "file/report", "file/deep/report"):
        check_refused(reconcile("run", "mynet:net", "--out", folder), folder)
    assert written(tmp_path) == {"file"}
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_folder_with_something_in_it_is_refused_before_the_run(
    reconcile: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_running(monkeypatch)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "notes.txt").write_text("mine", encoding="utf-8")
    check_refused(reconcile("run", "mynet:net", "--out", "report"), "report", "not an empty folder")
    assert written(tmp_path) == {"report"}
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["notes.txt"]


def test_a_folder_in_a_file_system_that_takes_no_files_is_refused_before_the_run(
    reconcile: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_running(monkeypatch)
    check_refused(reconcile("run", "mynet:net", "--out", "/proc/report"), "/proc/report")
    assert written(tmp_path) == set()


# --- count ---


def test_count_as_json(reconcile: Command, tmp_path: Path) -> None:
    outcome = reconcile("count", "mynet:net", "--format", "json")
    assert (outcome.status, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["model"] == "mynet:net"
    assert found["input"] == "2x2x6x7"
    assert found["mode"] == "eval"
    assert found["convention"] == "macs"
    assert found["unit"] == "MAC"
    assert found["total"] == NET_MACS
    assert found["parameters"] == NET_PARAMETERS
    assert found["trainable_parameters"] == NET_PARAMETERS
    assert found["activations"] == NET_ACTIVATIONS
    image, maps = 2 * 2 * 6 * 7, 2 * 3 * 6 * 7
    # In bytes: three layers read their inputs and parameters, and write their outputs.
    assert found["memory"] == {
        "input_bytes": 4 * image,
        "parameter_bytes": 4 * NET_PARAMETERS,
        "forward_backward_bytes": 2 * 4 * (2 * maps + 2 * 5),
        "read_bytes": 4 * (image + maps + 2 * 3 + NET_PARAMETERS),
        "written_bytes": 4 * (2 * maps + 2 * 5),
        "total_bytes": 4 * (image + NET_PARAMETERS + 2 * (2 * maps + 2 * 5)),
    }
    assert found["uncovered"] == {}
    assert found["uncalled"] == []
    assert written(tmp_path) == set()


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("mynet:uncovered", "there is no formula for aten.linalg_cholesky_ex (×1)"),
        ("mynet:idle", "these modules never ran: fc"),
    ],
)
def test_strict_makes_what_is_left_out_a_failure(reconcile: Command, tmp_path: Path, model: str, says: str) -> None:
    assert reconcile("count", model).status == 0
    check_refused(reconcile("count", model, "--strict"), f"{model}: {says}.", status=1)
    assert reconcile("count", "mynet:net", "--strict").status == 0
    (tmp_path / "strict.yaml").write_text(f"models: [{model!r}]\ntools: [torchinfo]\nstrict: true\n")
    for arguments in ((model, "--tools", "torchinfo", "--strict"), ("--config", "strict.yaml")):
        outcome = reconcile("run", *arguments, "--out", f"report-{len(arguments)}")
        assert outcome.status == 1
        assert f"{model}: {says}." in outcome.err
        assert (tmp_path / f"report-{len(arguments)}" / "cells.csv").is_file()


def test_count_of_the_zoo_with_an_input_of_ones_own(reconcile: Command) -> None:
    # alexnet's five convolutions on 2 images of 127 x 127, whose last is pooled to 6 x 6 before the classifier.
    convolutions = [(11, 3, 64, 31), (5, 64, 192, 15), (3, 192, 384, 7), (3, 384, 256, 7), (3, 256, 256, 7)]
    products = sum(size * size * kernel * kernel * c * f for kernel, c, f, size in convolutions)
    products += 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    found = json.loads(reconcile("count", "alexnet", "--input", "2x3x127x127", "--format", "json").out)
    assert (found["input"], found["total"]) == ("2x3x127x127", 2 * products)


def test_count_under_another_convention(reconcile: Command) -> None:
    found = json.loads(reconcile("count", "mynet:net", "--convention", "exact-flops", "--format", "json").out)
    # Every product has a bias, which makes up for the addition that is saved; the normalization folds away.
    assert (found["unit"], found["total"]) == ("FLOP", 2 * NET_MACS)


@pytest.mark.parametrize("convention", ["macs", "flops", "exact-flops"])
@pytest.mark.parametrize("by", ["layer", "operator", "term"])
def test_parts_add_up_to_the_total(reconcile: Command, by: str, convention: str) -> None:
    outcome = reconcile("count", "mynet:net", "--by", by, "--convention", convention, "--format", "json")
    found = json.loads(outcome.out)
    assert sum(found[f"by_{by}"].values()) == found["total"] > 0


def test_parts_by_name(reconcile: Command) -> None:
    conv, fc = 2 * 42 * 3 * 18, 2 * 3 * 5
    by_layer = json.loads(reconcile("count", "mynet:net", "--by", "layer", "--format", "json").out)["by_layer"]
    assert {name: value for name, value in by_layer.items() if value} == {"conv": conv, "fc": fc}
    by_operator = json.loads(reconcile("count", "mynet:net", "--by", "operator", "--format", "json").out)["by_operator"]
    assert {name: value for name, value in by_operator.items() if value} == {"aten.conv2d": conv, "aten.linear": fc}
    by_term = json.loads(reconcile("count", "mynet:net", "--by", "term", "--format", "json").out)["by_term"]
    assert {name: value for name, value in by_term.items() if value} == {"mac": conv + fc}


def test_count_as_csv(reconcile: Command) -> None:
    (row,) = csv.DictReader(io.StringIO(reconcile("count", "mynet:net", "--format", "csv").out))
    assert row == {
        "model": "mynet:net",
        "input": "2x2x6x7",
        "mode": "eval",
        "convention": "macs",
        "unit": "MAC",
        "total": str(NET_MACS),
        "parameters": str(NET_PARAMETERS),
        "activations": str(NET_ACTIVATIONS),
    }
    layers = list(csv.DictReader(io.StringIO(reconcile("count", "mynet:net", "--by", "layer", "--format", "csv").out)))
    assert list(layers[0]) == ["layer", "count", "parameters", "activations", "read_bytes", "written_bytes"]
    assert sum(int(layer["count"]) for layer in layers) == NET_MACS
    assert {layer["layer"]: layer["count"] for layer in layers}["fc"] == "30"


def test_count_as_a_table(reconcile: Command) -> None:
    outcome = reconcile("count", "resnet18", "--by", "layer")
    assert (outcome.status, outcome.err) == (0, "")
    assert "1,814,073,344" in outcome.out
    assert "11,689,512" in outcome.out
    assert "layer4.1.conv2" in outcome.out
    assert "118,013,952" in outcome.out  # conv1: 112 * 112 * 64 * 3 * 49


# --- explain ---


def test_explain_leads_from_the_reference_to_the_tool(reconcile: Command) -> None:
    outcome = reconcile("explain", "mynet:net", "--tool", "ptflops-aten")
    assert (outcome.status, outcome.err) == (0, "")
    bias = 2 * 42 * 3 + 2 * 5  # one per output of the convolution and of the linear layer
    for number in (f"{NET_MACS:,}", f"+{bias:,}", f"{NET_MACS + bias:,}"):
        assert number in outcome.out
    assert "bias" in outcome.out


def test_explain_parameters(reconcile: Command) -> None:
    outcome = reconcile("explain", "mynet:net", "--tool", "thop", "--metric", "params")
    assert outcome.status == 0
    assert str(NET_PARAMETERS) in outcome.out


def test_explain_says_when_the_tool_fails(reconcile: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("tool broken")

    monkeypatch.setattr("torchinfo.summary", broken)
    outcome = reconcile("explain", "mynet:net", "--tool", "torchinfo")
    check_refused(outcome, "torchinfo", "ZeroDivisionError: tool broken", status=1)


# --- list ---


def listed(outcome: Outcome) -> list[list[str]]:
    assert (outcome.status, outcome.err) == (0, "")
    return [line.split("\t") for line in outcome.out.splitlines()]


def test_lists(reconcile: Command) -> None:
    import torchvision

    models = listed(reconcile("list", "models"))
    assert [name for name, _ in models] == sorted(torchvision.models.list_models())
    assert ["resnet50", "1x3x224x224"] in models
    assert ["fasterrcnn_resnet50_fpn", "[3x800x800]"] in models
    tools = listed(reconcile("list", "tools"))
    assert [row[0] for row in tools][: len(TOOLS)] == TOOLS
    assert {row[1] for row in tools if row[0] == "ultralytics-thop"} <= {"not installed", "2.2.3"}
    assert ["torchinfo", "1.8.0", "MAC"] in [row[:3] for row in tools]
    conventions = listed(reconcile("list", "conventions"))
    assert [row[:2] for row in conventions] == [
        ["convolutions", "MAC"],
        ["effective-macs", "MAC"],
        ["exact-flops", "FLOP"],
        ["flops", "FLOP"],
        ["fvcore", "MAC"],
        ["macs", "MAC"],
        ["multiply-adds", "MAC"],
        ["torchstat-flops", "MAC"],
        ["torchstat-madd", "FLOP"],
        ["twice-macs", "FLOP"],
    ]
    causes = listed(reconcile("list", "causes"))
    assert {"bias", "normalization", "reuse", "unexplained"} <= {code for code, _ in causes}
    assert all(len(row) == 2 and row[1].endswith(".") for row in causes)


def test_help_and_version(reconcile: Command) -> None:
    outcome = reconcile("--help")
    assert (outcome.status, outcome.err) == (0, "")
    assert all(name in outcome.out for name in ("run", "count", "explain", "list"))
    version = reconcile("--version")
    assert (version.status, version.err) == (0, "")
    assert version.out.strip()


# --- run ---


@dataclass(frozen=True)
class Report:
    outcome: Outcome
    folder: Path
    left: set[str]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A run of all tools on two models, one of them with keyword inputs."""
    folder = tmp_path_factory.mktemp("work")
    with folder_with_models(folder):
        outcome = run_main("run", "mynet:net", "tests.networks:two_inputs", "--out", "report", "--jobs", "2")
        return Report(outcome, folder / "report", written(folder))


def test_a_run_leaves_a_report_and_nothing_else(report: Report) -> None:
    assert report.outcome.status == 0, report.outcome.err
    assert report.left == {"report"}
    names = {path.name for path in report.folder.iterdir()}
    assert {"index.html", "cells.csv", "causes.csv", "layers.csv", "manifest.json"} <= names
    assert str(Path("report") / "index.html") in report.outcome.out
    assert "Traceback" not in report.outcome.err


def test_cells_of_a_run(report: Report) -> None:
    with (report.folder / "cells.csv").open(encoding="utf-8") as file:
        assert file.readline().rstrip("\n") == CELL_COLUMNS.replace(" ", "")
    cells = rows(report.folder / "cells.csv")
    assert [(cell["model"], cell["tool"], cell["metric"]) for cell in cells] == [
        (model, tool, metric)
        for model in ("mynet:net", "tests.networks:two_inputs")
        for tool in TOOLS
        for metric in ("compute", "params", *{"fvcore": ["activations"], "torchinfo": ["memory"]}.get(tool, []))
    ]
    assert len({cell["run_id"] for cell in cells}) == 1
    for cell in cells:
        assert cell["status"] == "ok"
        assert cell["error"] == ""
        value, reference, difference, explained, residual = (
            int(cell[name]) for name in ("value", "reference", "difference", "explained", "residual")
        )
        assert difference == value - reference == explained + residual
        assert residual == 0
        assert float(cell["seconds"]) >= 0
        assert float(cell["peak_rss_mb"]) > 0
    compute = {(cell["model"], cell["tool"]): cell for cell in cells if cell["metric"] == "compute"}
    net = compute["mynet:net", "ptflops-aten"]
    assert (net["unit"], net["input"], net["reference_convention"]) == ("MAC", "2x2x6x7", "macs")
    assert int(net["reference"]) == NET_MACS
    assert int(net["value"]) == NET_MACS + 2 * 42 * 3 + 2 * 5
    # Two samples of five tokens of eight numbers, to three.
    other = compute["tests.networks:two_inputs", "fvcore"]
    assert (other["input"], int(other["value"])) == ("ids=2x5:int64,scale=2x5x1", 2 * 5 * 8 * 3)
    params = {(cell["model"], cell["tool"]): cell for cell in cells if cell["metric"] == "params"}
    assert int(params["mynet:net", "torchinfo"]["value"]) == NET_PARAMETERS
    assert params["mynet:net", "torchinfo"]["unit"] == "parameter"
    # thop has no rule for an embedding.
    embedded = params["tests.networks:two_inputs", "thop"]
    assert (int(embedded["value"]), int(embedded["reference"])) == (8 * 3 + 3, 20 * 8 + 8 * 3 + 3)


def test_causes_of_a_run_add_up_to_what_is_explained(report: Report) -> None:
    with (report.folder / "causes.csv").open(encoding="utf-8") as file:
        assert file.readline().rstrip("\n") == CAUSE_COLUMNS.replace(" ", "")
    causes = rows(report.folder / "causes.csv")
    for cell in rows(report.folder / "cells.csv"):
        of_cell = [
            cause for cause in causes if all(cause[key] == cell[key] for key in ("run_id", "model", "tool", "metric"))
        ]
        assert sum(int(cause["delta"]) for cause in of_cell) == int(cell["explained"])
        assert len({cause["cause"] for cause in of_cell}) == len(of_cell)
    (bias,) = (c for c in causes if (c["model"], c["tool"], c["cause"]) == ("mynet:net", "ptflops-aten", "bias"))
    assert (bias["metric"], int(bias["delta"])) == ("compute", 2 * 42 * 3 + 2 * 5)
    (unsupported,) = (
        c for c in causes if (c["model"], c["tool"], c["metric"]) == ("tests.networks:two_inputs", "thop", "params")
    )
    assert (unsupported["cause"], int(unsupported["delta"]), unsupported["layers"]) == (
        "unsupported-layer",
        -160,
        "embedding",
    )


def test_layers_of_a_run_add_up_to_the_model(report: Report) -> None:
    with (report.folder / "layers.csv").open(encoding="utf-8") as file:
        assert file.readline().rstrip("\n") == LAYER_COLUMNS.replace(" ", "")
    layers = rows(report.folder / "layers.csv")
    for cell in rows(report.folder / "cells.csv"):
        of_cell = [
            layer for layer in layers if all(layer[key] == cell[key] for key in ("run_id", "model", "tool", "metric"))
        ]
        for name in ("value", "reference", "difference", "explained", "residual"):
            assert sum(int(layer[name]) for layer in of_cell) == int(cell[name])
        for layer in of_cell:
            assert int(layer["value"]) - int(layer["reference"]) == int(layer["difference"])
            assert int(layer["explained"]) + int(layer["residual"]) == int(layer["difference"])
            causes = dict(part.rsplit(":", 1) for part in layer["causes"].split())
            assert sum(map(int, causes.values())) == int(layer["explained"])
    (norm,) = (
        layer
        for layer in layers
        if (layer["model"], layer["tool"], layer["metric"], layer["layer"]) == ("mynet:net", "thop", "compute", "bn")
    )
    # thop: two per element, and that twice where scale and shift are learned.
    assert (norm["layer_type"], norm["calls"], norm["value"], norm["causes"]) == (
        "torch.nn.BatchNorm2d",
        "1",
        str(4 * 2 * 3 * 42),
        f"normalization:+{4 * 2 * 3 * 42}",
    )


def test_manifest_of_a_run(report: Report) -> None:
    import torch

    manifest = json.loads((report.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run_id"] == rows(report.folder / "cells.csv")[0]["run_id"]
    assert manifest["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert list(manifest["tools"]) == sorted(TOOLS)
    assert [model["name"] for model in manifest["models"]] == ["mynet:net", "tests.networks:two_inputs"]
    assert [model["reference"] for model in manifest["models"]] == [NET_MACS, 2 * 5 * 8 * 3]
    assert (manifest["seed"], manifest["jobs"], manifest["convention"]["name"]) == (0, 2, "macs")


def test_a_run_goes_on_past_a_model_that_fails(reconcile: Command, tmp_path: Path) -> None:
    arguments = ["mynet:fails", "mynet:net", "--tools", "thop,torchinfo", "--jobs", "2", "--reference", "flops"]
    outcome = reconcile("run", *arguments)
    assert outcome.status == 1
    assert "Traceback" not in outcome.err
    named = [line for line in outcome.err.splitlines() if line.startswith("reconcile: ")]
    assert any("mynet:fails" in line and "RuntimeError: out of order" in line for line in named)
    assert all("mynet:fails" in line for line in named)  # each says which model, and none is about the other one
    assert written(tmp_path) == {"reports"}  # where no folder is named
    (folder,) = (tmp_path / "reports").iterdir()
    cells = rows(folder / "cells.csv")
    assert {cell["run_id"] for cell in cells} == {folder.name}
    failed = [cell for cell in cells if cell["model"] == "mynet:fails"]
    assert [cell["status"] for cell in failed] == ["failed"] * 4
    assert all(cell["value"] == cell["difference"] == cell["residual"] == "" for cell in failed)
    assert all("RuntimeError" in cell["error"] and "\n" not in cell["error"] for cell in failed)
    assert {cell["input"] for cell in failed} == {"1x4"}
    assert [model["input"] for model in json.loads((folder / "manifest.json").read_text())["models"]] == [
        "1x4",
        "2x2x6x7",
    ]
    right = [cell for cell in cells if cell["model"] == "mynet:net"]
    assert [cell["status"] for cell in right] == ["ok"] * 5  # torchinfo has memory besides
    # Products and additions with their biases, twice per element for normalization, once for ReLU.
    flops = 2 * NET_MACS + 3 * (2 * 3 * 42)
    counted = [int(cell["reference"]) for cell in right if cell["metric"] != "memory"]
    assert counted == [flops, NET_PARAMETERS] * 2
    assert all(int(cell["residual"]) == 0 for cell in right)


def test_an_empty_folder_is_taken(reconcile: Command, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    assert reconcile("run", "mynet:net", "--tools", "fvcore", "--jobs", "1", "--out", "report").status == 0
    assert (tmp_path / "report" / "index.html").is_file()
    assert written(tmp_path) == {"report"}
