"""Running models and tools: plan, cells as jobs, what is kept of them, and the result as data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconcile.isolation import Workers
from reconcile.jobs import PRELOAD
from reconcile.jobs.result import MeasuredCell, ModelReference, Status
from reconcile.rules import Rulebook, find_rulebook
from reconcile.run.cluster import cluster_at
from reconcile.run.config import (
    Execution,
    ModelEntry,
    Plan,
    RunConfig,
    configured_models,
    configured_tools,
    default_config_file,
    make_plan,
)
from reconcile.run.estimate import expected_costs
from reconcile.run.execute import Backend, Progress, Task, execute
from reconcile.run.folder import REPORT_FILE, RunFolder, begin, check_is_free, find_run, is_run_folder, reopen
from reconcile.run.history import ask, history
from reconcile.run.keys import TORCH
from reconcile.run.manifest import describe_run, new_run_id
from reconcile.run.measure import measure
from reconcile.run.preview import ToolPreview, preview
from reconcile.run.result import Cell, Run
from reconcile.run.results import Results
from reconcile.tools import columns, modules_by_environment

__all__ = [
    "REPORT_FILE",
    "TORCH",
    "Backend",
    "Cell",
    "Execution",
    "MeasuredCell",
    "ModelEntry",
    "ModelReference",
    "Plan",
    "Progress",
    "Run",
    "RunConfig",
    "RunFolder",
    "Status",
    "ToolPreview",
    "ask",
    "begin",
    "check_is_free",
    "cluster_at",
    "configured_models",
    "configured_tools",
    "default_config_file",
    "find_run",
    "history",
    "is_run_folder",
    "make_plan",
    "measure",
    "new_run_id",
    "number_of_jobs",
    "preview",
    "reopen",
    "run_plan",
    "this_machine",
]


def run_plan(
    plan: Plan,
    folder: RunFolder,
    backend: Backend,
    *,
    progress: Progress = lambda _: None,
    report: Callable[[str], None] = lambda _: None,
    reuse: bool = True,
) -> Run:
    """Run a plan to its end and return everything that came of it.

    ``report`` is told what was found damaged; ``reuse`` says whether what earlier runs found is taken over.

    Raises:
        ReconcileError: Something cannot be written. What has finished is kept in the run's folder.
    """
    started = time.monotonic()
    results = Results(plan, folder, report, reuse=reuse)
    executed = execute(
        plan, folder.run_id, results, backend, lambda: expected_costs(folder.earlier("measurements")), progress
    )
    return Run(
        run_id=folder.run_id,
        convention=plan.convention.name,
        unit=plan.convention.unit,
        tools=plan.tools,
        references=executed.references,
        cells=executed.cells,
        manifest=describe_run(plan, folder, executed, time.monotonic() - started),
        rulebooks=_rulebooks(plan),
    )


def _rulebooks(plan: Plan) -> dict[str, Rulebook]:
    """Those by which a run's differences are explained."""
    found = {tool: plan.rulebooks.get(tool) or find_rulebook(tool) for tool in plan.tools}
    return {tool: book for tool, book in found.items() if book is not None}


@contextmanager
def this_machine(plan: Plan) -> Iterator[Backend]:
    """Processes on this machine, as many as the plan says, which find the tools and the models' libraries imported."""
    libraries = sorted({spec.library for spec in plan.models if spec.library is not None})
    pool: Workers[Task] = Workers(
        min(plan.jobs, number_of_jobs(plan)), *libraries, PRELOAD, tools=modules_by_environment(columns(plan.tools))
    )
    try:
        yield pool
    finally:
        pool.close()


def number_of_jobs(plan: Plan) -> int:
    """Return how many times :func:`run_plan` reports progress."""
    return len(plan.models) * (1 + len(plan.tools))
