"""reconcile: why FLOP counters disagree, accounted for to the last operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconcile.errors import CoverageError, ReconcileError
from reconcile.version import __version__

if TYPE_CHECKING:
    from reconcile.api import AuditResult, Comparison, ModelCount, audit, compare, count
    from reconcile.run import history

__all__ = [
    "AuditResult",
    "Comparison",
    "CoverageError",
    "ModelCount",
    "ReconcileError",
    "__version__",
    "audit",
    "compare",
    "count",
    "history",
]


def __getattr__(name: str) -> Any:
    """Import the interface when it is first used: it brings torch with it."""
    if name in __all__:
        from reconcile import api, run  # noqa: PLC0415  # see above

        return getattr(run if name == "history" else api, name)
    raise AttributeError(f"module 'reconcile' has no attribute '{name}'")
