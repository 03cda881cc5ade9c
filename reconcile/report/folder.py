"""A run as a folder of files that is there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from reconcile.errors import ReconcileError
from reconcile.report.html import write_html
from reconcile.report.manifest import write_manifest
from reconcile.report.tables import causes_frame, cells_frame, layers_frame, write_csv
from reconcile.run.result import Run


def check_folder(folder: Path) -> None:
    """Raise ``ReconcileError`` where a report could not be written, so that a long run does not end in one."""
    try:
        destination = folder.resolve()
        if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
            raise ReconcileError(f"The report folder {folder} is not an empty folder; choose another one.")
        parent = next(place for place in destination.parents if place.exists())
    except OSError as error:
        raise ReconcileError(f"The report folder {folder} cannot be read: {error.strerror or error}.") from error
    if not parent.is_dir():
        raise ReconcileError(f"The report folder {folder} cannot be written: {parent} is not a folder.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ReconcileError(f"The report folder {folder} cannot be written: {parent} is not writable.")


def write_report(run: Run, folder: Path) -> None:
    """Write tables, manifest and pages to a folder that does not exist yet or is empty.

    Everything is written beside the folder first and moved into place at the end. Raises ``ReconcileError`` where the
    folder has something in it or cannot be written; then nothing is left behind.
    """
    check_folder(folder)
    try:
        _write_beside(run, folder.resolve())
    except OSError as error:
        reason = error.strerror or error
        raise ReconcileError(f"The report folder {folder} cannot be written: {reason}.") from error


def _write_beside(run: Run, destination: Path) -> None:
    partial = destination.with_name(f".partial-{uuid4().hex}")
    partial.mkdir(parents=True)
    try:
        write_csv(cells_frame(run), partial / "cells.csv")
        write_csv(causes_frame(run), partial / "causes.csv")
        write_csv(layers_frame(run), partial / "layers.csv")
        write_manifest(run, partial)
        write_html(run, partial)
        if destination.exists():
            destination.rmdir()
        partial.rename(destination)
    finally:
        # After the move there is nothing left to remove.
        shutil.rmtree(partial, ignore_errors=True)
