"""Results as Arrow tables and back: the schemas of what a run stores, which queries over many runs rely on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

import pyarrow as pa

from reconcile.diff import LayerDifference, Proof, Reconciliation
from reconcile.jobs.result import MeasuredCell, ModelReference, Status
from reconcile.tools import Measurement, ToolReport, check_report

_COUNTS = pa.map_(pa.string(), pa.int64())

MEASUREMENT = pa.schema(
    {
        "run_id": pa.string(),
        "model": pa.string(),
        "input": pa.string(),
        "mode": pa.string(),
        "seed": pa.uint64(),
        "tool": pa.string(),
        "tool_version": pa.string(),
        "torch": pa.string(),
        "status": pa.string(),
        "execution": pa.string(),
        "seconds": pa.float64(),
        "peak_rss_mb": pa.float64(),
        "error": pa.string(),
        "notes": pa.list_(pa.string()),
        "metrics": pa.list_(pa.struct({"metric": pa.string(), "total": pa.int64(), "layers": _COUNTS})),
    }
)
"""One row: what a tool said about a model. ``metrics`` has what it said of each metric, in total and by layer."""

REFERENCE = pa.schema(
    {
        "run_id": pa.string(),
        "model": pa.string(),
        "input": pa.string(),
        "mode": pa.string(),
        "seed": pa.uint64(),
        "convention": pa.string(),
        "torch": pa.string(),
        "compute": pa.int64(),
        "parameters": pa.int64(),
        "activations": pa.int64(),
        "memory": _COUNTS,
        "execution": pa.string(),
        "uncovered": _COUNTS,
        "uncalled": pa.list_(pa.string()),
        "error": pa.string(),
    }
)
"""One row: the native count of a model."""

_PROOF = pa.struct(
    {
        "cause": pa.string(),
        "subject": pa.string(),
        "term": pa.string(),
        "tool_formula": pa.string(),
        "reference_formula": pa.string(),
        "tool": pa.int64(),
        "reference": pa.int64(),
        "layers": pa.list_(pa.string()),
    }
)

RECONCILIATION = pa.schema(
    {
        "run_id": pa.string(),
        "model": pa.string(),
        "input": pa.string(),
        "mode": pa.string(),
        "seed": pa.uint64(),
        "torch": pa.string(),
        "tool": pa.string(),
        "metric": pa.string(),
        "unit": pa.string(),
        "total": pa.int64(),
        "reference_convention": pa.string(),
        "reference_unit": pa.string(),
        "reference_total": pa.int64(),
        "layer": pa.string(),
        "layer_type": pa.string(),
        "calls": pa.int64(),
        "value": pa.int64(),
        "reference": pa.int64(),
        "causes": _COUNTS,
        "proofs": pa.list_(_PROOF),
    }
)
"""A row for each metric and layer of one model and tool. The first row of a metric has all its proofs."""


SCHEMAS = {"measurements": MEASUREMENT, "references": REFERENCE, "reconciliations": RECONCILIATION}
"""By kind of result."""


class TooLargeError(Exception):
    """A number has more than 63 bits, so the result is not stored."""


def measurement_table(cell: MeasuredCell, facts: Mapping[str, Any]) -> pa.Table:
    """Return a measured cell as a table; ``facts`` are the columns that say what was measured."""
    metrics = [
        {"metric": metric, "total": item.total, "layers": list(item.layers.items())}
        for metric, item in cell.measurements.items()
    ]
    row = {
        **facts,
        "input": cell.inputs,
        "status": cell.status,
        "execution": cell.execution,
        "seconds": cell.seconds,
        "peak_rss_mb": cell.peak_rss_mb,
        "error": cell.error,
        "notes": list(cell.notes),
        "metrics": metrics,
    }
    return _table([row], MEASUREMENT)


def measured_cell(table: pa.Table) -> MeasuredCell:
    """Return the cell of a table that :func:`measurement_table` made.

    Raises:
        TypeError, ValueError: The table holds what no cell can be.
    """
    (row,) = table.to_pylist()
    _check_texts(row, "execution", "input", "error")
    if row["status"] not in get_args(Status):
        raise ValueError("no such status")
    cell = MeasuredCell(
        status=row["status"],
        execution=row["execution"],
        inputs=row["input"],
        seconds=row["seconds"],
        peak_rss_mb=row["peak_rss_mb"],
        measurements={
            item["metric"]: Measurement(item["total"], dict(item["layers"])) for item in row["metrics"]
        },
        notes=tuple(row["notes"]),
        error=row["error"],
    )  # fmt: skip  # one entry a line would fill the page
    if cell.status == "ok":
        check_report(ToolReport(cell.measurements, cell.notes))
    return cell


def reference_table(reference: ModelReference, facts: Mapping[str, Any]) -> pa.Table:
    """Return a model's reference as a table."""
    row = {
        **facts,
        "input": reference.input,
        "compute": reference.compute,
        "parameters": reference.parameters,
        "activations": reference.activations,
        "memory": None if reference.memory is None else list(reference.memory.items()),
        "execution": reference.execution,
        "uncovered": list(reference.uncovered.items()),
        "uncalled": list(reference.uncalled),
        "error": reference.error,
    }
    return _table([row], REFERENCE)


