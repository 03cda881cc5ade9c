"""A tool that another distribution brings along is a column like any other, and a broken one is one sentence."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.configs import parse, read_yaml
from reconcile.rules import Rulebook

PLUGIN = Path(__file__).with_name("plugin")
ROOT = Path(__file__).parents[2]


def reconcile(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reconcile.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(PLUGIN), str(ROOT)))},
    )


def test_it_is_listed_and_runs(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in reconcile("list", "tools").stdout.splitlines()]
    assert ["plain-counter", "1.0", "FLOP", "hooks on linear layers"] in rows
    assert [row[1] for row in rows if row[0] in ("broken-counter", "misnamed")] == ["cannot be used"] * 2
    assert [row[:2] for row in rows if row[0] == "thop"] == [["thop", "0.1.1.post2209072238"]]  # nobody takes its place
    run = tmp_path / "run"
    finished = reconcile("run", "tests.run.models:net", "--tools", "plain-counter,thop", "--out", str(run))
    assert finished.returncode == 0, finished.stderr
    with (run / "cells.csv").open(encoding="utf-8", newline="") as file:
        found = {(row["tool"], row["metric"]): row for row in csv.DictReader(file)}
    # A linear layer of 4 inputs and 5 outputs on 3 rows: 60 products.
    own = found["plain-counter", "compute"]
    assert (own["value"], own["unit"], own["reference"], own["residual"]) == ("120", "FLOP", "60", "60")
    assert ("plain-counter", "params") not in found


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("broken-counter", "the adapter 'broken-counter' of plain-counter cannot be loaded ("),
        ("misnamed", "the adapter 'misnamed' of plain-counter cannot be used: its name is 'plain-counter'."),
        ("plain-conter", "unknown tool 'plain-conter'; did you mean plain-counter"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    finished = reconcile("run", "resnet18", "--tools", name, "--out", str(tmp_path / "run"))
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"reconcile: {sentence}")
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_an_adapter_is_under_thirty_lines() -> None:
    assert len((PLUGIN / "plain_counter.py").read_text(encoding="utf-8").splitlines()) < 30


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_rulebook_is_learned(tmp_path: Path) -> None:
    place = tmp_path / "plain-counter.yaml"
    finished = reconcile("learn", "plain-counter", "--out", str(place))
    assert finished.returncode == 0, finished.stderr
    book = parse(Rulebook, read_yaml(place), str(place))
    assert (book.tool, book.versions, book.unit, book.without_formula) == ("plain-counter", ["1.0"], "FLOP", {})
    assert book.modules is not None
    # Hooks on linear layers, not on what derives from them; two operations for each product, whatever the batch.
    assert [(rule.names, rule.bases, rule.counts) for rule in book.modules.rules] == [
        (["torch.nn.Linear"], [], {"mac": 2})
    ]
    assert (book.functions, book.operators, book.parameters) == (None, None, None)
    right, checked = re.findall(r"([\d,]+) of ([\d,]+) numbers at unused shapes", finished.stderr)[0]
    assert right == checked
