"""One cell by itself, for those who look at a single number."""

from __future__ import annotations

from reconcile.isolation import Job, Limits, Workers
from reconcile.jobs import PRELOAD
from reconcile.jobs.result import MeasuredCell
from reconcile.jobs.worker import measure_here
from reconcile.run.config import available_megabytes
from reconcile.tools import column, modules_by_environment
from reconcile.trace import Trace
from reconcile.zoo import ModelSpec

_PATIENCE_SECONDS = 3600


def measure(spec: ModelSpec, tool: str, trace: Trace, seed: int = 0) -> MeasuredCell:
    """Run a tool on a model, without arithmetic if that can be: in this process, or in the tool's environment.

    Raises:
        ReconcileError: The tool is not there, or its environment cannot be used.
    """
    chosen = column(tool)
    if chosen.environment is None:
        return measure_here(spec, tool, trace, seed)
    workers: Workers[str] = Workers(1, PRELOAD, tools=modules_by_environment([chosen]))
    limits = Limits(_PATIENCE_SECONDS, available_megabytes())
    try:
        workers.submit("", Job(measure_here, (spec, tool, trace, seed), limits, chosen.place))
        ending = workers.next_ending()[1]
    finally:
        workers.close()
    if isinstance(ending.value, MeasuredCell):
        return ending.value
    words = f", its last words: {ending.last_words}" if ending.last_words else ""
    error = f"{tool} on {spec.name} ended its process ({ending.outcome}){words}."
    return MeasuredCell("crashed", "documented", error=error)
