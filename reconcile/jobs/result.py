"""What jobs return, as data: what a tool said about a model, and what the native counter found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
