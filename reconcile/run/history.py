"""Many runs as one database: views over the results that runs leave, on disk or in an object store.

The views, each with the folder's name of the run as its first column, ``run``:

    runs           run.json: run_id, started, command_line, tools, execution, seed, convention
    measurements   a row per model x tool: what the tool said, with its metrics nested
    cells          a row per model x tool x metric: value, status, seconds, peak_rss_mb
    model_counts   a row per model: the native count, parameters, activations
    layers         a row per model x tool x metric x layer: value, reference, explained, residual, causes
    causes         a row per model x tool x metric x cause: delta

A result that a run took over from an earlier one is in both; ``run_id`` names the run that measured it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from reconcile.errors import ReconcileError, describe_exception
from reconcile.run import records
from reconcile.run.folder import PLAN_FILE, RESULTS
from reconcile.run.store import SUFFIX

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection


_KINDS = {
    "measurements": records.MEASUREMENT,
    "references": records.REFERENCE,
    "reconciliations": records.RECONCILIATION,
}
_PLAN_COLUMNS = {
    "run_id": "VARCHAR",
    "started": "VARCHAR",
    "command_line": "VARCHAR[]",
    "tools": "VARCHAR[]",
    "execution": "VARCHAR",
    "seed": "UBIGINT",
    "convention": "STRUCT(name VARCHAR, unit VARCHAR)",
}

_VIEWS = {
    "measurements": "SELECT run, * EXCLUDE (run) FROM stored_measurements",
    "cells": """
        SELECT run, run_id, model, input, mode, seed, tool, tool_version, torch, metric.metric AS metric, status,
               metric.total AS value, execution, seconds, peak_rss_mb, error
        FROM stored_measurements LEFT JOIN UNNEST(metrics) AS unnested(metric) ON true
        -- a cell of the sample was measured both ways
        QUALIFY row_number() OVER (
            PARTITION BY run, model, input, mode, seed, tool, metric ORDER BY execution DESC
        ) = 1
    """,
    "model_counts": "SELECT run, * EXCLUDE (run) FROM stored_references",
    "layers": """
        SELECT run, * EXCLUDE (run, total, reference_total, proofs),
               coalesce(list_sum(map_values(causes)), 0)::BIGINT AS explained,
               value - reference - coalesce(list_sum(map_values(causes)), 0)::BIGINT AS residual
        FROM stored_reconciliations
    """,
    "causes": """
        SELECT run, run_id, model, input, mode, seed, tool, metric, entry.key AS cause,
               sum(entry.value)::BIGINT AS delta
        FROM (SELECT *, UNNEST(map_entries(causes)) AS entry FROM stored_reconciliations) GROUP BY ALL
    """,
    "proofs": """
        SELECT run, run_id, model, input, mode, seed, tool, metric, proof.cause AS cause, proof.subject AS subject,
               proof.term AS term, proof.tool_formula AS tool_formula, proof.reference_formula AS reference_formula,
               proof.tool AS tool_count, proof.reference AS reference_count, proof.layers AS layers
        FROM (SELECT *, UNNEST(proofs) AS proof FROM stored_reconciliations)
    """,
}


def history(location: str) -> DuckDBPyConnection:
    """Return a DuckDB connection with views over every run in a folder or an object store (``s3://bucket/reports``).

    Raises:
        ReconcileError: DuckDB or what fsspec needs for the location is not installed, or it cannot be read.
    """
    try:
        import duckdb  # noqa: PLC0415  # an optional dependency
        import fsspec  # noqa: PLC0415  # as above
    except ImportError as error:
        raise ReconcileError("the history needs DuckDB: pip install 'reconcile-flops[history]'.") from error
    try:
        files, root = fsspec.core.url_to_fs(location)
        if not files.isdir(root):
            raise ReconcileError(f"there is no folder {location}.")
        connection = duckdb.connect(config={"autoinstall_known_extensions": False})
        if "file" not in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,)):
            connection.register_filesystem(files)
        plans = [files.unstrip_protocol(path) for path in sorted(files.glob(f"{root}/*/{PLAN_FILE}"))]
        _view_of_plans(connection, plans)
        for kind, schema in _KINDS.items():
            paths = sorted(files.glob(f"{root}/*/{RESULTS}/{kind}/*{SUFFIX}"))
            _view_of_results(connection, kind, [files.unstrip_protocol(path) for path in paths], schema)
        for name, query in _VIEWS.items():
            connection.execute(f"CREATE VIEW {name} AS {query}")
    except (OSError, ValueError, ImportError, duckdb.Error) as error:
        raise ReconcileError(f"the runs in {location} cannot be read ({describe_exception(error)}).") from error
    return connection


def ask(location: str, sql: str) -> pd.DataFrame:
    """Return the answer to a query over every run in a folder or an object store.

    Raises:
        ReconcileError: As :func:`history`; or the query is wrong, or a file is damaged.
    """
    connection = history(location)
    import duckdb  # noqa: PLC0415  # an optional dependency, which is there by now

    try:
        return connection.execute(sql).fetch_df()
    except duckdb.Error as error:
        raise ReconcileError(f"the query failed ({describe_exception(error)}).") from error


def _view_of_plans(connection: DuckDBPyConnection, paths: Sequence[str]) -> None:
    if paths:
        columns = ", ".join(f"{name}: {_text(kind)}" for name, kind in _PLAN_COLUMNS.items())
        source = f"read_json([{_list(paths)}], columns = {{{columns}}}, filename = true)"
        query = f"SELECT {_folder_above(PLAN_FILE)} AS run, * EXCLUDE (filename) FROM {source}"  # noqa: S608  # quoted
    else:
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _PLAN_COLUMNS.items())
        query = f"SELECT NULL::VARCHAR AS run, {nothing} WHERE false"
    connection.execute(f"CREATE VIEW runs AS {query}")


def _view_of_results(connection: DuckDBPyConnection, kind: str, paths: Sequence[str], schema: pa.Schema) -> None:
    if paths:
        source = f"read_parquet([{_list(paths)}], filename = true, union_by_name = true)"
        query = f"SELECT {_folder_above(RESULTS)} AS run, * EXCLUDE (filename) FROM {source}"  # noqa: S608  # quoted
    else:
        connection.register(f"no_{kind}", schema.empty_table())
        query = f"SELECT NULL::VARCHAR AS run, * FROM no_{kind}"  # noqa: S608  # a constant
    connection.execute(f"CREATE VIEW stored_{kind} AS {query}")


def _folder_above(name: str) -> str:
    return rf"regexp_extract(filename, '([^/\\]+)[/\\]{name}', 1)"


def _list(texts: Sequence[str]) -> str:
    return ", ".join(map(_text, texts))


def _text(value: str) -> str:
    """Quote a text for SQL."""
    quoted = value.replace("'", "''")
    return f"'{quoted}'"
