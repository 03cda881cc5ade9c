"""``reconcile weekly``: one week after another, weeks that were stopped, and a history that is damaged."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile import cli

from .test_cli import Outcome, check_refused, run_main

MODELS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


def steady() -> tuple[nn.Module, torch.Tensor]:
    return Net(), torch.zeros(3, 4)


def moving() -> tuple[nn.Module, torch.Tensor]:
    return Net(), torch.zeros(3, 4)
"""
MACS = 3 * 4 * 5
FAILS_UNDER_THOP = MODELS.replace(
    "def moving() -> tuple[nn.Module, torch.Tensor]:\n    return Net()",
    """class Moving(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if "total_ops" in self.fc._buffers:
            raise RuntimeError("not under thop any more")
        return self.fc(x)


def moving() -> tuple[nn.Module, torch.Tensor]:
    return Moving()""",
)
CONFIGURATION = """
models: [weeklynet:steady, weeklynet:moving]
tools: [thop]
tools_may_fail: true
jobs: 1
claims: [claims.csv]
"""
CLAIMS = f"model,value,unit,source\nweeklynet:steady,{MACS},MACs,a paper\n"


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder; its modules are forgotten afterwards."""
    path = list(sys.path)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = path
        sys.modules.pop("weeklynet", None)


def week(*arguments: str) -> Outcome:
    return run_main("weekly", "--config", "weekly.yaml", "--out", "weeks", *arguments)


def runs_in(folder: Path) -> list[Path]:
    """The runs of a folder of weeks, the earliest first; one that goes on keeps its name."""
    return sorted((path for path in folder.iterdir() if (path / "run.json").exists()), key=started)


def started(run: Path) -> float:
    return (run / "run.json").stat().st_mtime_ns


@pytest.fixture(scope="module")
def two_weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, Outcome]:
    """A folder with two weekly runs that found the same, and what was said of each."""
    folder = tmp_path_factory.mktemp("weekly")
    (folder / "weeklynet.py").write_text(MODELS, encoding="utf-8")
    (folder / "weekly.yaml").write_text(CONFIGURATION, encoding="utf-8")
    (folder / "claims.csv").write_text(CLAIMS, encoding="utf-8")
    with working_in(folder):
        return folder, week(), week()


@pytest.fixture
def place(two_weeks: tuple[Path, Outcome, Outcome], tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder to work in."""
    copy = shutil.copytree(two_weeks[0], tmp_path / "work")
    with working_in(copy):
        yield copy


def test_the_first_week_has_nothing_to_be_compared_with(two_weeks: tuple[Path, Outcome, Outcome]) -> None:
    folder, first, _ = two_weeks
    run = runs_in(folder / "weeks")[0]
    assert first.status == 0
    assert first.out.splitlines() == [
        f"The first run: there is nothing to compare {run.name} with.",
        f"Report: weeks/{run.name}/index.html; all runs: weeks/index.html",
    ]
    assert (run / "verdicts.csv").is_file()
    assert not (folder / "weeks" / "history" / run.name / "changes.csv").exists()


def test_the_second_week_says_in_one_line_that_nothing_changed(two_weeks: tuple[Path, Outcome, Outcome]) -> None:
    folder, _, second = two_weeks
    earlier, later = runs_in(folder / "weeks")
    assert second.status == 0
    nothing, report = second.out.splitlines()
    assert nothing.startswith(f"Nothing changed since {earlier.name} (")
    assert nothing.endswith("): 4 numbers and 1 verdict the same.")  # compute and parameters of two models
    assert report == f"Report: weeks/{later.name}/index.html; all runs: weeks/index.html"
    summary = (folder / "weeks" / "summary.md").read_text(encoding="utf-8")
    assert "Nothing changed since" in summary


def test_weeks_are_compared_by_name(place: Path) -> None:
    names = [run.name for run in runs_in(place / "weeks")]
    places = [[f"weeks/{name}" for name in names], [f"weeks/history/{name}" for name in names]]
    for before, after in (*places, (places[0][0], places[1][1])):
        found = run_main("diff", before, after)
        assert (found.status, found.err) == (0, "")
        assert found.out.startswith(f"Nothing changed since {names[0]}")


