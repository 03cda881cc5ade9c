"""The result of a run as data: a cell for each model and tool, and the reference of each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconcile.diff.result import Reconciliation
from reconcile.jobs.result import ModelReference, Status
from reconcile.rules import Rulebook


@dataclass(frozen=True, slots=True)
class Cell:
    """One model as one tool measured it.

    ``reconciliations`` is keyed by metric (``compute``, ``params``) and empty unless ``status`` is ``ok``.
    ``error`` is one sentence: the tool's own last words, or empty. ``notes`` are what the tool said beside its
    numbers, such as operators that it does not support. ``execution`` tells how it was run, ``tool_raised`` that it
    failed since the tool, or the model under it, raised.
    """

    model: str
    input: str
    tool: str
    tool_version: str
    status: Status
    reconciliations: Mapping[str, Reconciliation] = field(default_factory=dict)
    seconds: float | None = None
    peak_rss_mb: float | None = None
    error: str = ""
    notes: tuple[str, ...] = ()
    execution: str = ""
    tool_raised: bool = False

    @property
    def agrees(self) -> bool:
        """Whether every metric equals the reference."""
        return self.status == "ok" and all(item.difference == 0 for item in self.reconciliations.values())


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run. ``manifest`` is what ``manifest.json`` holds: versions, inputs, seed, command line, revision.

    ``rulebooks`` are those by which differences are explained, of the columns that have one.
    """

    run_id: str
    convention: str
    unit: str
    tools: tuple[str, ...]
    references: tuple[ModelReference, ...]
    cells: tuple[Cell, ...]
    manifest: Mapping[str, Any]
    rulebooks: Mapping[str, Rulebook] = field(default_factory=dict)
