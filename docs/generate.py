"""Write the parts of the documentation that follow from the code: `python -m docs.generate`, from the top folder."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from docs.examples import PAGES, with_fresh_examples
from reconcile.learn.matrix import NOT_COUNTED, WITHOUT_FORMULA
from reconcile.reference import TERMS, Convention, any_dimension, registered
from reconcile.report import Table, write_csv
from reconcile.report.conventions import conventions_of, conventions_table
from reconcile.rules import Rulebook, load_rulebook
from reconcile.tools import OWN_TOOLS

FOLDER = Path(__file__).parent


def formulas() -> str:
    """Every formula with its kind of layer and operators."""
    by_formula: dict[object, tuple[list[str], list[str]]] = {}
    for operator, entries in registered().items():
        for entry in entries:
            kinds, operators = by_formula.setdefault(entry.function, ([], []))
            names = (entry.kind,) if isinstance(entry.kind, str) else entry.kind.kinds
            kinds += [name for name in map(any_dimension, names) if name not in kinds]
            operators.append(operator)
    lines = [
        "# Formulas",
        "",
        "What each operator contributes to a count, by term. Tests hold them against loops that execute the operator",
        "and count their own operations (`tests/truth/`), and against arithmetic by hand (`tests/reference/`).",
        "Operators that move, make or read data, or draw random numbers, count nothing.",
        "",
        "| term | what it counts |",
        "| --- | --- |",
        *(f"| `{term}` | {meaning} |" for term, meaning in TERMS.items()),
    ]
    for function, (kinds, operators) in by_formula.items():
        title = getattr(function, "__name__", "").strip("_").replace("_", " ")
        lines += ["", f"## {title}", "", f"Kind: {', '.join(f'`{kind}`' for kind in sorted(kinds))}", ""]
        lines += [*_paragraphs(function), ""]
        lines.append("Operators: " + ", ".join(f"`{name}`" for name in operators))
    return "\n".join(lines) + "\n"


def convention_schema() -> str:
    """The schema of a convention's file, for editors."""
    return json.dumps(Convention.model_json_schema(), indent=2) + "\n"


def matrix() -> str:
    """What each tool counts for each kind of layer, formula by formula."""
    found = conventions_of(_rulebooks())
    lines = [
        "# What each tool counts",
        "",
        "For each layer, as module (`torch.nn.Linear`) or as function (`torch.nn.functional.linear`), every",
        "formula in use and the tools that use it, from the rulebooks in `configs/rulebooks/`. Most of these are",
        "learned from what the tool returned for small models, `reconcile learn TOOL`, and all are held against",
        "the tool. Terms are those of [formulas.md](formulas.md): `mac` is one multiply-add, `bias` one addition",
        "for each output that has a bias. Other names are sizes of the call: `output_elements`, `input_batch`",
        "(first axis), `input_channels` (second) `input_positions` (all further ones), `input_last`,",
        "`weight_elements`. `0` is a rule that counts nothing. The same table with a column for each tool:",
        "[matrix.csv](matrix.csv).",
        "",
        "| tool | versions | counts in | watches |",
        "| --- | --- | --- | --- |",
    ]
    for tool, book in found.books.items():
        lines.append(f"| {tool} | {', '.join(book.versions)} | {book.unit or 'nothing'} | {book.description} |")
    subject = ""
    for row in found.rows:
        if row.layer != subject:
            lines += ["", f"## {row.layer}", "", "| formula | tools | settings |", "| --- | --- | --- |"]
            subject = row.layer
        users: dict[str, list[str]] = {}
        for tool, text in row.formulas.items():
            users.setdefault(text, []).append(tool)
        for text, tools in sorted(users.items(), key=lambda item: item[0] == NOT_COUNTED):
            shown = text if text in (NOT_COUNTED, WITHOUT_FORMULA) else f"`{text}`"
            lines.append(f"| {shown} | {', '.join(tools)} | {row.settings or 'all'} |")
    return "\n".join(lines) + "\n"


def matrix_table() -> Table:
    """The same with a column for each tool."""
    return conventions_table(conventions_of(_rulebooks()))


def _rulebooks() -> dict[str, Rulebook]:
    return {tool: load_rulebook(tool) for tool in OWN_TOOLS}


GENERATED = {"formulas.md": formulas, "convention.schema.json": convention_schema, "matrix.md": matrix}
TABLES = {"matrix.csv": matrix_table}


def _paragraphs(function: object) -> list[str]:
    text = inspect.getdoc(function) or ""
    text = re.sub(r":func:`~?(?:[\w.]+\.)?(\w+)`", lambda match: match[1].replace("_", " "), text).replace("``", "`")
    return re.sub(r"(?<!\n)\nUnit:", "\n\nUnit:", text, count=1).splitlines()


if __name__ == "__main__":
    for name, write in GENERATED.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")
    for name, make in TABLES.items():
        write_csv(make(), FOLDER / name)
    for page in PAGES:
        page.write_text(with_fresh_examples(page.read_text(encoding="utf-8")), encoding="utf-8")
