"""A run as three tables, cells, causes and layers: every integer exact, and as CSV that no spreadsheet executes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reconcile.diff.result import Reconciliation
from reconcile.report.names import layer_label
from reconcile.run.result import Cell, Run

CELL_COLUMNS = (
    "run_id", "model", "input", "tool", "tool_version", "metric", "unit", "status", "value", "reference_convention",
    "reference", "difference", "explained", "residual", "seconds", "peak_rss_mb", "error",
)  # fmt: skip
CAUSE_COLUMNS = ("run_id", "model", "tool", "metric", "cause", "delta", "layers")
LAYER_COLUMNS = (
    "run_id", "model", "tool", "metric", "layer", "layer_type", "calls", "value", "reference", "difference",
    "explained", "residual", "causes",
)  # fmt: skip

_INTEGERS = {"value", "reference", "difference", "explained", "residual", "delta", "calls"}
_DECIMALS = {"seconds", "peak_rss_mb"}
_INT64 = range(-(2**63), 2**63)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cells_frame(run: Run) -> pd.DataFrame:
    """A row for each model, tool and metric. A cell that gave no numbers has its rows too, with the reference alone."""
    references = {(known.model, known.input): known for known in run.references}
    rows: list[dict[str, Any]] = []
    for cell in run.cells:
        common = {
            "run_id": run.run_id,
            "model": cell.model,
            "input": cell.input,
            "tool": cell.tool,
            "tool_version": cell.tool_version,
            "status": cell.status,
            "seconds": cell.seconds,
            "peak_rss_mb": cell.peak_rss_mb,
            "error": cell.error,
        }
        rows += [{**common, **_measured(item)} for item in cell.reconciliations.values()]
        if not cell.reconciliations:
            known = references.get((cell.model, cell.input))
            rows.append({**common, **_unmeasured("compute", run.convention, known.compute if known else None)})
            rows.append({**common, **_unmeasured("params", run.convention, known.parameters if known else None)})
    return _frame(rows, CELL_COLUMNS)


def causes_frame(run: Run) -> pd.DataFrame:
    """A row for each cause of each difference; the deltas of a cell and metric add up to what is explained."""
    rows = [
        {**place, "cause": share.cause, "delta": share.delta, "layers": " ".join(map(layer_label, share.layers))}
        for place, item in _reconciliations(run)
        for share in item.causes
    ]
    return _frame(rows, CAUSE_COLUMNS)


def layers_frame(run: Run) -> pd.DataFrame:
    """A row for each layer of each cell and metric, with the layer's own value: they add up to the model's."""
    rows = [
        {
            **place,
            "layer": layer_label(layer.layer),
            "layer_type": layer.layer_type,
            "calls": layer.calls,
            "value": layer.value,
            "reference": layer.reference,
            "difference": layer.difference,
            "explained": layer.explained,
            "residual": layer.residual,
            "causes": causes_text(layer.causes),
        }
        for place, item in _reconciliations(run)
        for layer in item.layers
    ]
    return _frame(rows, LAYER_COLUMNS)


def causes_text(causes: Mapping[str, int]) -> str:
    """The causes of one layer on one line, largest first: ``normalization:+802816 bias:-64``."""
    ordered = sorted(causes.items(), key=lambda item: (-abs(item[1]), item[0]))
    return " ".join(f"{cause}:{delta:+d}" for cause, delta in ordered if delta)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 with exact integers; text that a spreadsheet would evaluate starts with an apostrophe."""
    columns = {name: pd.Series(map(safe_cell, frame[name]), dtype="object") for name in frame}
    pd.DataFrame(columns).to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def safe_cell(value: object) -> object:
    """Return a value as it may stand in a CSV cell: text that a spreadsheet would evaluate gets an apostrophe in front.

    Numbers and missing values are returned as they are.
    """
    if not isinstance(value, str):
        return value
    # A bare carriage return ends a row for most readers, and the writer does not quote it: it becomes a line feed.
    text = value.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if value.startswith(_FORMULA_STARTS) else text


def _measured(item: Reconciliation) -> dict[str, Any]:
    return {
        "metric": item.metric,
        "unit": item.unit,
        "value": item.value,
        "reference_convention": item.reference_convention,
        "reference": item.reference,
        "difference": item.difference,
        "explained": item.explained,
        "residual": item.residual,
    }


def _unmeasured(metric: str, convention: str, reference: int | None) -> dict[str, Any]:
    return {"metric": metric, "unit": "", "reference_convention": convention, "reference": reference}


def _reconciliations(run: Run) -> Iterator[tuple[dict[str, str], Reconciliation]]:
    for cell in run.cells:
        for item in cell.reconciliations.values():
            yield _place(run, cell, item), item


def _place(run: Run, cell: Cell, item: Reconciliation) -> dict[str, str]:
    return {"run_id": run.run_id, "model": cell.model, "tool": cell.tool, "metric": item.metric}


def _frame(rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({column: _column(column, [row.get(column) for row in rows]) for column in columns})


def _column(name: str, values: list[Any]) -> pd.Series[Any]:
    if name in _INTEGERS:
        fits = all(value is None or value in _INT64 for value in values)
        return pd.Series(values, dtype="Int64" if fits else "object")
    return pd.Series(values, dtype="Float64" if name in _DECIMALS else "object")
