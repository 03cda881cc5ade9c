"""Documentation that follows from the code does."""

from __future__ import annotations

import json
from pathlib import Path

from docs.generate import FOLDER, convention_schema, formulas, matrix, matrix_table
from reconcile.report import write_csv


def test_the_page_of_formulas_is_up_to_date() -> None:
    assert (FOLDER / "formulas.md").read_text(encoding="utf-8") == formulas(), "run: python -m docs.generate"


def test_the_matrix_of_conventions_is_up_to_date(tmp_path: Path) -> None:
    assert (FOLDER / "matrix.md").read_text(encoding="utf-8") == matrix(), "run: python -m docs.generate"
    write_csv(matrix_table(), tmp_path / "matrix.csv")
    assert (FOLDER / "matrix.csv").read_bytes() == (tmp_path / "matrix.csv").read_bytes()


def test_the_schema_of_conventions_knows_every_key_term_and_kind() -> None:
    written = json.loads((FOLDER / "convention.schema.json").read_text(encoding="utf-8"))["properties"]
    current = json.loads(convention_schema())["properties"]
    assert written.keys() == current.keys()
    for key in ("weights", "kinds"):
        assert written[key] == current[key], "run: python -m docs.generate"
