"""A run as web pages that need nothing but themselves: an index with the matrix, and a page for each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import jinja2
from markupsafe import Markup

from reconcile.diff.result import LayerDifference, Proof, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.learn.matrix import NOT_COUNTED, NOTHING, WITHOUT_FORMULA
from reconcile.report import numbers
from reconcile.report.agreement import Agreement, agreements
from reconcile.report.agreement_view import agreement_view
from reconcile.report.breakdown import CauseLine, breakdown
from reconcile.report.conventions import Conventions, conventions_of
from reconcile.report.heat import shown_ratio
from reconcile.report.layer_table import layer_rows, shown_layers
from reconcile.report.manifest import manifest_facts
from reconcile.report.matrix import MatrixCell, matrix_cell, matrix_rows
from reconcile.report.names import layer_label, page_slugs, slug
from reconcile.report.numbers import typeset
from reconcile.report.overview import Overview, metrics_of, models_of, overview, tools_of
from reconcile.report.waterfall import Shown, waterfall_svgs
from reconcile.rules.causes import CAUSES
from reconcile.run.result import Cell, Run

METRIC_TITLES = {"compute": "Compute", "params": "Parameters", "activations": "Activations", "memory": "Memory"}

Charts: TypeAlias = Mapping[tuple[str, str, str, str], Markup]
"""Drawings by model, input, tool and metric."""


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric of one tool on a model's page."""

    title: str
    item: Reconciliation
    badge: MatrixCell
    lines: tuple[CauseLine, ...]
    differences: tuple[Proof, ...]
    agreed: tuple[Proof, ...]
    chart: Markup | None
    layers: tuple[LayerDifference, ...]


@dataclass(frozen=True, slots=True)
class ToolView:
    """One tool on a model's page."""

    anchor: str
    cell: Cell
    badge: MatrixCell
    metrics: tuple[MetricView, ...]


def write_html(
    run: Run, folder: Path, compared: Sequence[Agreement] | None = None, counted: Conventions | None = None
) -> None:
    """Write ``index.html``, ``agreement.html``, ``conventions.html`` and ``models/*.html`` into a folder.

    ``compared`` is what ``agreements`` returns for the run, ``counted`` what ``conventions_of`` returns for its
    rulebooks, where they are known already.
    """
    models = models_of(run)
    pages = page_slugs(models)
    (folder / "models").mkdir(parents=True, exist_ok=True)
    _write(folder / "index.html", index_page(run))
    _write(folder / "agreement.html", agreement_page(run, agreements(run) if compared is None else compared))
    _write(folder / "conventions.html", conventions_page(tools_of(run), counted or conventions_of(run.rulebooks)))
    charts = _charts(run.cells)
    for key in models:
        _write(folder / "models" / f"{pages[key]}.html", _model_page(run, *key, charts))


def index_page(run: Run) -> str:
    """The page that says how the run went, with the matrix that leads to the models."""
    found = overview(run)
    inputs = {given for _, given in models_of(run)}
    matrices = {metric: matrix_rows(run, metric) for metric in metrics_of(run)}
    tones = {cell.tone for rows in matrices.values() for row in rows for cell in row.cells}
    return render(
        "index.html.j2",
        run=run,
        overview=found,
        groups=_groups(found),
        tools=tools_of(run),
        metrics=metrics_of(run),
        matrices=matrices,
        has_level="level" in tones,
        shared_input=next(iter(inputs)) if len(inputs) == 1 else "",
        facts=manifest_facts(run),
        causes=tuple(CAUSES.values()),
    )


def agreement_page(run: Run, compared: Sequence[Agreement]) -> str:
    """The page that says how often each two tools agree, by which causes they differ, and which models they flip."""
    views = tuple(agreement_view(found, page_slugs(models_of(run))) for found in compared if found.columns)
    return render("agreement.html.j2", run=run, views=views, known=CAUSES)


def conventions_page(tools: Sequence[str], found: Conventions) -> str:
    """The page that says what each tool of a run counts for each kind of layer."""
    return render(
        "conventions.html.j2",
        books=found.books,
        rows=found.rows,
        unruled=[tool for tool in tools if tool not in found.books],
        not_counted=NOT_COUNTED,
        nothing=NOTHING,
        without_formula=WITHOUT_FORMULA,
    )


def model_page(run: Run, model: str, given: str) -> str:
    """The page of one model: for each tool, the way from the reference to its number."""
    cells = [cell for cell in run.cells if (cell.model, cell.input) == (model, given)]
    return _model_page(run, model, given, _charts(cells))


def _model_page(run: Run, model: str, given: str, charts: Charts) -> str:
    cells = [cell for cell in run.cells if (cell.model, cell.input) == (model, given)]
    tools = tools_of(run)
    cells.sort(key=lambda cell: tools.index(cell.tool))
    known = next((known for known in run.references if (known.model, known.input) == (model, given)), None)
    return render(
        "model.html.j2",
        run=run,
        model=model,
        input=given,
        reference=known or ModelReference(model, given, None, None),
        tools=tuple(_tool_view(cell, charts) for cell in cells),
    )


def _charts(cells: Iterable[Cell]) -> Charts:
    """The charts of all differences, drawn at once."""
    shown = {
        (cell.model, cell.input, cell.tool, metric): Shown(cell.model, cell.tool, item)
        for cell in cells
        for metric, item in cell.reconciliations.items()
        if item.difference
    }
    # The drawings are made of escaped text and numbers only.
    return dict(zip(shown, map(Markup, waterfall_svgs(tuple(shown.values()))), strict=True))


def _groups(found: Overview) -> tuple[tuple[str, str, int], ...]:
    counts = {
        "agree": ("agree exactly", found.agreeing),
        "explained": ("differ, every operation explained", found.explained),
        "unexplained": ("differ, partly unexplained", found.unexplained),
        "failed": ("gave no number", found.failed),
    }
    return tuple((key, label, len(cells)) for key, (label, cells) in counts.items())


def _tool_view(cell: Cell, charts: Charts) -> ToolView:
    metrics = tuple(_metric_view(cell, metric, item, charts) for metric, item in cell.reconciliations.items())
    return ToolView(slug(cell.tool), cell, matrix_cell(cell, cell.tool, "compute"), metrics)


def _metric_view(cell: Cell, metric: str, item: Reconciliation, charts: Charts) -> MetricView:
    return MetricView(
        title=METRIC_TITLES.get(metric, metric),
        item=item,
        badge=matrix_cell(cell, cell.tool, metric),
        lines=breakdown(item),
        differences=tuple(proof for proof in item.proofs if proof.cause),
        agreed=tuple(proof for proof in item.proofs if not proof.cause),
        chart=charts.get((cell.model, cell.input, cell.tool, metric)),
        layers=shown_layers(item.layers),
    )


def render(template: str, **values: object) -> str:
    """A page from a template in ``templates/``, in which all text from outside is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reconcile.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "exact": lambda number: typeset(numbers.exact(number)),
        "signed": lambda number: typeset(numbers.signed(number)),
        "si": lambda number: typeset(numbers.si(number)),
        "percent": lambda part, whole: typeset(numbers.percent(part, whole)),
        "quantity": lambda number, unit: typeset(numbers.quantity(number, unit)),
        "plural": numbers.plural,
        "times": lambda quotient: typeset(shown_ratio(quotient)),
        "layer_label": layer_label,
        "layer_rows": layer_rows,
    }
    environment.globals |= {"metric_titles": METRIC_TITLES}
    return environment


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
