"""Tools beside the main ones in a run: each has the metrics that it reports; learned rules explain its differences."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reconcile.cli import main

TOOLS = ("thop", "mmengine", "torchsummary", "flop-counter", "torch-profiler", "torchstat-madd", "ultralytics-thop")


def test_a_run_of_further_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tools = ",".join(TOOLS[:-1])
    assert main(["run", "squeezenet1_1", "--input", "1x3x64x64", "--tools", tools, "--out", str(tmp_path / "run")]) == 0
    with (tmp_path / "run" / "cells.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["tool"], row["metric"]): row for row in csv.DictReader(file)}
    assert {place: row["status"] for place, row in rows.items()} == dict.fromkeys(
        [
            ("thop", "compute"), ("thop", "params"),
            ("mmengine", "compute"), ("mmengine", "params"), ("mmengine", "activations"),
            ("torchsummary", "params"), ("torchsummary", "memory"),
            ("flop-counter", "compute"),
            ("torch-profiler", "compute"),
            ("torchstat-madd", "compute"), ("torchstat-madd", "params"), ("torchstat-madd", "memory"),
        ],
        "ok",
    )  # fmt: skip  # one entry a line would fill the page
    for row in rows.values():
        assert int(row["value"]) - int(row["reference"]) == int(row["explained"]) + int(row["residual"])
    reference = int(rows["thop", "compute"]["reference"])
    assert int(rows["flop-counter", "compute"]["value"]) == 2 * reference  # it counts two for each of the same products
    ruled = [row for (tool, _), row in rows.items() if tool != "torch-profiler"]
    assert {row["residual"] for row in ruled} == {"0"}
    assert rows["torchsummary", "memory"]["difference"] != "0"
    assert "mmengine" in (tmp_path / "run" / "index.html").read_text(encoding="utf-8")


def test_what_is_not_installed_or_not_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILE_ENVIRONMENTS", str(tmp_path / "environments"))
    for arguments, status, sentence in (
        (["run", "resnet18", "--tools", "ultralytics-thop", "--out", str(tmp_path / "x")], 2,
         "ultralytics-thop needs ultralytics-thop, which is not installed: "
         "'reconcile environment ultralytics-thop' gives it an environment of its own."),
        (["explain", "tests.run.models:net", "--tool", "flop-counter", "--metric", "params"], 1,
         "flop-counter does not report params: choose from compute."),
    ):  # fmt: skip  # one entry a line would fill the page
        assert main(arguments) == status
        assert capsys.readouterr().err.strip().splitlines()[-1] == f"reconcile: {sentence}"
    assert not (tmp_path / "x").exists()


def test_a_job_in_which_tools_may_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tool that raises is no failure of such a run, unless it gives no number at all."""
    config = tmp_path / "job.yaml"
    for may_fail, models, status in (
        ("false", "[squeezenet1_1, vit_b_32]", 1),
        ("true", "[squeezenet1_1, vit_b_32]", 0),
        ("true", "[vit_b_32]", 1),
        ("true", "[squeezenet1_1, 'tests.run.models:raises']", 1),  # a model that does not run at all
    ):
        config.write_text(f"models: {models}\ntools: [torchsummary]\ntools_may_fail: {may_fail}\n", encoding="utf-8")
        out = tmp_path / "runs" / str(len(list((tmp_path / "runs").glob("*"))))
        assert main(["run", "--config", str(config), "--out", str(out)]) == status, capsys.readouterr()
        said = capsys.readouterr()
        assert bool(said.err) == bool(status)
        assert "vit_b_32" not in models or "AttributeError" in said.out
