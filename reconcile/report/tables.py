"""A run as tables of cells, causes, proofs and layers: every integer exact, and as CSV that no spreadsheet executes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TextIO

from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.report.breakdown import ranked
from reconcile.report.names import layer_label
from reconcile.run.result import Cell, Run

CELL_COLUMNS = (
    "run_id", "model", "input", "tool", "tool_version", "metric", "unit", "status", "value", "reference_convention",
    "reference", "difference", "explained", "residual", "seconds", "peak_rss_mb", "error",
)  # fmt: skip  # a list of names
CAUSE_COLUMNS = ("run_id", "model", "tool", "metric", "cause", "delta", "layers")
LAYER_COLUMNS = (
    "run_id", "model", "tool", "metric", "layer", "layer_type", "calls", "value", "reference", "difference",
    "explained", "residual", "causes",
)  # fmt: skip  # a list of names

PROOF_COLUMNS = (
    "run_id", "model", "tool", "metric", "cause", "subject", "term", "tool_formula", "reference_formula", "tool_count",
    "reference_count", "delta", "layers",
)  # fmt: skip  # a list of names

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[str | int | float | None, ...]
"""Values in the order of the columns; None where there is none."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def cells_table(run: Run) -> Table:
    """A row for each model, tool and metric. A cell that gave no numbers has its rows too, with the reference alone."""
    references = {(known.model, known.input): known for known in run.references}
    return Table(
        CELL_COLUMNS,
        tuple(row for cell in run.cells for row in _cell_rows(run, cell, references.get((cell.model, cell.input)))),
    )


def causes_table(run: Run) -> Table:
    """A row for each cause of each difference; the deltas of a cell and metric add up to what is explained."""
    return Table(
        CAUSE_COLUMNS,
        tuple(
            (*place, share.cause, share.delta, " ".join(map(layer_label, share.layers)))
            for place, item in _reconciliations(run)
            for share in item.causes
        ),
    )


def proofs_table(run: Run) -> Table:
    """A row for each term of each kind of call: what both sides count, by which formulas, and why they differ.

    It is a full account: the counts of a cell and metric add up to the reference, and to what is predicted of the tool.
    """
    return Table(
        PROOF_COLUMNS,
        tuple(
            (
                *place,
                proof.cause,
                proof.subject,
                proof.term,
                proof.tool_formula,
                proof.reference_formula,
                proof.tool,
                proof.reference,
                proof.delta,
                " ".join(map(layer_label, proof.layers)),
            )
            for place, item in _reconciliations(run)
            for proof in item.proofs
        ),
    )


def layers_table(run: Run) -> Table:
    """A row for each layer of each cell and metric, with the layer's own value: they add up to the model's."""
    return Table(
        LAYER_COLUMNS,
        tuple((*place, *_layer_row(layer)) for place, item in _reconciliations(run) for layer in item.layers),
    )


def causes_text(causes: Mapping[str, int]) -> str:
    """The causes of one layer on one line, largest first: ``normalization:+802816 bias:-64``."""
    return " ".join(f"{cause}:{delta:+d}" for cause, delta in ranked(causes))


def write_csv(table: Table, path: Path) -> None:
    """Write a table as UTF-8 with exact integers; text that a spreadsheet would evaluate starts with an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _write_rows(table, file)


def csv_text(table: Table) -> str:
    """Return a table as :func:`write_csv` writes it."""
    text = StringIO()
    _write_rows(table, text)
    return text.getvalue()


def _write_rows(table: Table, file: TextIO) -> None:
    safe = cache(_safe_text)  # most names stand in many rows
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([safe(value) if isinstance(value, str) else value for value in row] for row in table.rows)


def safe_cell(value: object) -> object:
    """Return a value as it may stand in a CSV cell: text that a spreadsheet would evaluate gets an apostrophe in front.

    Numbers and missing values are returned as they are.
    """
    return _safe_text(value) if isinstance(value, str) else value


def _safe_text(value: str) -> str:
    # A bare carriage return ends a row for most readers, and the writer does not quote it: it becomes a line feed.
    text = value.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if value.startswith(_FORMULA_STARTS) else text


def _cell_rows(run: Run, cell: Cell, reference: ModelReference | None) -> Iterator[Row]:
    who = (run.run_id, cell.model, cell.input, cell.tool, cell.tool_version)
    how = (cell.seconds, cell.peak_rss_mb, cell.error)
    for item in cell.reconciliations.values():
        measured = (item.value, item.reference_convention, item.reference, item.difference)
        yield *who, item.metric, item.unit, cell.status, *measured, item.explained, item.residual, *how
    if not cell.reconciliations:
        compute, parameters = (reference.compute, reference.parameters) if reference else (None, None)
        for metric, known in (("compute", compute), ("params", parameters)):
            yield *who, metric, "", cell.status, None, run.convention, known, None, None, None, *how


def _layer_row(layer: LayerDifference) -> Row:
    difference, explained = layer.difference, layer.explained
    return (
        layer_label(layer.layer),
        layer.layer_type,
        layer.calls,
        layer.value,
        layer.reference,
        difference,
        explained,
        difference - explained,
        causes_text(layer.causes),
    )


def _reconciliations(run: Run) -> Iterator[tuple[tuple[str, str, str, str], Reconciliation]]:
    for cell in run.cells:
        for item in cell.reconciliations.values():
            yield (run.run_id, cell.model, cell.tool, item.metric), item
