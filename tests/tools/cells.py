"""What the project says of a model: the cells of a run, with all that a tool said in them."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from reconcile.isolation import Workers
from reconcile.jobs import PRELOAD
from reconcile.jobs.result import MeasuredCell
from reconcile.run import Backend, Task
from reconcile.run.results import Results
from reconcile.tools import OWN_TOOLS, columns, modules_by_environment
from tests.run.runs import plan_of, run_in
from tests.tools.there import is_there

COLUMNS = OWN_TOOLS

Cells = Mapping[tuple[str, str], MeasuredCell]
"""By model and tool."""


@cache
def callable_tools() -> tuple[str, ...]:
    """The columns whose tools are installed or in an environment, in the order of reports."""
    return tuple(tool for tool in COLUMNS if is_there(tool))


def new_backend(jobs: int) -> Workers[Task]:
    """Processes that find all tools imported, as those of a run do."""
    return Workers(jobs, PRELOAD, tools=modules_by_environment(columns(callable_tools())))


@cache
def backend() -> Backend:
    """Processes for all tests of this program, for one job at a time: each is forked where the one before it was."""
    pool = new_backend(1)
    atexit.register(pool.close)
    return pool


def cells_of_a_run(
    models: Sequence[str], tools: Sequence[str], folder: Path, workers: Backend | None = None, *inputs: str
) -> Cells:
    """Run models under tools; return what the run keeps of each cell."""
    plan = plan_of(models, tools, *inputs, timeout_seconds=3600.0)
    done = run_in(plan, folder, workers or backend(), reuse=False)
    results = Results(plan, done.folder, done.damaged.append, reuse=False)
    cells = {}
    for spec in plan.models:
        for tool in tools:
            cell = results.measurement(spec, "", tool, plan.execution)
            assert cell is not None
            cells[spec.name, tool] = cell
    for shown in done.run.cells:
        kept = cells[shown.model, shown.tool]
        assert (shown.status, shown.error, shown.notes) == (kept.status, kept.error, kept.notes)
        values = {metric: item.value for metric, item in shown.reconciliations.items()}
        assert values == {metric: item.total for metric, item in kept.measurements.items()}
    assert done.damaged == []
    return cells
