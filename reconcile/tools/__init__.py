"""The tools: one adapter for each column, which returns what the tool itself says."""

from reconcile.tools.adapter import (
    METRICS,
    Adapter,
    Measurement,
    Metric,
    ToolReport,
    Unit,
    UnsupportedModelError,
    check_report,
    is_installed,
    version_of,
)
from reconcile.tools.registry import ADAPTERS, MAIN_TOOLS, OWN_TOOLS, adapter, installed_tools
from reconcile.tools.selection import ALL, Column, column, column_names, columns, find_column, modules_by_environment

__all__ = [
    "ADAPTERS",
    "ALL",
    "MAIN_TOOLS",
    "METRICS",
    "OWN_TOOLS",
    "Adapter",
    "Column",
    "Measurement",
    "Metric",
    "ToolReport",
    "Unit",
    "UnsupportedModelError",
    "adapter",
    "check_report",
    "column",
    "column_names",
    "columns",
    "find_column",
    "installed_tools",
    "is_installed",
    "modules_by_environment",
    "version_of",
]
