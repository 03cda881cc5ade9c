"""The same result as CSV, web pages and terminal text."""

from reconcile.report.folder import check_folder, write_report
from reconcile.report.html import write_html
from reconcile.report.manifest import write_manifest
from reconcile.report.names import layer_label
from reconcile.report.tables import causes_frame, cells_frame, layers_frame, safe_cell, write_csv
from reconcile.report.terminal import explain, summary
from reconcile.report.waterfall import Step, waterfall_steps, waterfall_svg

__all__ = [
    "Step",
    "causes_frame",
    "cells_frame",
    "check_folder",
    "explain",
    "layer_label",
    "layers_frame",
    "safe_cell",
    "summary",
    "waterfall_steps",
    "waterfall_svg",
    "write_csv",
    "write_html",
    "write_manifest",
    "write_report",
]
