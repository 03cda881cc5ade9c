"""The history of runs: of each what is compared, small, in a folder of its own that does not change any more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa

from reconcile.changes.read import MANIFEST_FILE, RULEBOOKS, read_manifest, read_record
from reconcile.changes.record import Record
from reconcile.changes.tables import NOT_COMPARED, has_table, read_table, write_parquet
from reconcile.errors import ReconcileError

HISTORY = "history"
"""The folder of kept runs, beside the weekly runs themselves."""

_PARTIAL = ".partial-"


def kept_runs(history: Path) -> list[Path]:
    """Return the folders of all runs in a history, the earliest first."""
    places = [path for path in history.iterdir() if has_table(path, "cells")] if history.is_dir() else []
    return sorted((path for path in places if not path.name.startswith(".")), key=_start)


def keep(folder: Path, history: Path, write: Callable[[Path], None] = lambda _: None) -> Path:
    """Keep what is compared of a finished run, whole or not at all; ``write`` adds what else is to be kept with it.

    Raises:
        ReconcileError: The run is not finished, or the history cannot be written.
    """
    place = history / folder.name
    try:
        history.mkdir(parents=True, exist_ok=True)
        for left in history.glob(f"{_PARTIAL}*"):  # of a program that was killed
            shutil.rmtree(left)
        partial = Path(mkdtemp(prefix=_PARTIAL, dir=history))
        try:
            for name, left_out in NOT_COMPARED.items():
                if has_table(folder, name):
                    table = read_table(folder, name)
                    kept = [column for column in table.column_names if column not in left_out]
                    write_parquet(table.select(kept), partial / f"{name}.parquet")
            shutil.copyfile(folder / MANIFEST_FILE, partial / MANIFEST_FILE)
            write_parquet(_rulebook_table(folder / RULEBOOKS), partial / f"{RULEBOOKS}.parquet")
            write(partial)
            partial.chmod(0o755)
            if place.exists():
                shutil.rmtree(place)
            partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ReconcileError(f"the history {history} cannot be written: {error.strerror or error}.") from error
    return place


def last_comparable(history: Path, record: Record, report: Callable[[str], None]) -> Record | None:
    """Return the latest run before another that has a column and a model in common with it; None if there is none.

    ``report`` is told in one sentence of each run that cannot be read, and is passed over.
    """
    for place in reversed(kept_runs(history)):
        try:
            found = read_record(place)
        except ReconcileError as error:
            report(f"{place.name} is passed over: {error}")
            continue
        is_earlier = (found.started, found.run_id) < (record.started, record.run_id)
        if is_earlier and _places(found) & _places(record):
            return found
    return None


def _places(record: Record) -> set[tuple[str, str]]:
    """What a run has numbers of, whatever the versions and inputs."""
    return {(key.model, key.tool.partition("==")[0]) for key in record.numbers}


def _start(place: Path) -> tuple[str, str]:
    try:
        manifest = read_manifest(place)
    except ReconcileError:
        manifest = {}  # whoever reads the run says so
    return str(manifest.get("started") or ""), place.name


def _rulebook_table(folder: Path) -> pa.Table:
    files = sorted(folder.glob("*.yaml"))
    return pa.table(
        {
            "tool": pa.array([file.stem for file in files], pa.string()),
            "text": pa.array([file.read_text(encoding="utf-8") for file in files], pa.string()),
        }
    )