def model_reference(table: pa.Table) -> ModelReference:
    """Return the reference of a table that :func:`reference_table` made.

    Raises:
        TypeError, ValueError: The table holds what no reference can be.
    """
    (row,) = table.to_pylist()
    _check_texts(row, "model", "execution", "input", "error")
    counts = [row[name] for name in ("compute", "parameters", "activations")]
    if not row["error"] and (row["memory"] is None or None in counts):
        raise ValueError("a reference without numbers")
    for items in (row["uncovered"], row["memory"] or ()):
        if any(number is None for _, number in items):
            raise ValueError("a name without a number")
    _check_texts(dict(enumerate(row["uncalled"])), *range(len(row["uncalled"])))
    return ModelReference(
        model=row["model"],
        input=row["input"],
        compute=row["compute"],
        parameters=row["parameters"],
        execution=row["execution"],
        uncovered=dict(row["uncovered"]),
        uncalled=tuple(row["uncalled"]),
        activations=row["activations"],
        memory=None if row["memory"] is None else dict(row["memory"]),
        error=row["error"],
    )


def reconciliation_table(found: Mapping[str, Reconciliation], facts: Mapping[str, Any]) -> pa.Table:
    """Return the reconciliations of one model and tool, by metric, as a table."""
    rows = [
        {
            **facts,
            "metric": item.metric,
            "unit": item.unit,
            "total": item.value,
            "reference_convention": item.reference_convention,
            "reference_unit": item.reference_unit,
            "reference_total": item.reference,
            "layer": layer.layer,
            "layer_type": layer.layer_type,
            "calls": layer.calls,
            "value": layer.value,
            "reference": layer.reference,
            "causes": list(layer.causes.items()),
            "proofs": [] if place else [asdict(proof) for proof in item.proofs],
        }
        for item in found.values()
        for place, layer in enumerate(item.layers)
    ]
    return _table(rows, RECONCILIATION)


def reconciliations(table: pa.Table) -> dict[str, Reconciliation]:
    """Return the reconciliations of a table that :func:`reconciliation_table` made.

    Raises:
        TypeError, ValueError: The table holds what no reconciliation can be.
    """
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    if any(None in values for values in columns.values()):
        raise ValueError("a value is missing")
    if any(delta is None for causes in columns["causes"] for _, delta in causes):
        raise ValueError("a cause without a number")
    first: dict[str, int] = {}
    layers: dict[str, list[LayerDifference]] = {}
    for place, metric in enumerate(columns["metric"]):
        first.setdefault(metric, place)
        layers.setdefault(metric, []).append(
            LayerDifference(
                columns["layer"][place],
                columns["layer_type"][place],
                columns["calls"][place],
                columns["value"][place],
                columns["reference"][place],
                dict(columns["causes"][place]),
            )
        )
    return {
        metric: Reconciliation(
            metric=metric,
            unit=columns["unit"][place],
            value=columns["total"][place],
            reference_convention=columns["reference_convention"][place],
            reference_unit=columns["reference_unit"][place],
            reference=columns["reference_total"][place],
            layers=tuple(layers[metric]),
            proofs=tuple(map(_proof, columns["proofs"][place])),
        )
        for metric, place in first.items()
    }


def _proof(row: Mapping[str, Any]) -> Proof:
    if None in row.values():
        raise ValueError("a part of a proof is missing")
    return Proof(**{**row, "layers": tuple(row["layers"])})


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    try:
        try:
            return pa.Table.from_pylist(rows, schema)
        except UnicodeEncodeError:  # a name with half a character in it, which Python allows
            return pa.Table.from_pylist([_whole_characters(row) for row in rows], schema)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise TooLargeError(str(error)) from error


def _check_texts(row: Mapping[Any, Any], *names: Any) -> None:
    if not all(isinstance(row[name], str) for name in names):
        raise TypeError("a text is missing")


def _whole_characters(value: Any) -> Any:
    """Write what is no character of Unicode as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {key: _whole_characters(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_whole_characters, value))
    return value
