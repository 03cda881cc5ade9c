"""A run, an audit or what changed between two runs as a folder of files that is there as a whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from reconcile.changes import Comparison
from reconcile.claims import Audit
from reconcile.errors import ReconcileError
from reconcile.learn import rulebook_yaml
from reconcile.report.audit_tables import sources_table, verdicts_table
from reconcile.report.changes_sections import headline
from reconcile.report.changes_tables import changes_table
from reconcile.report.changes_text import changes_markdown
from reconcile.report.manifest import write_manifest
from reconcile.report.tables import causes_table, cells_table, csv_text, layers_table, proofs_table, write_csv
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


def write_changes(found: Comparison, folder: Path) -> None:
    """Write ``changes.csv``, ``changes.md`` and ``index.html`` to a folder that does not exist yet or is empty.

    Raises:
        ReconcileError: As `write_report`.
    """
    check_is_free(folder)
    _write_whole(folder, lambda partial: write_changes_into(partial, found))


def write_changes_into(folder: Path, found: Comparison, report: str = "", back: str = "") -> None:
    """Write the same files into a folder that is there; ``report`` and ``back`` are as for `changes_page`."""
    from reconcile.report.changes_page import changes_page  # noqa: PLC0415  # it brings a template engine with it

    write_csv(changes_table(found), folder / "changes.csv")
    _write_text(folder / "changes.md", changes_markdown(found))
    _write_text(folder / REPORT_FILE, changes_page(found, report, back))


def write_weeks(folder: Path, history: Path, latest: Comparison | None, title: str) -> None:
    """Write the pages of all kept runs: ``index.html``, ``trend.csv``, and ``summary.md`` of the latest run.

    ``latest`` is what that run changed, None if there was nothing to compare it with; ``title`` is the run's.

    Raises:
        ReconcileError: They cannot be written. Each file is there whole, or as it was.
    """
    from reconcile.changes.trend import trend  # noqa: PLC0415  # it brings pandas with it
    from reconcile.report.trend_page import steps_table, trend_page  # noqa: PLC0415  # as above

    found = trend(history)
    reports = [path.parent.name for path in folder.glob(f"*/{REPORT_FILE}")]
    words = f"{title} is the first run." if latest is None else headline(latest)
    summary = f"# {title}\n\nThe first run: there is nothing to compare it with.\n"
    texts = {
        "trend.csv": csv_text(steps_table(found)),
        "summary.md": summary if latest is None else changes_markdown(latest),
        REPORT_FILE: trend_page(found, words, reports),
    }
    try:
        for name, text in texts.items():
            partial = folder / f"{_PARTIAL}{name}"
            _write_text(partial, text)
            partial.replace(folder / name)
    except OSError as error:
        raise ReconcileError(f"{folder} cannot be written: {error.strerror or error}.") from error


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
    counted = conventions_of(run.rulebooks)
    write_csv(conventions_table(counted), folder / "conventions.csv")
    compared = agreements(run)
    write_csv(agreement_table(compared), folder / "agreement.csv")
    write_csv(flips_table(compared), folder / "flips.csv")
    write_manifest(run, folder)
    _write_rulebooks(run, folder / "rulebooks")
    write_html(run, folder, compared, counted)


def _write_rulebooks(run: Run, folder: Path) -> None:
    folder.mkdir()
    for tool, book in run.rulebooks.items():
        (folder / f"{tool}.yaml").write_text(rulebook_yaml(book), encoding="utf-8", newline="\n")


def _write_audit(audit: Audit, folder: Path) -> None:
    from reconcile.report.audit_page import audit_page  # noqa: PLC0415  # as above

    write_csv(verdicts_table(audit), folder / "verdicts.csv")
    write_csv(sources_table(audit), folder / "sources.csv")
    _write_text(folder / REPORT_FILE, audit_page(audit))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
