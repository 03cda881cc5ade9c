"""Running models and tools: plan, workers, and the result as data."""

from datetime import UTC, datetime

from reconcile.run.config import ModelEntry, Plan, RunConfig, default_config_file, make_plan
from reconcile.run.execute import Progress, execute, number_of_jobs
from reconcile.run.manifest import describe_run, new_run_id
from reconcile.run.result import Cell, ModelReference, Run, Status
from reconcile.run.worker import measure_cell

__all__ = [
    "Cell",
    "ModelEntry",
    "ModelReference",
    "Plan",
    "Progress",
    "Run",
    "RunConfig",
    "Status",
    "default_config_file",
    "make_plan",
    "measure_cell",
    "new_run_id",
    "number_of_jobs",
    "run_plan",
]


def run_plan(plan: Plan, progress: Progress = lambda _: None) -> Run:
    """Run a plan to its end and return everything that came of it."""
    started = datetime.now(UTC)
    run_id = new_run_id(started)
    references, cells = execute(plan, progress)
    return Run(
        run_id=run_id,
        convention=plan.convention.name,
        unit=plan.convention.unit,
        tools=plan.tools,
        references=references,
        cells=cells,
        manifest=describe_run(plan, run_id, references, started, datetime.now(UTC)),
    )
