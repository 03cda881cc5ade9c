"""Documentation that follows from the code does, and examples print what the pages say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.examples import PAGES, examples, files, run_again
from docs.generate import FOLDER, convention_schema, formulas, matrix, matrix_table
from reconcile.diff import CAUSES
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


@pytest.mark.parametrize(
    ("example", "beside"),
    [
        pytest.param(example, files(text), id=f"{page.name}: {example.partition(chr(10))[0]}")
        for page in PAGES
        for text in (page.read_text(encoding="utf-8"),)
        for example in examples(text)
    ],
)
def test_an_example_prints_what_the_page_says(example: str, beside: dict[str, str]) -> None:
    assert run_again(example, beside) == example, "run: python -m docs.generate"


def test_every_page_with_examples_is_run_again() -> None:
    pages = (*FOLDER.parent.glob("*.md"), *FOLDER.glob("*.md"))
    assert {page for page in pages if examples(page.read_text(encoding="utf-8"))} == set(PAGES)


def test_examples_run_beside_the_files_of_their_page() -> None:
    page = (
        "```python a_file.py\nnumber = 7\n```\n```console\n$ reconcile list nothing\n```\n```python\nnumber = 8\n```\n"
    )
    assert files(page) == {"a_file.py": "number = 7\n"}
    session = ">>> import a_file\n>>> a_file.number"
    assert run_again(session, files(page)).splitlines()[-1] == "7"
    assert run_again(session, {"a_file.py": "number = 8\n"}).splitlines()[-1] == "8"  # nothing is left of the first
    assert not Path("a_file.py").exists()


def test_an_example_is_a_command_or_a_session() -> None:
    page = "```console\n$ reconcile list causes | head -n 1\n\n```\n```pycon\n>>> 2 + 3\n5\n```\n```sql\nSELECT\n```\n"
    assert examples(page) == ["$ reconcile list causes | head -n 1\n", ">>> 2 + 3\n5"]
    assert run_again(">>> for n in (1, 2):\n...     print(n)\n...\n>>> n * 2\nrotten") == (
        ">>> for n in (1, 2):\n...     print(n)\n...\n1\n2\n>>> n * 2\n4"
    )
    assert run_again("$ reconcile list causes | head -n 1").partition("\n")[2].startswith("unit\t")
    with pytest.raises(ValueError, match="no command of the form"):
        run_again("$ rm -r reports")
    with pytest.raises(ValueError, match="ends with status 2"):
        run_again("$ reconcile list nothing")


def test_the_page_of_causes_names_every_cause_once() -> None:
    page = (FOLDER / "causes.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    named = [code for row in rows for code in row.removeprefix("| ").replace("`", "").split(", ")]
    assert sorted(named) == sorted(CAUSES)
