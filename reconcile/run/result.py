"""The result of a run as data: a cell for each model and tool, and what the reference could not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reconcile.diff.result import Reconciliation
from reconcile.tools import Measurement, Metric

Status = Literal["ok", "unsupported", "failed", "timeout", "crashed"]


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """What one tool said about one model, or why it said nothing, with the time and memory that it took.

    ``execution`` tells how it ran: ``without-arithmetic`` or ``documented``.
    """

    status: Status
    execution: str
    inputs: str = ""
    seconds: float | None = None
    peak_rss_mb: float | None = None
    measurements: Mapping[Metric, Measurement] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""

    def says_the_same(self, other: MeasuredCell) -> bool:
        """Whether both have the same numbers, in total and layer by layer, and the same remarks."""
        mine = (self.status, self.inputs, dict(self.measurements), self.notes)
        return mine == (other.status, other.inputs, dict(other.measurements), other.notes)


@dataclass(frozen=True, slots=True)
class Cell:
    """One model as one tool measured it.

    ``reconciliations`` is keyed by metric (``compute``, ``params``) and empty unless ``status`` is ``ok``.
    ``error`` is one sentence: the tool's own last words, or empty. ``notes`` are what the tool said beside its
    numbers, such as operators that it does not support. ``execution`` tells how it was run.
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

    @property
    def agrees(self) -> bool:
        """Whether every metric equals the reference."""
        return self.status == "ok" and all(item.difference == 0 for item in self.reconciliations.values())


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What the native counter found for one model.

    ``uncovered`` are operators without a formula, with how often each ran; ``uncalled`` are modules that never ran;
    ``memory`` are totals in bytes by name; ``error`` is one sentence where the model could not be counted.
    """

    model: str
    input: str
    compute: int | None
    parameters: int | None
    execution: str = ""
    uncovered: Mapping[str, int] = field(default_factory=dict)
    uncalled: tuple[str, ...] = ()
    activations: int | None = None
    memory: Mapping[str, int] | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run. ``manifest`` is what ``manifest.json`` holds: versions, inputs, seed, command line, revision."""

    run_id: str
    convention: str
    unit: str
    tools: tuple[str, ...]
    references: tuple[ModelReference, ...]
    cells: tuple[Cell, ...]
    manifest: Mapping[str, Any]
