"""The tables of a run as text, column by column: CSV as a report has it, Parquet as the history keeps it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from reconcile.errors import ReconcileError, describe_exception

NOT_COMPARED = {"cells": ("run_id",), "causes": ("run_id", "layers"), "verdicts": ("alternatives", "note")}
"""The tables by which runs are compared, and columns of theirs that are not, of which the history keeps nothing."""

_LONGEST_ROW = 2**26
"""Bytes; a row of causes.csv names all layers that a cause touches."""


def has_table(folder: Path, name: str) -> bool:
    """Whether a run left a table."""
    return any((folder / f"{name}{suffix}").is_file() for suffix in (".parquet", ".csv"))


def table_file(folder: Path, name: str) -> Path:
    """Return the file of a table that a run left, or in which it would be."""
    parquet = folder / f"{name}.parquet"
    return parquet if parquet.is_file() else folder / f"{name}.csv"


def read_table(folder: Path, name: str, columns: tuple[str, ...] = ()) -> pa.Table:
    """Read a table of a run's folder; every value is text, empty where there is none.

    Raises:
        ReconcileError: It is missing, cannot be read, or lacks one of the columns that are named.
    """
    path = table_file(folder, name)
    try:
        table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except FileNotFoundError:
        raise ReconcileError(f"{folder} has no {name}.csv: it is no finished run.") from None
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise ReconcileError(f"{path} cannot be read ({describe_exception(error)}).") from None
    for column in columns:
        if column not in table.column_names:
            raise ReconcileError(f"{path} has no column '{column}'.")
    return table


def rows(table: pa.Table) -> Iterator[dict[str, str]]:
    """Yield the rows of a table."""
    names = table.column_names
    for values in zip(*(table.column(name).to_pylist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table of text small: most values stand in many rows."""
    pq.write_table(table, path, compression="zstd", use_dictionary=True)


def _read_parquet(path: Path) -> pa.Table:
    table = pq.read_table(path)
    for field in table.schema:
        if field.type != pa.string() or table.column(field.name).null_count:
            raise ValueError(f"the column '{field.name}' is no text")
    return table


def _read_csv(path: Path) -> pa.Table:
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file), [])
    if len(set(header)) != len(header):
        raise ValueError("a column stands there twice")
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=_LONGEST_ROW),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )
