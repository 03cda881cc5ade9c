"""What a plan would do, without doing it: which cells are known, and what the others can be expected to take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reconcile.run.config import Plan
from reconcile.run.estimate import expected_costs, typical_cost
from reconcile.run.folder import RunFolder
from reconcile.run.results import Results


@dataclass(frozen=True, slots=True)
class ToolPreview:
    """The cells of one tool.

    ``new`` are those that never ran, so that only the median of all cells can be expected of them. ``seconds`` add up
    and ``peak_rss_mb`` is the largest; both are None where no cell of any tool ever ran.
    """

    tool: str
    known: int
    to_run: int
    new: int
    seconds: float | None
    peak_rss_mb: float | None


def preview(plan: Plan, path: Path, *, reuse: bool) -> tuple[ToolPreview, ...]:
    """Return what a run of the plan in a folder would do, tool by tool.

    A user's own model is known only when it has been traced: its cells count as cells to run.
    """
    folder = RunFolder(path, "", "", ())
    results = Results(plan, folder, lambda _: None, reuse=reuse)
    expected = expected_costs(folder.earlier("measurements"))
    typical = typical_cost(expected)
    found: list[ToolPreview] = []
    for tool in plan.tools:
        to_run = [spec for spec in plan.models if spec.is_own or not results.knows(spec, "", tool, plan.execution)]
        costs = [expected.get((spec.name, tool), typical) for spec in to_run]
        known_costs = [cost for cost in costs if cost is not None]
        found.append(
            ToolPreview(
                tool=tool,
                known=len(plan.models) - len(to_run),
                to_run=len(to_run),
                new=sum((spec.name, tool) not in expected for spec in to_run),
                seconds=None if typical is None else sum(cost.seconds for cost in known_costs),
                peak_rss_mb=None if typical is None else max((cost.peak_rss_mb for cost in known_costs), default=0.0),
            )
        )
    return tuple(found)
