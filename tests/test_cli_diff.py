"""``reconcile diff``: what two finished runs are compared by, and one sentence for whatever is wrong with either."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.report import write_report
from reconcile.rules import find_rulebook
from reconcile.run.result import Cell, Run

from .test_cli import Outcome, check_refused, run_main

INPUT = "1x3x224x224 float32"
REFERENCE, NORMALIZATION = 4_089_184_256, 44_455_936
SCRIPT = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"
HOSTILE = f"{SCRIPT} [a](b:c) *x* |y|\n# title `z`\x1b[31m"


def compute(**causes: int) -> Reconciliation:
    value = REFERENCE + sum(causes.values())
    conv = LayerDifference("conv1", "Conv2d", 1, REFERENCE, REFERENCE, {})
    rest = LayerDifference("bn1", "BatchNorm2d", 1, value - REFERENCE, 0, causes)
    return Reconciliation("compute", "MAC", value, "macs", "MAC", REFERENCE, (conv, rest))


def manifest(run_id: str, **others: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "started": "2025-06-01T10:00:00+00:00",
        "versions": {"torch": "2.9.0", "reconcile": "0.1.0"},
        "tools": {"thop": "0.1.1"},
        "models": [{"name": "resnet50", "input": INPUT, "mode": "eval", "source": "", "reference": REFERENCE}],
        **others,
    }


def run_of_thop(run_id: str, version: str, **causes: int) -> Run:
    """A run of thop over one model, without its rulebook."""
    cell = Cell("resnet50", INPUT, "thop", version, "ok", {"compute": compute(**causes)}, 1.5, 300.0)
    reference = ModelReference("resnet50", INPUT, REFERENCE, 7)
    return Run(run_id, "macs", "MAC", ("thop",), (reference,), (cell,), manifest(run_id, tools={"thop": version}))


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    book = find_rulebook("thop")
    assert book is not None
    books = {"thop": book}
    for name in ("first", "second"):
        write_report(replace(run_of_thop(name, "0.1.1", normalization=NORMALIZATION), rulebooks=books), folder / name)
    return folder


@pytest.fixture
def runs(two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder reports/ with the runs first and second, which found the same, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return shutil.copytree(two_runs, tmp_path / "reports")


def diff(*arguments: str) -> Outcome:
    return run_main("diff", *arguments)


def edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def edit_table(path: Path, change: Callable[[list[dict[str, str]]], None]) -> None:
    found = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    change(found)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, found[0])
        writer.writeheader()
        writer.writerows(found)


def recount(folder: Path, **causes: int) -> None:
    """Let another version of thop say something else of the model."""
    shutil.rmtree(folder)
    write_report(run_of_thop(folder.name, "0.2", **causes), folder)


# --- what is found ---


def test_nothing_changed_is_one_line(runs: Path) -> None:
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert found.out == "Nothing changed since first (2025-06-01): 1 number the same.\n"


def test_runs_are_named_by_their_folders_too(runs: Path) -> None:
    assert diff("reports/first", str(runs / "second")).out == diff("first", "second").out


def test_runs_of_the_history_are_found(runs: Path) -> None:
    (runs / "weekly" / "history").mkdir(parents=True)
    (runs / "first").rename(runs / "weekly" / "history" / "first")
    (runs / "second").rename(runs / "weekly" / "second")
    assert diff("first", "second").out.startswith("Nothing changed since first")


def test_a_number_that_moved_is_shown_with_its_reason(runs: Path) -> None:
    recount(runs / "second", bias=7)
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert "1 number. 0 numbers stayed the same." in found.out
    assert f"{REFERENCE + NORMALIZATION:,}" in found.out
    assert f"{REFERENCE + 7:,}" in found.out
    assert "normalization -44,455,936, bias +7" in found.out
    assert "thop 0.1.1 → 0.2" in found.out


@pytest.mark.parametrize(("more", "share"), [(1, "+<0.1 %"), (-1, "-<0.1 %"), (-NORMALIZATION, "-1.1 %")])
def test_a_change_has_its_sign_however_small(runs: Path, more: int, share: str) -> None:
    recount(runs / "second", normalization=NORMALIZATION + more)
    assert f"  {share}  " in diff("first", "second").out


def test_the_table_is_csv_with_exact_numbers(runs: Path) -> None:
    recount(runs / "second", bias=7)
    rows = list(csv.DictReader(io.StringIO(diff("first", "second", "--format", "csv").out)))
    [number] = [row for row in rows if row["kind"] == "number"]
    assert number["before"] == str(REFERENCE + NORMALIZATION)
    assert number["after"] == str(REFERENCE + 7)
    assert number["delta"] == str(7 - NORMALIZATION)
    assert number["reasons"] == "tool"
    assert (number["before_run"], number["after_run"]) == ("first", "second")


def test_markdown_has_a_table_of_the_numbers(runs: Path) -> None:
    recount(runs / "second", bias=7)
    lines = diff("first", "second", "--format", "markdown").out.splitlines()
    assert lines[0] == "# second (2025-06-01)"
    assert "## Numbers" in lines
    assert any(line.startswith("| resnet50 |") and f"{REFERENCE + 7:,}" in line for line in lines)


def test_the_report_has_three_files(runs: Path, tmp_path: Path) -> None:
    found = diff("first", "second", "--out", "what/changed")
    assert found.status == 0
    assert found.out.startswith("Nothing changed")
    assert found.err == "reconcile: report: what/changed/index.html\n"
    names = sorted(path.name for path in (tmp_path / "what" / "changed").iterdir())
    assert names == ["changes.csv", "changes.md", "index.html"]


# --- what is refused ---


def test_an_unknown_run_is_answered_with_the_nearest(runs: Path) -> None:
    check_refused(diff("first", "secnod"), "there is no run secnod", "did you mean second?")


def test_a_name_that_is_no_path_is_an_unknown_run(runs: Path) -> None:
    check_refused(diff("first", "x" * 5000), "there is no run")
    check_refused(diff("first", "se\x00cond"), "there is no run")


@pytest.mark.parametrize("made", ["empty", "file", "unfinished"])
def test_a_folder_that_is_no_finished_run(runs: Path, made: str) -> None:
    place = runs / "third"
    if made == "file":
        place.write_text("no run")
        check_refused(diff("first", "third"), "there is no run third")
        return
    place.mkdir()
    if made == "unfinished":
        (place / "run.json").write_text("{}")
    check_refused(diff("first", "third"), "reports/third has no cells.csv: it is no finished run.")


@pytest.mark.parametrize("column", ["value", "reference", "residual", "seconds", "peak_rss_mb"])
@pytest.mark.parametrize("text", ["many", "1.5.", "inf", "-1e999", "9" * 5000])
def test_a_value_that_is_no_number(runs: Path, column: str, text: str) -> None:
    def damage(rows: list[dict[str, str]]) -> None:
        rows[0][column] = text

    if text == "9" * 5000 and column in ("seconds", "peak_rss_mb"):
        text = "inf"  # a decimal of so many digits is infinite
    edit_table(runs / "second" / "cells.csv", damage)
    check_refused(diff("first", "second"), "reports/second/cells.csv, row 1", column, "is no number")


def test_a_negative_time_is_no_number(runs: Path) -> None:
    edit_table(runs / "second" / "cells.csv", lambda rows: rows[0].update(seconds="-1"))
    check_refused(diff("first", "second"), "cells.csv, row 1, seconds: '-1' is no number")


def test_a_cause_that_is_no_number(runs: Path) -> None:
    edit_table(runs / "second" / "causes.csv", lambda rows: rows[0].update(delta="some"))
    check_refused(diff("first", "second"), "causes.csv, row 1, delta: 'some' is no number")


@pytest.mark.parametrize("column", ["model", "tool", "metric", "status", "value"])
def test_a_column_that_is_missing(runs: Path, column: str) -> None:
    def without(rows: list[dict[str, str]]) -> None:
        for row in rows:
            del row[column]

    edit_table(runs / "second" / "cells.csv", without)
    check_refused(diff("first", "second"), "reports/second/cells.csv", f"no column '{column}'")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b'model,tool\n"open', b"model,model\na,b\n", b"model,tool\na\n", b"\x00\x01"]
)
def test_a_table_that_is_none(runs: Path, content: bytes) -> None:
    (runs / "second" / "cells.csv").write_bytes(content)
    check_refused(diff("first", "second"), "reports/second/cells.csv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "it is damaged"),
        (b"", "it is damaged"),
        (b"\xff", "it is damaged"),
        (b"[" * 100_000, "it is damaged"),
        (b"[]", "is no manifest of a run"),
        (b"null", "is no manifest of a run"),
    ],
)
def test_a_damaged_manifest(runs: Path, content: bytes, said: str) -> None:
    (runs / "second" / "manifest.json").write_bytes(content)
    check_refused(diff("first", "second"), "reports/second/manifest.json", said)


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, [None], [[]], {"thop": None}, {"thop": []}])
@pytest.mark.parametrize("key", ["run_id", "started", "versions", "tools", "determinants", "sources", "models", "seed"])
def test_a_manifest_with_another_shape_is_read_as_far_as_it_goes(runs: Path, key: str, value: object) -> None:
    path = runs / "second" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}), encoding="utf-8")
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")


@pytest.mark.parametrize("kind", ["folder", "file", "run"])
def test_a_place_that_is_taken_is_left_alone(runs: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / ("run.json" if kind == "run" else "mine.txt")).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    check_refused(diff("first", "second", "--out", "out"), "out", "folder")
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_written_if_a_run_cannot_be_read(runs: Path, tmp_path: Path) -> None:
    check_refused(diff("first", "secnod", "--out", "out"), "secnod")
    (runs / "second" / "manifest.json").write_text("{")
    check_refused(diff("first", "second", "--out", "out"), "manifest.json")
    assert not (tmp_path / "out").exists()


def test_the_form_is_one_of_three(runs: Path) -> None:
    check_refused(diff("first", "second", "--format", "html"), "'html'", "markdown")


# --- what an older version wrote ---


def make_older(folder: Path) -> None:
    """Leave of a run what its first version would have written."""
    shutil.rmtree(folder / "rulebooks")
    (folder / "causes.csv").unlink()
    path = folder / "manifest.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for model in found["models"]:
        del model["source"]
    path.write_text(json.dumps({k: v for k, v in found.items() if k not in ("determinants", "sources")}))

    def without(rows: list[dict[str, str]]) -> None:
        for row in rows:
            del row["input"], row["peak_rss_mb"]

    edit_table(folder / "cells.csv", without)


@pytest.mark.parametrize("older", [("first",), ("second",), ("first", "second")])
def test_tables_of_an_older_version_are_compared(runs: Path, older: tuple[str, ...]) -> None:
    for name in older:
        make_older(runs / name)
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert "1 number the same" in found.out or "1 number stayed the same" in found.out


def test_a_number_of_an_older_version_that_moved_is_found(runs: Path) -> None:
    recount(runs / "second", bias=7)
    make_older(runs / "first")
    rows = list(csv.DictReader(io.StringIO(diff("first", "second", "--format", "csv").out)))
    [number] = [row for row in rows if row["kind"] == "number"]
    assert number["delta"] == str(7 - NORMALIZATION)


def test_a_run_without_a_manifest_is_compared(runs: Path) -> None:
    (runs / "first" / "manifest.json").unlink()
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert "first: " in found.out


@pytest.mark.parametrize("content", [b"of_another: form\n", b"[", b"", b"- a\n", b"\xff\xfe"])
def test_a_rulebook_of_another_version_is_a_remark(runs: Path, content: bytes) -> None:
    (runs / "second" / "rulebooks" / "thop.yaml").write_bytes(content)
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("Nothing changed since first")
    assert "the rulebook of thop in second is in a form that this version does not read" in found.out


# --- names ---


@pytest.fixture
def hostile(runs: Path) -> Path:
    """Two runs whose models, tools, versions and ids are not to be taken for more than text."""
    for run_id, moved in (("first", 0), ("second", 7)):
        cells = [
            Cell(model, INPUT, tool, "1", "ok", {"compute": compute(bias=moved)}, 1.0, 1.0)
            for model in (HOSTILE, FORMULA)
            for tool in ("thop", HOSTILE, FORMULA)
        ]
        cells.append(Cell("gone", INPUT, HOSTILE, "1", "failed" if moved else "ok", error=HOSTILE if moved else ""))
        references = tuple(ModelReference(model, INPUT, REFERENCE, 7) for model in (HOSTILE, FORMULA, "gone"))
        facts = manifest(f"{HOSTILE}{run_id}", tools={"thop": "1", HOSTILE: f"{HOSTILE}{moved}", FORMULA: "1"})
        facts["versions"] = {"torch": f"{HOSTILE}{moved}", HOSTILE: f"{FORMULA}{moved}", FORMULA: f"{moved}"}
        shutil.rmtree(runs / run_id)
        tools = ("thop", HOSTILE, FORMULA)
        write_report(Run(run_id, "macs", "MAC", tools, references, tuple(cells), facts), runs / run_id)
    return runs


def test_names_are_text_in_the_terminal(hostile: Path) -> None:
    found = diff("first", "second")
    assert (found.status, found.err) == (0, "")
    assert "\x1b" not in found.out
    assert SCRIPT in found.out
    assert "[a](b:c)" in found.out
    assert ": 6 numbers, 1 status." in found.out.splitlines()[0]


def test_names_are_text_in_markdown(hostile: Path) -> None:
    text = diff("first", "second", "--format", "markdown").out
    assert "\x1b" not in text
    assert "<" not in text
    assert not re.search(r"(?<!\\)[\[\]`*]", text.replace("**", ""))
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert {line.lstrip("# ") for line in headings[1:]} <= {
        "To look at", "What the runs were made with", "Numbers", "Native counts", "Failures", "Explanations",
    }  # fmt: skip  # one entry a line would fill the page
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_names_are_text_in_csv(hostile: Path) -> None:
    rows = list(csv.reader(io.StringIO(diff("first", "second", "--format", "csv").out)))
    assert {len(row) for row in rows} == {len(rows[0])}
    numbers = {rows[0].index(name) for name in ("before", "after", "delta")}
    for row in rows[1:]:
        for place, entry in enumerate(row):
            assert not entry.startswith(("=", "@", "\t", "\r", "+"))
            assert place in numbers or not entry.startswith("-")
    assert any(entry == f"'{FORMULA}" for row in rows for entry in row)


def test_names_are_text_on_the_page(hostile: Path, tmp_path: Path) -> None:
    assert diff("first", "second", "--out", "out").status == 0
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
