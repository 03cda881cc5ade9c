"""``reconcile outdated``: what is printed where, and the exit status."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from reconcile import cli
from reconcile.environments import Offer
from reconcile.outdated import compare_with_index, learn_newer, study
from tests.environments.wheels import write_wheel
from tests.outdated.lessons import without_biases

ROW = {"distribution": "torchinfo", "columns": ["torchinfo"], "installed": "1.8.0", "newest": "2.0", "state": "newer"}


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "models.yaml"
    file.write_text("models: ['tests.run.models:net', 'tests.outdated.models:relu']\n", encoding="utf-8")
    return str(file)


@pytest.fixture
def learned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "learn_newer", partial(learn_newer, learn_column=without_biases))
    monkeypatch.setattr(study, "revised", lambda known, lesson: lesson.rulebook)  # it has no probe to revise a rule by


def answer(offer: Offer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "compare_with_index", partial(compare_with_index, ask=lambda _: offer))


def test_what_the_index_has(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wheel(index, "torchinfo", "2.0", {"torchinfo.py": ""})
    write_wheel(index, "ptflops", "0.7.5", {"ptflops.py": ""})
    assert cli.main(["outdated", "torchinfo", "ptflops", "fvcore", "--format", "csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "distribution,columns,installed,newest,state",
        "torchinfo,torchinfo,1.8.0,2.0,newer",
        'ptflops,"ptflops-pytorch, ptflops-aten",0.7.5,0.7.5,up to date',
        "fvcore,fvcore,0.1.5.post20221221,,not in the index",
    ]
    assert captured.err == ""
    assert cli.main(["outdated", "torchinfo", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"tools": [ROW]}


def test_every_tool_that_is_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(Offer(("0.0.1",)), monkeypatch)
    assert cli.main(["outdated", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["tools"]
    assert {row["distribution"] for row in rows} >= {"thop", "ptflops", "fvcore", "torchinfo", "torch"}
    assert len({row["distribution"] for row in rows}) == len(rows)
    (torch,) = [row for row in rows if row["distribution"] == "torch"]
    assert torch["columns"] == ["flop-counter", "flop-counter-no-grad", "torch-profiler"]


def test_an_index_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(Offer(failure="a.test: timed out"), monkeypatch)
    assert cli.main(["outdated", "torchinfo", "thop", "--format", "csv"]) == 1
    captured = capsys.readouterr()
    assert [line.rpartition(",")[2] for line in captured.out.splitlines()] == ["state", "unknown", "unknown"]
    sentence = "the package index cannot be asked about torchinfo, thop: a.test: timed out."
    assert captured.err == f"reconcile: {sentence}\n"
    assert cli.main(["outdated", "thop", "--learn"]) == 1
    assert "Nothing is outdated" not in capsys.readouterr().out  # nobody knows


def test_nothing_is_outdated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(Offer(("1.8.0",)), monkeypatch)
    assert cli.main(["outdated", "torchinfo", "--learn"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "Nothing is outdated."
    assert "up to date" in captured.out
    assert captured.err == ""


@pytest.mark.usefixtures("learned_at_once")
def test_what_a_newer_version_would_change(index: Path, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    # A linear layer of 4 inputs and 5 outputs on 3 rows: 60 products and 15 biases. ReLU has no weights.
    write_wheel(index, "torchinfo", "2.0", {"torchinfo.py": ""})
    arguments = ["outdated", "torchinfo", "--learn", "--config", config, "--jobs", "1"]
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "  tests.run.models:net: 75 becomes 60 (-15).",
        "  1 of 2 models keep their numbers.",
    ]
    assert "torchinfo==2.0, where 1.8.0 is installed" in lines
    assert cli.main([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tools"] == [ROW]
    (learned,) = found["learned"]
    assert (learned["subject"], learned["models"], learned["problem"]) == ("torchinfo==2.0", 2, "")
    assert learned["moved"] == [
        {
            "model": "tests.run.models:net", "metric": "compute", "known": 75, "unit": "MAC", "learned": 60,
            "new_unit": "MAC", "without_formula": [],
        }
    ]  # fmt: skip  # one entry a line would fill the page


@pytest.mark.usefixtures("learned_at_once")
def test_what_cannot_be_made_is_a_failure(
    index: Path, config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(Offer(("9.0",)), monkeypatch)
    assert cli.main(["outdated", "torchinfo", "--learn", "--config", config]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("reconcile: pip cannot install torchinfo==9.0 over torch ")
    assert captured.err.count("\n") == 1


def test_torch_is_listed_and_never_learned(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(Offer(("99.0",)), monkeypatch)
    assert cli.main(["outdated", "torch", "--learn"]) == 0
    sentence = "  torch 99.0 is not learned: all environments share the one that is installed."
    assert capsys.readouterr().out.splitlines()[-1] == sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tohp"], "unknown tool 'tohp'; did you mean thop"),
        (["thop==newest"], "'newest' is no version"),
        (["thop==0.0.2"], "thop==0.0.2 needs thop 0.0.2, which is not installed"),
        ([""], "no tool is named"),
        (["--config", "x.yaml"], "--config is for --learn"),
        (["--jobs", "2"], "--jobs is for --learn"),
        (["--learn", "--format", "csv"], "what is learned makes no rows"),
        (["--learn", "--config", "no-such.yaml"], "there is no file"),
    ],
)
def test_errors_of_use(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(Offer(("0.0.1",)), monkeypatch)
    assert cli.main(["outdated", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"reconcile: {sentence}")
    assert (captured.err.count("\n"), captured.out) == (1, "")
