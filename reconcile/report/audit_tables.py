"""An audit as tables: a row for each claim in the file's order, and one for each source and unit."""

from __future__ import annotations

from reconcile.claims import Audit, AuditedClaim, BadRow
from reconcile.report.tables import Row, Table

VERDICT_COLUMNS = (
    "verdict", "matched_convention", "matched_input", "count", "relative_gap", "alternatives", "note",
)  # fmt: skip  # a list of names
"""Those that an audit adds to a file's own columns."""


def verdicts_table(audit: Audit) -> Table:
    """The file's columns, and what was found; a row that is no claim has the verdict ``bad-row``.

    ``count`` is in units of one, ``relative_gap`` how much of the printed number it is above it.
    """
    own = tuple(dict.fromkeys(name for row in audit.rows for name, _ in _columns(row) if name not in VERDICT_COLUMNS))
    rows = []
    for row in audit.rows:
        cells = dict(_columns(row))
        rows.append((*(cells.get(name, "") for name in own), *_found(row)))
    return Table((*own, *VERDICT_COLUMNS), tuple(rows))


def sources_table(audit: Audit) -> Table:
    """By what the numbers of each source and unit count, and how many of those that can be counted do."""
    columns = ("source", "unit", "measure", "claims", "countable", "fitting")
    return Table(
        columns,
        tuple(
            (table.source, table.unit, table.measure, table.claims, table.countable, table.fitting)
            for table in audit.tables
        ),
    )


def _columns(row: AuditedClaim | BadRow) -> tuple[tuple[str, str], ...]:
    return row.columns if isinstance(row, BadRow) else row.claim.columns


def _found(row: AuditedClaim | BadRow) -> Row:
    if isinstance(row, BadRow):
        return ("bad-row", "", "", None, None, "", row.reason)
    best = row.finding.best
    alternatives = "; ".join(item.words for item in row.finding.alternatives)
    if best is None or row.ratio is None:
        return (row.finding.verdict, "", "", None, None, alternatives, row.note)
    gap = round(1 / row.ratio - 1, 6)
    return (row.finding.verdict, best.measure, best.input, int(best.count), gap, alternatives, row.note)
