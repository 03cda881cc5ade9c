from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconcile.errors import ReconcileError
from reconcile.report import html, write_report
from reconcile.report.manifest import manifest_facts
from reconcile.run import Run, check_is_free


def test_a_report_has_its_files(run: Run, tmp_path: Path) -> None:
    write_report(run, tmp_path / "deep" / "report")
    names = sorted(item.name for item in (tmp_path / "deep" / "report").iterdir())
    assert names == [
        "agreement.csv", "agreement.html", "causes.csv", "cells.csv", "conventions.csv", "conventions.html",
        "flips.csv", "index.html", "layers.csv", "manifest.json", "models", "proofs.csv", "rulebooks",
    ]  # fmt: skip  # one entry a line would fill the page
    assert [item.name for item in (tmp_path / "deep").iterdir()] == ["report"]


def test_the_manifest_is_sorted_and_whole(run: Run, tmp_path: Path) -> None:
    write_report(run, tmp_path / "report")
    text = (tmp_path / "report" / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text) == run.manifest
    assert list(json.loads(text)) == sorted(run.manifest)
    assert text.endswith("}\n")


def test_an_empty_folder_is_filled(run: Run, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    write_report(run, tmp_path / "report")
    assert (tmp_path / "report" / "index.html").is_file()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_left_alone(run: Run, tmp_path: Path, kind: str) -> None:
    occupied = tmp_path / "report"
    if kind == "folder":
        occupied.mkdir()
        (occupied / "mine.txt").write_text("mine")
    else:
        occupied.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ReconcileError, match=r"^The report folder .* is not an empty folder; choose another one\.$"):
        write_report(run, occupied)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(run: Run, folder: Path, compared: object, counted: object) -> None:
        (folder / "index.html").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(html, "write_html", full)
    with pytest.raises(ReconcileError, match="cannot be written: No space left on device"):
        write_report(run, tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(run: Run, folder: Path, compared: object, counted: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(html, "write_html", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(run, tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    check_is_free(tmp_path / "new" / "report")
    check_is_free(tmp_path)
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file", tmp_path / "file" / "report"):
        with pytest.raises(ReconcileError, match=r"^The report folder .*\.$"):
            check_is_free(place)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_the_manifest_is_shown_flat(run: Run) -> None:
    listed = replace(run, manifest={"versions": {"torch": "2.9"}, "models": [{"a": 1}, {"a": 2}], "argv": ["x", "y"]})
    assert manifest_facts(listed) == (("argv", "x y"), ("models", "2, in manifest.json"), ("versions.torch", "2.9"))


def test_a_place_that_cannot_be_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReconcileError, match=r"The report folder .*file/report cannot be written"):
        write_report(run, tmp_path / "file" / "report")
