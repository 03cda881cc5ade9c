"""A run: each cell in a process of its own, in the plan's order, whatever the others do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from reconcile.jobs.worker import measure_as_documented
from reconcile.run import Cell, Run, measure, number_of_jobs
from reconcile.trace import trace_spec
from reconcile.zoo import resolve
from tests.run.models import BIASES, MACS, PARAMETERS, SAMPLES
from tests.run.runs import WHERE, plan_of, run_in

TOOLS = ["thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo"]

COMPUTE = {
    "thop": MACS,
    "ptflops-pytorch": (MACS + BIASES) // SAMPLES,
    "ptflops-aten": MACS + BIASES,
    "fvcore": MACS,
    "torchinfo": MACS + BIASES,
}
"""What each tool counts for the linear layer: with its bias or without, of all samples or of one."""


def run(models: Sequence[str], tools: Sequence[str], folder: Path, timeout: float = 120) -> tuple[Run, list[str]]:
    plan = plan_of([f"{WHERE}:{name}" for name in models], tools, timeout_seconds=timeout, seed=3)
    done = run_in(plan, folder / "run")
    assert len(done.progress) == number_of_jobs(plan) == len(models) * (1 + len(tools))
    assert done.damaged == []
    return done.run, done.progress


def check_right(cell: Cell) -> None:
    assert (cell.status, cell.error) == ("ok", "")
    assert cell.seconds is not None
    assert cell.peak_rss_mb is not None
    assert cell.peak_rss_mb > 0
    compute, params = cell.reconciliations["compute"], cell.reconciliations["params"]
    assert (compute.value, compute.reference, compute.residual) == (COMPUTE[cell.tool], MACS, 0)
    assert (params.value, params.reference, params.residual) == (PARAMETERS, PARAMETERS, 0)


def test_what_becomes_of_one_cell_costs_no_other(tmp_path: Path) -> None:
    models = ["net", "raises", "dies", "hangs", "keyword_only", "dies_always", "leaves_traces"]
    tools = ["torchinfo", "thop"]
    result, finished = run(models, tools, tmp_path, timeout=5)
    assert sorted(finished) == sorted(f"{WHERE}:{model} · {what}" for model in models for what in ("reference", *tools))
    assert [(cell.model, cell.tool) for cell in result.cells] == [
        (f"{WHERE}:{model}", tool) for model in models for tool in tools
    ]
    status = {(cell.model.partition(":")[2], cell.tool): cell.status for cell in result.cells}
    assert status == {
        ("net", "torchinfo"): "ok",
        ("net", "thop"): "ok",
        ("raises", "torchinfo"): "failed",
        ("raises", "thop"): "failed",
        ("dies", "torchinfo"): "crashed",
        ("dies", "thop"): "crashed",
        ("hangs", "torchinfo"): "timeout",
        ("hangs", "thop"): "timeout",
        ("keyword_only", "torchinfo"): "ok",
        ("keyword_only", "thop"): "unsupported",
        ("dies_always", "torchinfo"): "crashed",
        ("dies_always", "thop"): "crashed",
        ("leaves_traces", "torchinfo"): "ok",
        ("leaves_traces", "thop"): "ok",
    }
    for cell in result.cells:
        assert cell.input == ("" if cell.model.endswith(":dies_always") else cell.input)
        if cell.status == "ok":
            check_right(cell)
        else:
            assert cell.reconciliations == {}
            assert cell.error
            assert "\n" not in cell.error
    errors = {(cell.model.partition(":")[2], cell.tool): cell.error for cell in result.cells}
    assert "RuntimeError: out of order" in errors["raises", "thop"]
    assert "exit code 7" in errors["dies", "thop"]
    assert "5 seconds" in errors["hangs", "torchinfo"]
    assert "'x'" in errors["keyword_only", "thop"]

    references = {reference.model.partition(":")[2]: reference for reference in result.references}
    assert list(references) == models
    for model in ("net", "dies", "hangs", "keyword_only", "leaves_traces"):
        assert (references[model].compute, references[model].parameters) == (MACS, PARAMETERS)
        assert references[model].error == ""
        assert references[model].execution == "meta"
    for model, words in (("raises", "RuntimeError: out of order"), ("dies_always", "exit code 9")):
        assert (references[model].compute, references[model].parameters) == (None, None)
        assert words in references[model].error
    assert [(model["name"], model["reference"], model["error"]) for model in result.manifest["models"]] == [
        (reference.model, reference.compute, reference.error) for reference in result.references
    ]


def test_a_cell_and_its_reference_have_one_input(tmp_path: Path) -> None:
    result, _ = run(["net", "raises"], ["thop"], tmp_path)
    assert [cell.input for cell in result.cells] == [reference.input for reference in result.references]
    assert result.cells[0].input == "3x4"


@pytest.mark.parametrize("tools", [TOOLS, TOOLS[::-1], ["fvcore"]], ids=["in order", "reversed", "one alone"])
def test_numbers_do_not_depend_on_the_order_of_tools(tools: list[str], tmp_path: Path) -> None:
    result, _ = run(["other", "net"], tools, tmp_path)
    assert result.tools == tuple(tools)
    assert [(cell.model, cell.tool) for cell in result.cells] == [
        (f"{WHERE}:{model}", tool) for model in ("other", "net") for tool in tools
    ]
    for cell in result.cells[len(tools) :]:
        check_right(cell)
    values = {cell.tool: cell.reconciliations["compute"].value for cell in result.cells[: len(tools)]}
    # ReLU by the sample as a module, and once more as a function, of all samples.
    relu = {"ptflops-pytorch": BIASES // SAMPLES + BIASES}
    assert values == {tool: COMPUTE[tool] + relu.get(tool, 0) for tool in tools}


def test_the_manifest_says_how_to_repeat_the_run(tmp_path: Path) -> None:
    import numpy
    import pandas
    import torch
    import torchvision

    result, _ = run(["net", "other"], ["torchinfo", "fvcore"], tmp_path, timeout=99)
    manifest = result.manifest
    assert manifest["run_id"] == result.run_id
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", result.run_id)
    assert manifest["started"] <= manifest["finished"]
    assert result.run_id[:15] <= manifest["started"].replace("-", "").replace(":", "")[:15]
    assert (manifest["seed"], manifest["jobs"], manifest["timeout_seconds"]) == (3, 2, 99)
    assert manifest["tools"] == {"torchinfo": "1.8.0", "fvcore": "0.1.5.post20221221"}
    assert manifest["convention"]["name"] == result.convention == "macs"
    assert manifest["convention"]["weights"] == {"mac": 1}
    assert result.unit == "MAC"
    for module in (torch, torchvision, numpy, pandas):
        assert manifest["versions"][module.__name__].partition("+")[0] == module.__version__.partition("+")[0]
    assert isinstance(manifest["command_line"], list)
    assert [(m["name"], m["input"], m["mode"], m["parameters"], m["uncovered"]) for m in manifest["models"]] == [
        (f"{WHERE}:net", "3x4", "eval", PARAMETERS, {}),
        (f"{WHERE}:other", "3x4", "eval", PARAMETERS, {}),
    ]
    assert {cell.tool_version for cell in result.cells} == {"1.8.0", "0.1.5.post20221221"}


def test_two_runs_have_two_names(tmp_path: Path) -> None:
    first, _ = run(["net"], ["fvcore"], tmp_path / "first")
    second, _ = run(["net"], ["fvcore"], tmp_path / "second")
    assert first.run_id != second.run_id
    assert [cell.reconciliations for cell in first.cells] == [cell.reconciliations for cell in second.cells]


def test_nothing_that_a_model_prints_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    from tests.run.models import LeavesTraces

    spec = resolve(f"{WHERE}:leaves_traces")
    found, _ = trace_spec(spec)
    LeavesTraces.runs = 0
    capfd.readouterr()
    cell = measure(spec, "thop", found)
    assert (cell.status, cell.inputs) == ("ok", "3x4")
    assert capfd.readouterr() == ("", "")


def test_measuring_in_this_process_leaves_it_as_it_was() -> None:
    import gc

    spec = resolve(f"{WHERE}:net")
    found, _ = trace_spec(spec)
    before = list(warnings.filters)
    assert measure(spec, "thop", found).status == "ok"
    assert gc.isenabled()
    assert list(warnings.filters) == before


def test_what_a_cell_returns_where_the_tool_gives_up() -> None:
    failed = measure_as_documented(resolve(f"{WHERE}:raises"), "fvcore")
    assert (failed.status, failed.measurements, failed.inputs) == ("failed", {}, "3x4")
    assert failed.error.startswith("fvcore")
    assert "RuntimeError: out of order" in failed.error
    assert "second line" not in failed.error
    unsupported = measure_as_documented(resolve(f"{WHERE}:keyword_only"), "thop")
    assert (unsupported.status, unsupported.measurements) == ("unsupported", {})
    assert unsupported.error.startswith("thop")
    missing = measure_as_documented(resolve("tests.networks:convolutional"), "thop")
    assert (missing.status, missing.measurements) == ("failed", {})
    assert "--input" in missing.error
