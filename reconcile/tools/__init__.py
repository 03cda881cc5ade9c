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
from reconcile.tools.registry import ADAPTERS, MAIN_TOOLS, adapter, installed_tools, tool_names

__all__ = [
    "ADAPTERS",
    "MAIN_TOOLS",
    "METRICS",
    "Adapter",
    "Measurement",
    "Metric",
    "ToolReport",
    "Unit",
    "UnsupportedModelError",
    "adapter",
    "check_report",
    "installed_tools",
    "is_installed",
    "tool_names",
    "version_of",
]
