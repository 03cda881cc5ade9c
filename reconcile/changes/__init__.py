"""What changed from one run to another, and why: records of runs, their comparison, and their history."""

from __future__ import annotations

from reconcile.changes.compare import compare_runs
from reconcile.changes.history import HISTORY, keep, kept_runs, last_comparable
from reconcile.changes.read import read_record
from reconcile.changes.record import Record
from reconcile.changes.result import Comparison

__all__ = [
    "HISTORY",
    "Comparison",
    "Record",
    "compare_runs",
    "keep",
    "kept_runs",
    "last_comparable",
    "read_record",
]
