"""The matrix of models and tools as a page shows it: one short text per cell, its tone, and what to say on hovering."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf, log

from reconcile.diff.result import OPERATIONS_PER, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.report.names import page_slugs, slug
from reconcile.report.numbers import quantity, ratio, signed, signed_si
from reconcile.report.overview import models_of, tools_of
from reconcile.run.result import Cell, Run

_DISTANCES = (log(1.01), log(1.05), log(1.25), log(2))
_CAUSES_IN_HINT = 3


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One cell. ``tone`` is a style class: ``agree``, ``level``, ``over-1`` to ``under-5``, ``status``, ``none``."""

    tool: str
    text: str
    tone: str
    hint: str
    href: str
    residual: bool = False


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One model with its reference and its cells, in the order of the run's tools."""

    model: str
    input: str
    href: str
    reference: ModelReference | None
    cells: tuple[MatrixCell, ...]


def matrix_rows(run: Run, metric: str) -> tuple[MatrixRow, ...]:
    """A row per model and input, a cell per tool."""
    models = models_of(run)
    pages = page_slugs(models)
    references = {(known.model, known.input): known for known in run.references}
    cells = {(cell.model, cell.input, cell.tool): cell for cell in run.cells}
    rows = []
    for model, given in models:
        page = f"models/{pages[model, given]}.html"
        row = (matrix_cell(cells.get((model, given, tool)), tool, metric, page) for tool in tools_of(run))
        rows.append(MatrixRow(model, given, page, references.get((model, given)), tuple(row)))
    return tuple(rows)


def matrix_cell(cell: Cell | None, tool: str, metric: str, page: str = "") -> MatrixCell:
    """One cell of the matrix; without a page, the link leads to the tool's section of the same page."""
    href = f"{page}#{slug(tool)}"
    if cell is None:
        return MatrixCell(tool, "–", "none", f"{tool}: not run", "")
    if cell.status != "ok":
        hint = f"{tool} {cell.status}: {cell.error}" if cell.error else f"{tool}: {cell.status}"
        return MatrixCell(tool, cell.status, "status", hint, href)
    item = cell.reconciliations.get(metric)
    if item is None:
        return MatrixCell(tool, "–", "none", f"{tool} does not report {metric}", href)
    hint = f"{tool} {cell.tool_version}: {_hint(item)}"
    return MatrixCell(tool, _text(item), tone(item), hint, href, residual=item.residual != 0)


def tone(item: Reconciliation) -> str:
    """How far from the reference, as a style class."""
    if item.difference == 0:
        return "agree"
    if is_level(item):
        return "level"
    if item.ratio is None:
        return "over-5"
    distance = log(item.ratio) if item.ratio > 0 else -inf
    step = bisect_right(_DISTANCES, abs(distance)) + 1
    return f"{'over' if distance > 0 else 'under'}-{step}"


def is_level(item: Reconciliation) -> bool:
    """Whether tool and reference are the same once brought to one unit."""
    tool, reference = OPERATIONS_PER.get(item.unit, 1), OPERATIONS_PER.get(item.reference_unit, 1)
    return item.value * reference == item.reference * tool


def _text(item: Reconciliation) -> str:
    if item.difference == 0 or is_level(item):
        return "1"
    return "ref. 0" if item.ratio is None else ratio(item.ratio)


def _hint(item: Reconciliation) -> str:
    value = quantity(item.value, item.unit)
    if item.difference == 0:
        return f"{value}, exactly the reference"
    causes = [f"{share.cause} {signed_si(share.delta)}" for share in item.causes[:_CAUSES_IN_HINT]]
    if len(item.causes) > _CAUSES_IN_HINT:
        causes.append("…")
    if item.residual:
        causes.append(f"unexplained {signed(item.residual)}")
    level = "the same in one unit; " if is_level(item) else ""
    return f"{value}, {level}{signed(item.difference)} against the reference ({', '.join(causes)})"
