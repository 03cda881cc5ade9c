from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconcile.report.frames import causes_frame, cells_frame, layers_frame
from reconcile.report.tables import Table, causes_table, causes_text, cells_table, layers_table, write_csv
from reconcile.run.result import Run

from .runs import FORMULA, HUGE, SCRIPT, layer, nasty_run, reconciliation


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_the_documented_ones(run: Run) -> None:
    assert " ".join(cells_frame(run)) == (
        "run_id model input tool tool_version metric unit status value reference_convention reference difference "
        "explained residual seconds peak_rss_mb error"
    )
    assert " ".join(causes_frame(run)) == "run_id model tool metric cause delta layers"
    assert " ".join(layers_frame(run)) == (
        "run_id model tool metric layer layer_type calls value reference difference explained residual causes"
    )


def test_an_empty_run_keeps_the_columns(run: Run) -> None:
    empty = replace(run, cells=(), references=())
    assert (len(cells_frame(empty)), len(cells_frame(empty).columns)) == (0, 17)
    assert len(layers_frame(empty).columns) == 13


@pytest.mark.parametrize("table", [cells_table, causes_table, layers_table])
def test_every_row_has_a_value_for_each_column(run: Run, table: Callable[[Run], Table]) -> None:
    found = table(run)
    assert found.rows
    assert {len(row) for row in found.rows} == {len(found.columns)}


def test_a_csv_file_holds_its_table_line_by_line(tmp_path: Path) -> None:
    rows = (("a,b", 2**70, 0.1, None), ("", -1, 1e-07, 'say "x"'), ("=1", 0, 300.0, "'"))
    write_csv(Table(("text", "count", "seconds", "error"), rows), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "text,count,seconds,error",
        '"a,b",1180591620717411303424,0.1,',
        ',-1,1e-07,"say ""x"""',
        "'=1,0,300.0,'",
    ]


def test_frames_hold_what_the_tables_hold(run: Run) -> None:
    for frame, table in (
        (cells_frame(run), cells_table(run)),
        (causes_frame(run), causes_table(run)),
        (layers_frame(run), layers_table(run)),
    ):
        assert tuple(frame) == table.columns
        rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
        assert tuple(rows) == table.rows


def test_rows_keep_the_order_of_the_run(run: Run) -> None:
    frame = cells_frame(run)
    assert list(dict.fromkeys(zip(frame["model"], frame["tool"], strict=True))) == [
        (cell.model, cell.tool) for cell in run.cells
    ]


def test_every_row_balances(run: Run) -> None:
    for frame in (cells_frame(run).dropna(subset=["value"]), layers_frame(run)):
        assert (frame["value"] - frame["reference"] == frame["difference"]).all()
        assert (frame["explained"] + frame["residual"] == frame["difference"]).all()


def test_the_tables_add_up_to_each_other(run: Run) -> None:
    cells = cells_frame(run).dropna(subset=["value"]).set_index(["model", "tool", "metric"])
    layers = layers_frame(run).groupby(["model", "tool", "metric"], sort=False)[["value", "explained"]].sum()
    causes = causes_frame(run).groupby(["model", "tool", "metric"], sort=False)["delta"].sum()
    assert (layers["value"] == cells["value"]).all()
    assert (causes.reindex(cells.index, fill_value=0) == cells["explained"]).all()


def test_a_failed_cell_has_its_rows_with_the_reference_alone(run: Run) -> None:
    frame = cells_frame(run)
    failed = frame[(frame["model"] == "pkg.mod:net") & (frame["status"] == "failed")]
    assert failed["metric"].tolist() == ["compute", "params"]
    assert failed["reference"].tolist() == [4_089_284_608, 7]
    assert failed[["value", "difference", "explained", "residual"]].isna().all(axis=None)
    timed_out = frame[frame["status"] == "timeout"]
    assert timed_out["reference"].isna().tolist() == [False, True]


def test_layers_are_named_as_shown(run: Run) -> None:
    frame = layers_frame(run)
    assert {"(model)", "(functions)", "conv1"} <= set(frame["layer"])
    linear = frame[(frame["layer"] == "fc")].iloc[0]
    assert linear["causes"] == "bias:+455936 formula:-7"
    normalization = causes_frame(run).set_index("cause").loc["normalization"]
    assert normalization["layers"].split(" ") == [f"layer{index}.bn" for index in range(44)]


def test_causes_are_written_in_a_stable_order() -> None:
    assert causes_text({"b": 1, "a": -1, "none": 0, "big": 9}) == "big:+9 a:-1 b:+1"


@pytest.mark.parametrize("huge", [HUGE, 2**63 + 1, -(2**70)])
def test_integers_are_exact_whatever_their_size(run: Run, huge: int, tmp_path: Path) -> None:
    cell = replace(run.cells[0], reconciliations={"compute": reconciliation(layer("", "Net", huge))})
    frame = cells_frame(replace(run, cells=(cell, run.cells[1])))
    assert frame["value"].iloc[0] == huge
    write_csv(cells_table(replace(run, cells=(cell, run.cells[1]))), tmp_path / "cells.csv")
    rows = read(tmp_path / "cells.csv")
    assert rows[0]["value"] == str(huge)
    assert rows[1]["value"] == ""
    assert rows[1]["reference"] == "4089284608"


def test_no_text_is_evaluated_and_no_number_changed(tmp_path: Path) -> None:
    starts = ["=1", "+1", "-1", "@x", "\tx", "\rx", "plain", "'quoted", "a=b"]
    write_csv(Table(("text", "number"), tuple((text, -1) for text in starts)), tmp_path / "table.csv")
    rows = read(tmp_path / "table.csv")
    texts = [row["text"] for row in rows]
    assert texts == ["'=1", "'+1", "'-1", "'@x", "'\tx", "'\nx", "plain", "'quoted", "a=b"]
    assert {row["number"] for row in rows} == {"-1"}


def test_csv_survives_any_text(tmp_path: Path) -> None:
    texts = ['comma, "quote"', "line\nline", "return\rreturn", "ünï ✓", "lone \ud800"]
    write_csv(Table(("text", "after"), tuple((text, "x") for text in texts)), tmp_path / "table.csv")
    assert b"\r" not in (tmp_path / "table.csv").read_bytes()
    rows = read(tmp_path / "table.csv")
    assert [row["text"] for row in rows] == [*texts[:2], "return\nreturn", texts[3], "lone \\ud800"]
    assert {row["after"] for row in rows} == {"x"}


def test_nasty_names_are_neutral_in_the_files(tmp_path: Path) -> None:
    write_csv(cells_table(nasty_run()), tmp_path / "cells.csv")
    rows = read(tmp_path / "cells.csv")
    assert {row["tool"] for row in rows} == {"thop", f"'{FORMULA}", SCRIPT}
    assert f"'@ValueError: {SCRIPT}" in {row["error"] for row in rows}
