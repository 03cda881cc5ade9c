"""A run or an audit as a folder of files that is there as a whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from reconcile.claims import Audit
from reconcile.errors import ReconcileError
from reconcile.report.audit_tables import sources_table, verdicts_table
from reconcile.report.manifest import write_manifest
from reconcile.report.tables import causes_table, cells_table, layers_table, proofs_table, write_csv
from reconcile.run import REPORT_FILE, Run, check_is_free, is_run_folder


def write_report(run: Run, folder: Path) -> None:
    """Write tables, manifest and pages to the run's folder, or to one that does not exist yet or is empty.

    A report that the run has there already is replaced.

    Raises:
        ReconcileError: The folder holds something else, or it cannot be written; no half of a report is left then.
    """
    _write_whole(folder, lambda partial: _write(run, partial))


def write_audit(audit: Audit, folder: Path) -> None:
    """Write ``verdicts.csv``, ``sources.csv`` and ``index.html`` to a folder that does not exist yet or is empty.

    Raises:
        ReconcileError: As `write_report`.
    """
    check_is_free(folder)
    _write_whole(folder, lambda partial: _write_audit(audit, partial))


def _write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Write everything to a folder inside the folder first and move it up at the end, the index last."""
    destination = folder.resolve()
    existed = destination.exists()
    try:
        if existed and not is_run_folder(destination):
            check_is_free(folder)
        destination.mkdir(parents=True, exist_ok=True)
        for left in destination.glob(f"{_PARTIAL}*"):  # of a program that was killed
            shutil.rmtree(left)
        partial = Path(mkdtemp(prefix=_PARTIAL, dir=destination))
        try:
            write(partial)
            _replace(partial, destination)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if not existed and not any(destination.iterdir()):
                destination.rmdir()
    except OSError as error:
        raise ReconcileError(f"The report folder {folder} cannot be written: {error.strerror or error}.") from error


_PARTIAL = ".partial-"


def _replace(partial: Path, destination: Path) -> None:
    """Move everything up. While the index is missing, the report is not there."""
    (destination / REPORT_FILE).unlink(missing_ok=True)
    for entry in sorted(partial.iterdir(), key=lambda entry: entry.name == REPORT_FILE):
        before = destination / entry.name
        if before.is_dir():
            shutil.rmtree(before)
        entry.replace(before)


def _write(run: Run, folder: Path) -> None:
    # These bring numpy, a template engine and a renderer with them, which a program that writes no report does without.
    from reconcile.report.agreement import agreements  # noqa: PLC0415  # see above
    from reconcile.report.agreement_tables import agreement_table, flips_table  # noqa: PLC0415  # see above
    from reconcile.report.conventions import conventions_of, conventions_table  # noqa: PLC0415  # see above
    from reconcile.report.html import write_html  # noqa: PLC0415  # see above

    write_csv(cells_table(run), folder / "cells.csv")
    write_csv(causes_table(run), folder / "causes.csv")
    write_csv(proofs_table(run), folder / "proofs.csv")
    write_csv(layers_table(run), folder / "layers.csv")
    write_csv(conventions_table(conventions_of(run.tools)), folder / "conventions.csv")
    compared = agreements(run)
    write_csv(agreement_table(compared), folder / "agreement.csv")
    write_csv(flips_table(compared), folder / "flips.csv")
    write_manifest(run, folder)
    write_html(run, folder, compared)


def _write_audit(audit: Audit, folder: Path) -> None:
    from reconcile.report.audit_page import audit_page  # noqa: PLC0415  # as above

    write_csv(verdicts_table(audit), folder / "verdicts.csv")
    write_csv(sources_table(audit), folder / "sources.csv")
    (folder / REPORT_FILE).write_text(audit_page(audit), encoding="utf-8", errors="backslashreplace", newline="\n")
