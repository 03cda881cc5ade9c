"""The way from the reference to a tool's number, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconcile.diff.result import Reconciliation
from reconcile.report.breakdown import RESIDUAL

StepKind = Literal["reference", "cause", "residual", "tool"]


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: a total stands from 0 to its value, a cause leads from the sum before it to the sum after it."""

    kind: StepKind
    name: str
    start: int
    end: int

    @property
    def delta(self) -> int:
        """What the step adds."""
        return self.end - self.start

    @property
    def is_total(self) -> bool:
        """Whether it is the reference or the tool's number."""
        return self.kind in ("reference", "tool")


def waterfall_steps(reconciliation: Reconciliation, tool: str) -> tuple[Step, ...]:
    """The reference, each cause in turn, what is unexplained where there is some, and the tool's value."""
    steps = [Step("reference", "reference", 0, reconciliation.reference)]
    running = reconciliation.reference
    for share in reconciliation.causes:
        steps.append(Step("cause", share.cause, running, running + share.delta))
        running += share.delta
    if reconciliation.residual:
        steps.append(Step("residual", RESIDUAL, running, running + reconciliation.residual))
    return (*steps, Step("tool", tool, 0, reconciliation.value))
