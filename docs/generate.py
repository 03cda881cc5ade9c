"""Write the parts of the documentation that follow from the code: `python -m docs.generate`, from the top folder."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from reconcile.reference import TERMS, Convention, any_dimension, registered

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


GENERATED = {"formulas.md": formulas, "convention.schema.json": convention_schema}


def _paragraphs(function: object) -> list[str]:
    text = inspect.getdoc(function) or ""
    text = re.sub(r":func:`~?(?:[\w.]+\.)?(\w+)`", lambda match: match[1].replace("_", " "), text).replace("``", "`")
    return re.sub(r"(?<!\n)\nUnit:", "\n\nUnit:", text, count=1).splitlines()


if __name__ == "__main__":
    for name, write in GENERATED.items():
        (FOLDER / name).write_text(write(), encoding="utf-8")
