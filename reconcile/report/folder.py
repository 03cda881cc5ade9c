"""A run as a folder of files that is there as a whole or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from reconcile.errors import ReconcileError
from reconcile.report.html import write_html
from reconcile.report.manifest import write_manifest
from reconcile.report.tables import causes_frame, cells_frame, layers_frame, write_csv
from reconcile.run.result import Run


def check_folder(folder: Path) -> None:
    """Make sure that a report can be written, so that a long run does not end in an error. Leaves nothing behind.

    Raises:
        ReconcileError: The folder has something in it, or nothing can be made in it or where it would be made.
    """
    try:
        destination = folder.resolve()
        if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
            raise ReconcileError(f"The report folder {folder} is not an empty folder; choose another one.")
        existing = next(place for place in (destination, *destination.parents) if place.exists())
        Path(mkdtemp(prefix=".reconcile-", dir=existing)).rmdir()
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_report(run: Run, folder: Path) -> None:
    """Write tables, manifest and pages to a folder that does not exist yet or is empty.

    Everything is written to a folder inside it first and moved up at the end, the index last.

    Raises:
        ReconcileError: As :func:`check_folder`; nothing is left behind then.
    """
    check_folder(folder)
    destination = folder.resolve()
    existed = destination.exists()
    try:
        destination.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=".partial-", dir=destination))
        try:
            _write(run, partial)
            for entry in sorted(partial.iterdir(), key=lambda entry: entry.name == "index.html"):
                entry.rename(destination / entry.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if not existed and not any(destination.iterdir()):
                destination.rmdir()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write(run: Run, folder: Path) -> None:
    write_csv(cells_frame(run), folder / "cells.csv")
    write_csv(causes_frame(run), folder / "causes.csv")
    write_csv(layers_frame(run), folder / "layers.csv")
    write_manifest(run, folder)
    write_html(run, folder)


def _unwritable(folder: Path, error: OSError) -> ReconcileError:
    return ReconcileError(f"The report folder {folder} cannot be written: {error.strerror or error}.")
