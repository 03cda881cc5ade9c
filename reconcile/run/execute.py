"""Running a plan: every trace and every cell in a fresh process, the longest first, and what came of each."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pebble import ProcessExpired, ProcessPool

from reconcile.diff import reconcile_measurements
from reconcile.errors import ReconcileError, describe_exception
from reconcile.reference import ReferenceCount, count_trace
from reconcile.run.config import Plan
from reconcile.run.result import Cell, ModelReference, Status
from reconcile.run.worker import MeasuredCell, TracedModel, measure_cell, trace_model
from reconcile.tools import adapter, version_of
from reconcile.zoo import ModelSpec, describe_requested_inputs

Progress = Callable[[str], None]
"""Told after each finished job what it was."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A job whose worker ran out of time or died."""

    status: Status
    error: str


def execute(plan: Plan, progress: Progress = lambda _: None) -> tuple[tuple[ModelReference, ...], tuple[Cell, ...]]:
    """Run a plan and return the references and the cells, in the plan's order."""
    with _pool(plan) as pool:
        traced = _trace_all(pool, plan, progress)
        references = {spec: _reference(spec, traced[spec], plan) for spec in plan.models}
        largest_first = sorted(plan.models, key=lambda spec: -(references[spec].compute or 0))
        initialize = {spec for spec in plan.models if references[spec].execution == "real"}
        measured = _measure_all(pool, plan, largest_first, initialize, progress)
    cells: list[Cell] = []
    for spec in plan.models:
        found = _reconcile(spec, traced[spec], measured[spec], plan)
        # A model that never ran for the reference may have run for a tool, which then knows its inputs.
        inputs = next((known for known in (references[spec].input, *(cell.input for cell in found)) if known), "")
        references[spec] = replace(references[spec], input=inputs)
        cells += [replace(cell, input=inputs) for cell in found]
    return tuple(references.values()), tuple(cells)


def number_of_jobs(plan: Plan) -> int:
    """Return how many times :func:`execute` reports progress."""
    return len(plan.models) * (1 + len(plan.tools))


@contextmanager
def _pool(plan: Plan) -> Iterator[ProcessPool]:
    """Workers that do one job each and are forked from a process that has imported torch but never used it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reconcile.run.preload"])
    pool = ProcessPool(max_workers=plan.jobs, max_tasks=1, context=context)
    try:
        yield pool
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _threads(plan: Plan) -> int:
    return max(1, (os.cpu_count() or 1) // plan.jobs)


def _trace_all(pool: ProcessPool, plan: Plan, progress: Progress) -> dict[ModelSpec, TracedModel | _Lost]:
    jobs: dict[Future[TracedModel], ModelSpec] = {
        pool.schedule(trace_model, args=[spec, plan.seed, _threads(plan)], timeout=plan.timeout_seconds): spec
        for spec in plan.models
    }
    traced: dict[ModelSpec, TracedModel | _Lost] = {}
    for job in as_completed(jobs):
        spec = jobs[job]
        traced[spec] = _outcome(job, f"tracing {spec.name}", plan)
        progress(f"{spec.name} · reference")
    return traced


def _measure_all(
    pool: ProcessPool, plan: Plan, models: Sequence[ModelSpec], initialize: Collection[ModelSpec], progress: Progress
) -> dict[ModelSpec, dict[str, MeasuredCell | _Lost]]:
    jobs: dict[Future[MeasuredCell], tuple[ModelSpec, str]] = {
        pool.schedule(
            measure_cell,
            args=[spec, tool, plan.seed, _threads(plan)],
            kwargs={"initialize": spec in initialize},
            timeout=plan.timeout_seconds,
        ): (spec, tool)
        for spec in models
        for tool in plan.tools
    }
    measured: dict[ModelSpec, dict[str, MeasuredCell | _Lost]] = {spec: {} for spec in models}
    for job in as_completed(jobs):
        spec, tool = jobs[job]
        measured[spec][tool] = _outcome(job, f"{tool} on {spec.name}", plan)
        progress(f"{spec.name} · {tool}")
    return measured


def _reference(spec: ModelSpec, traced: TracedModel | _Lost, plan: Plan) -> ModelReference:
    inputs = _inputs(spec, traced)
    count = _count(traced, plan)
    if isinstance(count, str):
        return ModelReference(spec.name, inputs, None, None, error=count)
    return ModelReference(
        model=spec.name,
        input=inputs,
        compute=count.total,
        parameters=count.parameters,
        execution=count.trace.execution,
        uncovered=count.uncovered,
        uncalled=count.trace.uncalled,
        activations=count.activations,
        memory=count.memory,
    )


def _reconcile(
    spec: ModelSpec, traced: TracedModel | _Lost, measured: Mapping[str, MeasuredCell | _Lost], plan: Plan
) -> list[Cell]:
    """Make the cells of one model, in the plan's order; its trace is unpacked for no longer than that takes."""
    count = _count(traced, plan)
    return [_cell(spec, tool, measured[tool], _inputs(spec, traced), count) for tool in plan.tools]


def _cell(spec: ModelSpec, tool: str, outcome: MeasuredCell | _Lost, inputs: str, count: ReferenceCount | str) -> Cell:
    version = version_of(adapter(tool))
    if isinstance(outcome, _Lost):
        return Cell(spec.name, inputs, tool, version, outcome.status, error=outcome.error)
    cell = Cell(
        model=spec.name,
        input=inputs or outcome.inputs,
        tool=tool,
        tool_version=version,
        status=outcome.status,
        seconds=round(outcome.seconds, 3),
        peak_rss_mb=round(outcome.peak_rss_mb, 1),
        error=outcome.error,
    )
    if outcome.report is None:
        return cell
    cell = replace(cell, notes=outcome.report.notes)
    if isinstance(count, str):
        return replace(cell, status="failed", error=f"there is no reference to compare with: {count}")
    try:
        return replace(cell, reconciliations=reconcile_measurements(tool, outcome.report.measurements, count))
    except Exception as error:  # a rulebook that does not fit costs its own cell
        return replace(cell, status="failed", error=f"{tool} cannot be compared: {describe_exception(error)}")


def _count(traced: TracedModel | _Lost, plan: Plan) -> ReferenceCount | str:
    """Count a model, or say in one sentence why not."""
    if traced.error:
        return traced.error
    assert isinstance(traced, TracedModel)
    try:
        return count_trace(traced.trace(), plan.convention)
    except ReconcileError as error:
        return str(error)


def _inputs(spec: ModelSpec, traced: TracedModel | _Lost) -> str:
    """The inputs in words, as they were or, where the model never ran, as they were asked for."""
    if isinstance(traced, TracedModel) and traced.inputs:
        return traced.inputs
    try:
        return describe_requested_inputs(spec)
    except ReconcileError:
        return ""


def _outcome(job: Future[Any], what: str, plan: Plan) -> Any:
    try:
        return job.result()
    except FutureTimeoutError:
        return _Lost("timeout", f"{what} took longer than {plan.timeout_seconds:g} seconds and was stopped.")
    except ProcessExpired as error:
        return _Lost("crashed", f"{what} ended its process (exit code {error.exitcode}).")
    except Exception as error:
        return _Lost("failed", f"{what}: {describe_exception(error)}")
