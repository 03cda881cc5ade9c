from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from reconcile.report.agreement import agreements
from reconcile.report.agreement_tables import agreement_table, flips_table
from reconcile.report.tables import Table, write_csv
from reconcile.run.result import Run

from .agreeing import cell, small_run
from .runs import FORMULA, INPUT, SCRIPT, nasty_run


def rows(table: Table) -> list[dict[str, object]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_the_documented_ones() -> None:
    assert " ".join(agreement_table(()).columns) == (
        "metric tool other_tool models equal share_equal median_ratio largest_ratio largest_ratio_model model_pairs "
        "flipped_pairs share_flipped kendall_tau causes"
    )
    assert " ".join(flips_table(()).columns) == (
        "metric tool unit other_tool other_unit lower_model lower_input upper_model upper_input lower_value "
        "upper_value gap other_lower_value other_upper_value other_gap"
    )


def test_a_row_for_each_pair() -> None:
    found = rows(agreement_table(agreements(small_run())))
    assert [(row["metric"], row["tool"], row["other_tool"]) for row in found] == [
        ("compute", "first", "second"),
        ("compute", "first", "third"),
        ("compute", "first", "reference"),
        ("compute", "second", "third"),
        ("compute", "second", "reference"),
        ("compute", "third", "reference"),
        ("params", "first", "third"),
        ("params", "first", "reference"),
        ("params", "third", "reference"),
    ]
    assert found[1] == {
        "metric": "compute", "tool": "first", "other_tool": "third", "models": 4, "equal": 1, "share_equal": 0.25,
        "median_ratio": 66 / 35, "largest_ratio": 2.0, "largest_ratio_model": "a", "model_pairs": 6,
        "flipped_pairs": 1, "share_flipped": 1 / 6, "kendall_tau": 2 / 3,
        "causes": "unit: 4, attention: 1, unexplained: 1, bias: 1",
    }  # fmt: skip  # one entry a line would fill the page


def test_flips_have_the_numbers_as_the_tools_gave_them() -> None:
    found = rows(flips_table(agreements(small_run())))
    assert found[0] == {
        "metric": "compute", "tool": "first", "unit": "MAC", "other_tool": "third", "other_unit": "FLOP",
        "lower_model": "c", "lower_input": INPUT, "upper_model": "b", "upper_input": INPUT, "lower_value": 150,
        "upper_value": 200, "gap": 0.25, "other_lower_value": 300, "other_upper_value": 200, "other_gap": 1 / 3,
    }  # fmt: skip  # one entry a line would fill the page
    assert [row["other_tool"] for row in found] == ["third", "reference", "third", "reference"]


def test_a_model_at_two_inputs_is_named_with_its_input() -> None:
    cells = [replace(cell(tool, "a", 100), input=given) for tool in ("first", "second") for given in ("1x3", "1x4")]
    found = rows(agreement_table(agreements(replace(small_run(), cells=tuple(cells)))))
    assert found[0]["largest_ratio_model"] == "a (1x3)"


def test_a_ratio_to_nothing_is_infinite_in_the_file(tmp_path: Path) -> None:
    cells = (cell("first", "a", 100), cell("second", "a", 100, attention=-100))
    write_csv(agreement_table(agreements(replace(small_run(), cells=cells))), tmp_path / "agreement.csv")
    assert read(tmp_path / "agreement.csv")[0]["largest_ratio"] == "inf"


def test_nasty_names_are_neutral_in_the_files(tmp_path: Path) -> None:
    cells = (
        cell(FORMULA, FORMULA, 10), cell(FORMULA, SCRIPT, 20),
        cell(SCRIPT, FORMULA, 10, bias=30), cell(SCRIPT, SCRIPT, 20),
    )  # fmt: skip  # one entry a line would fill the page
    compared = agreements(replace(nasty_run(), tools=(FORMULA, SCRIPT), cells=cells))
    write_csv(agreement_table(compared), tmp_path / "agreement.csv")
    write_csv(flips_table(compared), tmp_path / "flips.csv")
    first = read(tmp_path / "agreement.csv")[0]
    assert (first["tool"], first["other_tool"], first["largest_ratio_model"]) == (f"'{FORMULA}", SCRIPT, f"'{FORMULA}")
    flip = read(tmp_path / "flips.csv")[0]
    assert (flip["lower_model"], flip["upper_model"]) == (f"'{FORMULA}", SCRIPT)


@pytest.mark.parametrize("cells", [0, 1])
def test_little_or_nothing_keeps_the_columns(cells: int) -> None:
    run: Run = replace(small_run(), cells=small_run().cells[1 : 1 + cells])
    table = agreement_table(agreements(run))
    assert len(table.columns) == 14
    assert [row[:3] for row in table.rows] == [(metric, "first", "reference") for metric in ("compute", "params")][
        : 2 * cells
    ]
    assert flips_table(agreements(run)).rows == ()
