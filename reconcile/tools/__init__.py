"""The tools: one adapter for each column, which returns what the tool itself says."""

from reconcile.tools.adapter import (
    METRICS,
    Adapter,
    Measurement,
    Metric,
    ToolReport,
    UnsupportedModelError,
    check_report,
    version_of,
)
from reconcile.tools.registry import ADAPTERS, adapter, tool_names

__all__ = [
    "ADAPTERS",
    "METRICS",
    "Adapter",
    "Measurement",
    "Metric",
    "ToolReport",
    "UnsupportedModelError",
    "adapter",
    "check_report",
    "tool_names",
    "version_of",
]
