"""What each tool of a run counts for each kind of layer, by its rulebook: the matrix of conventions as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconcile.learn.matrix import MatrixRow, convention_matrix
from reconcile.report.tables import Table
from reconcile.rules import Rulebook, find_rulebook

PLACE_COLUMNS = ("layer", "kind", "settings")


def rulebooks_of(tools: Sequence[str]) -> dict[str, Rulebook]:
    """Return the rulebooks that there are for columns, by the column's name."""
    found = {tool: find_rulebook(tool) for tool in tools}
    return {tool: book for tool, book in found.items() if book is not None}


def conventions_table(books: Mapping[str, Rulebook]) -> Table:
    """A row for each layer, as module or function, and a column for each tool; unit and scope of each tool first."""
    facts = (
        ("(versions)", "", "", *(", ".join(book.versions) for book in books.values())),
        ("(unit)", "", "", *(book.unit for book in books.values())),
        ("(scope)", "", "", *(book.description for book in books.values())),
    )
    rows = (_row(row, books) for row in convention_matrix(books))
    return Table((*PLACE_COLUMNS, *books), (*facts, *rows))


def _row(row: MatrixRow, books: Mapping[str, Rulebook]) -> tuple[str, ...]:
    return (row.layer, row.kind, row.settings, *(row.formulas[tool] for tool in books))
