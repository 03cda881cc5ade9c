"""The same result as CSV, web pages and terminal text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reconcile.report.audit_tables import sources_table, verdicts_table
from reconcile.report.changes_tables import changes_table
from reconcile.report.changes_text import changes_markdown, changes_summary
from reconcile.report.folder import write_audit, write_changes, write_changes_into, write_report, write_weeks
from reconcile.report.manifest import write_manifest
from reconcile.report.names import layer_label
from reconcile.report.steps import Step, waterfall_steps
from reconcile.report.tables import Table, causes_table, cells_table, csv_text, layers_table, safe_cell, write_csv
from reconcile.report.terminal import audit_summary, explain, summary

if TYPE_CHECKING:
    from reconcile.report.frames import causes_frame, cells_frame, layers_frame
    from reconcile.report.html import write_html
    from reconcile.report.waterfall import waterfall_svg

__all__ = [
    "Step",
    "Table",
    "audit_summary",
    "causes_frame",
    "causes_table",
    "cells_frame",
    "cells_table",
    "changes_markdown",
    "changes_summary",
    "changes_table",
    "csv_text",
    "explain",
    "layer_label",
    "layers_frame",
    "layers_table",
    "safe_cell",
    "sources_table",
    "summary",
    "verdicts_table",
    "waterfall_steps",
    "waterfall_svg",
    "write_audit",
    "write_changes",
    "write_changes_into",
    "write_csv",
    "write_html",
    "write_manifest",
    "write_report",
    "write_weeks",
]

_MODULES = {
    "causes_frame": "frames",
    "cells_frame": "frames",
    "layers_frame": "frames",
    "waterfall_svg": "waterfall",
    "write_html": "html",
}


def __getattr__(name: str) -> Any:
    """Import what brings pandas, Jinja or Altair with it when it is first used."""
    if name in _MODULES:
        return getattr(import_module(f"reconcile.report.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'reconcile.report' has no attribute '{name}'")
