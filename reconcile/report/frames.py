"""The tables of a run as data frames, with every integer exact and with missing values that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reconcile.report.tables import Table, causes_table, cells_table, layers_table
from reconcile.run.result import Run

_INTEGERS = {"value", "reference", "difference", "explained", "residual", "delta", "calls"}
_DECIMALS = {"seconds", "peak_rss_mb"}
_INT64 = range(-(2**63), 2**63)


def cells_frame(run: Run) -> pd.DataFrame:
    """A row for each model, tool and metric. A cell that gave no numbers has its rows too, with the reference alone."""
    return _frame(cells_table(run))


def causes_frame(run: Run) -> pd.DataFrame:
    """A row for each cause of each difference; the deltas of a cell and metric add up to what is explained."""
    return _frame(causes_table(run))


def layers_frame(run: Run) -> pd.DataFrame:
    """A row for each layer of each cell and metric, with the layer's own value: they add up to the model's."""
    return _frame(layers_table(run))


def _frame(table: Table) -> pd.DataFrame:
    columns = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    return pd.DataFrame(
        {name: _column(name, list(values)) for name, values in zip(table.columns, columns, strict=True)}
    )


def _column(name: str, values: Sequence[Any]) -> pd.Series[Any]:
    if name in _INTEGERS:
        fits = all(value is None or value in _INT64 for value in values)
        return pd.Series(values, dtype="Int64" if fits else "object")
    return pd.Series(values, dtype="Float64" if name in _DECIMALS else "object")
