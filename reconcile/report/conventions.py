"""What each tool of a run counts for each kind of layer, by its rulebook: the matrix of conventions as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.learn.matrix import MatrixRow, convention_matrix
from reconcile.report.tables import Table
from reconcile.rules import Rulebook

PLACE_COLUMNS = ("layer", "kind", "settings")


@dataclass(frozen=True, slots=True)
class Conventions:
    """The rulebooks of columns by the column's name, and what they say of each layer."""

    books: Mapping[str, Rulebook]
    rows: tuple[MatrixRow, ...]


def conventions_of(books: Mapping[str, Rulebook]) -> Conventions:
    """Return what the rulebooks of columns say of each layer."""
    return Conventions(books, convention_matrix(books))


def conventions_table(found: Conventions) -> Table:
    """A row for each layer, as module or function, and a column for each tool; unit and scope of each tool first."""
    books = found.books.values()
    facts = (
        ("(versions)", "", "", *(", ".join(book.versions) for book in books)),
        ("(unit)", "", "", *(book.unit for book in books)),
        ("(scope)", "", "", *(book.description for book in books)),
    )
    return Table((*PLACE_COLUMNS, *found.books), (*facts, *(_row(row) for row in found.rows)))


def _row(row: MatrixRow) -> tuple[str, ...]:
    return (row.layer, row.kind, row.settings, *row.formulas.values())
