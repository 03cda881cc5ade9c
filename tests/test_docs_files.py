"""The page of files names every file and column that the code writes, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from docs.generate import FOLDER
from reconcile.changes.reasons import ReasonCode
from reconcile.claims import Audit
from reconcile.report.agreement_tables import AGREEMENT_COLUMNS, FLIP_COLUMNS
from reconcile.report.audit_tables import VERDICT_COLUMNS, sources_table
from reconcile.report.changes_tables import CHANGE_COLUMNS
from reconcile.report.conventions import PLACE_COLUMNS
from reconcile.report.tables import CAUSE_COLUMNS, CELL_COLUMNS, LAYER_COLUMNS, PROOF_COLUMNS
from reconcile.report.trend_page import STEP_COLUMNS
from reconcile.run import history
from reconcile.run.config import RunConfig
from reconcile.run.folder import StoredModel, StoredPlan
from reconcile.run.records import SCHEMAS

PAGE = (FOLDER / "files.md").read_text(encoding="utf-8")
HISTORY = (FOLDER / "history.md").read_text(encoding="utf-8")

COLUMNS = {
    "cells.csv": CELL_COLUMNS,
    "causes.csv": CAUSE_COLUMNS,
    "proofs.csv": PROOF_COLUMNS,
    "layers.csv": LAYER_COLUMNS,
    "conventions.csv": PLACE_COLUMNS,
    "agreement.csv": AGREEMENT_COLUMNS,
    "flips.csv": FLIP_COLUMNS,
    "verdicts.csv": VERDICT_COLUMNS,
    "sources.csv": sources_table(Audit((), ())).columns,
    "changes.csv": CHANGE_COLUMNS,
    "trend.csv": STEP_COLUMNS,
}


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def described(title: str) -> list[str]:
    """The names in the first column of a section's table, each of which has words beside it."""
    rows = [line.split(" | ", 1) for line in section(title).splitlines() if line.startswith("| `")]
    assert all(meaning.strip(" |") for _, meaning in rows)
    return [name for names, _ in rows for name in words(names)]


def views(folder: Path) -> dict[str, list[str]]:
    pytest.importorskip("duckdb", reason="the history is an extra, and comes with DuckDB")
    connection = history(str(folder))
    return {
        name: [column for column, *_ in connection.execute(f"DESCRIBE {name}").fetchall()]
        for name in re.findall(r"^\| `(\w+)` \|", HISTORY, re.MULTILINE)
    }


@pytest.mark.parametrize("file", COLUMNS)
def test_every_column_of_a_table_is_described_once(file: str) -> None:
    assert sorted(described(file)) == sorted(COLUMNS[file])


def test_the_index_names_every_table_and_leads_to_it() -> None:
    index = PAGE.partition("\n## ")[0]
    for file in COLUMNS:
        assert f"[`{file}`](#{file.replace('.', '')})" in index


def test_every_reason_is_described() -> None:
    page = (FOLDER / "weekly.md").read_text(encoding="utf-8")
    table = page.partition("| code | reason |")[2].partition("\n\n")[0]
    assert sorted(name for row in table.splitlines() for name in words(row.partition(" | ")[0])) == sorted(
        get_args(ReasonCode)
    )


def test_every_key_of_a_plan_is_named() -> None:
    assert set(StoredPlan.model_fields) | set(StoredModel.model_fields) <= set(words(section("run.json")))


def test_every_key_of_a_configuration_has_its_default() -> None:
    page = (FOLDER / "comparing.md").read_text(encoding="utf-8")
    table = re.split(r"^## ", page.partition("\n## A configuration\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))
    assert list(rows) == list(RunConfig.model_fields)
    for name in ("reference", "mode", "execution"):
        assert rows[name] == f"`{RunConfig.model_fields[name].default}`"
    for name in ("strict", "tools_may_fail", "seed", "timeout_seconds", "verified_share"):
        assert rows[name] == str(RunConfig.model_fields[name].default).lower()


def test_every_column_of_the_views_stands_in_both_pages(tmp_path: Path) -> None:
    shared = words(HISTORY.partition("columns beside ")[2].partition(" |\n")[0])
    known = views(tmp_path)
    assert len(known) == 7
    for name, columns in known.items():
        row = re.findall(rf"^\| `{name}` \|(.*)$", HISTORY, re.MULTILINE)[0]
        named = words(row.partition("(and no")[0])
        without = words(row.partition("(and no")[2])
        assert sorted(columns) == sorted({*shared, *named} - set(without)), name
        assert set(columns) <= set(described("results/")), name


def test_every_column_of_the_files_of_results_is_described_and_nothing_else(tmp_path: Path) -> None:
    stored = {name for schema in SCHEMAS.values() for name in schema.names}
    viewed = {name for columns in views(tmp_path).values() for name in columns}
    assert set(described("results/")) == stored | viewed