def stop(*arguments: object, **further: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stage", ["write_report", "audit_week"])
def test_a_week_that_was_stopped_is_named_and_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cli, stage, stop)
        assert week().status == 130
    stopped = runs_in(place / "weeks")[-1]
    history = place / "weeks" / "history"
    assert not (history / stopped.name).exists()
    sentence = (
        f"reconcile: weeks/{stopped.name} was not finished: reconcile weekly --resume {stopped.name} goes on with"
    )
    if stage == "audit_week":  # a further week passes over it, whatever it had left
        later = week()
        assert later.status == 0
        assert sentence in later.err
        assert later.out.startswith(f"Nothing changed since {runs_in(place / 'weeks')[1].name}")
    resumed = week("--resume", stopped.name)
    assert resumed.status == 0
    assert resumed.out.startswith("Nothing changed since")
    assert sentence not in resumed.err
    assert (stopped / "index.html").is_file()
    assert (stopped / "verdicts.csv").is_file()
    assert (history / stopped.name / "changes.csv").is_file()
    assert [path.name for path in history.glob(".*")] == []


def test_a_record_that_is_damaged_is_passed_over(place: Path) -> None:
    earlier, later = runs_in(place / "weeks")
    (place / "weeks" / "history" / later.name / "cells.parquet").write_bytes(b"PAR1")
    found = week()
    assert found.status == 0
    assert f"reconcile: {later.name} is passed over: " in found.err
    assert "Traceback" not in found.err
    assert found.out.startswith(f"Nothing changed since {earlier.name}")
    page = (place / "weeks" / "index.html").read_text(encoding="utf-8")
    assert f"{later.name} is left out" in page


def test_a_lost_number_fails(place: Path) -> None:
    (place / "weeklynet.py").write_text(FAILS_UNDER_THOP, encoding="utf-8")
    found = week()
    assert found.status == 1
    assert "thop gives no number for weeklynet:moving any more" in " ".join(found.out.split())
    assert "not under thop any more" in found.out
    assert "Traceback" not in found.err
    again = week()
    assert again.status == 0  # it was lost before, and said then
    assert again.out.startswith("Nothing changed since")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (CONFIGURATION.replace("claims:", "claism:"), ["weekly.yaml", "unknown key 'claism'", "did you mean claims"]),
        (CONFIGURATION.replace("tools:", "tolos:"), ["weekly.yaml", "unknown key 'tolos'", "did you mean tools"]),
        (CONFIGURATION.replace("claims.csv", "papres"), ["weekly.yaml", "'papres'", "did you mean papers"]),
        (CONFIGURATION.replace("claims.csv", "claim.csv"), ["weekly.yaml", "claim.csv"]),
        (CONFIGURATION.replace("[claims.csv]", "papers"), ["weekly.yaml", "'claims'", "list"]),
        (CONFIGURATION.replace("thop", "tohp"), ["weekly.yaml", "unknown tool 'tohp'", "thop"]),
        ("", ["weekly.yaml", "nothing"]),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(tmp_path: Path, text: str, parts: list[str]) -> None:
    (tmp_path / "weekly.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "claims.csv").write_text(CLAIMS, encoding="utf-8")
    (tmp_path / "weeklynet.py").write_text(MODELS, encoding="utf-8")
    with working_in(tmp_path):
        check_refused(week(), *parts)
    assert not (tmp_path / "weeks").exists()


def test_a_week_that_is_not_there_cannot_go_on(place: Path) -> None:
    name = runs_in(place / "weeks")[-1].name
    before = sorted(path.name for path in (place / "weeks").iterdir())
    check_refused(week("--resume", name[:-1]), f"there is no run {name[:-1]}", "did you mean")
    check_refused(week("--resume", "history"), "history is not the folder of a run")
    assert sorted(path.name for path in (place / "weeks").iterdir()) == before
