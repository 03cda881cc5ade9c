"""A plan that is stopped after any of its jobs goes on from there: nothing that was kept is run again.

No job runs here. A script says how each ends, so that every place where a run can be stopped is tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconcile.diff import LayerDifference, Reconciliation
from reconcile.isolation import Ending, Job
from reconcile.jobs.worker import ReconciledModel, TracedModel, measure_as_documented
from reconcile.run import Cell, MeasuredCell, ModelReference, Plan, begin, reopen, run_plan
from reconcile.run.execute import Task
from reconcile.tools import Measurement, Metric
from tests.run.runs import Scripted, plan_of

TOOLS = ("thop", "fvcore", "torchinfo")
MODELS = ("alexnet", "tests.run.models:net", "vgg11")
REFERENCE = 100


class StoppedError(Exception):
    """The program is asked to end."""


def value_of(tool: str) -> int:
    return REFERENCE + len(tool)


def measured(tool: str, execution: str, value: int | None = None) -> MeasuredCell:
    total = value_of(tool) if value is None else value
    measurements: dict[Metric, Measurement] = {
        "compute": Measurement(total, {"": total}),
        "params": Measurement(7, {"": 7}),
    }
    return MeasuredCell("ok", execution, "1x4", 0.5, 100.0, measurements)


def reconciled(measurements: Any) -> dict[str, dict[str, Reconciliation]]:
    def reconciliation(metric: str, value: int, reference: int) -> Reconciliation:
        layer = LayerDifference(
            "", "Net", 1, value, reference, {"bias": value - reference} if value > reference else {}
        )
        return Reconciliation(metric, "MAC", value, "macs", "MAC", reference, (layer,))

    return {
        tool: {
            "compute": reconciliation("compute", found["compute"].total, REFERENCE),
            "params": reconciliation("params", found["params"].total, 7),
        }
        for tool, found in measurements.items()
    }


def as_it_should(task: Task, job: Job) -> Ending:
    """How a job ends if all goes well."""
    if task.step == "trace":
        return Ending("returned", TracedModel(b"packed", "1x4", "source" if task.spec.is_own else "", ()))
    if task.step == "reconcile":
        spec, traced, _, measurements, _ = job.arguments
        assert traced.packed == b"packed"
        reference = ModelReference(
            spec.name, traced.inputs, REFERENCE, 7, "dataless", activations=4, memory={"read": 3}
        )
        return Ending("returned", ReconciledModel(reference, reconciled(measurements)))
    execution = "documented" if job.function is measure_as_documented else "without-arithmetic"
    return Ending("returned", measured(task.tool, execution), peak_rss_mb=100.0)


class Session:
    """A scripted backend that notes what it runs, and stops the program after ``stop_after`` jobs."""

    def __init__(self, ending_of: Callable[[Task, Job], Ending], stop_after: int | None = None) -> None:
        self.ended: Counter[tuple[str, str, str, str]] = Counter()
        self._stop_after = stop_after
        self._backend = Scripted(ending_of)
        self.capacity = self._backend.capacity

    def submit(self, key: Task, job: Job) -> None:
        self._backend.submit(key, job)

    def next_ending(self) -> tuple[Task, Ending]:
        if self._stop_after is not None and self.ended.total() >= self._stop_after:
            raise StoppedError
        task, ending = self._backend.next_ending()
        self.ended[task.step, task.spec.name, task.tool, task.execution] += 1
        return task, ending


def session(
    plan: Plan, path: Path, backend: Session
) -> tuple[tuple[Cell, ...], tuple[ModelReference, ...], Any] | None:
    """Begin a run or go on with it; return what came of it, or None if it was stopped."""
    folder = reopen(path)[0] if (path / "run.json").exists() else begin(path, plan, "20260101T000000Z-abcdef")
    progress: list[str] = []
    damaged: list[str] = []
    try:
        run = run_plan(plan, folder, backend, progress=progress.append, report=damaged.append)
    except StoppedError:
        return None
    assert sorted(progress) == sorted(f"{model} · {what}" for model in MODELS for what in (*TOOLS, "reference"))
    assert damaged == []
    return run.cells, run.references, sorted(run.manifest["verified"], key=repr)


def measurements_in(path: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (path / "results" / "measurements").glob("*.parquet")}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("execution", ["without-arithmetic", "documented"])
def test_a_run_that_is_stopped_anywhere(tmp_path: Path, share: float, execution: str) -> None:
    plan = plan_of(MODELS, TOOLS, verified_share=share, execution=execution)
    undisturbed = Session(as_it_should)
    expected = session(plan, tmp_path / "undisturbed" / "run", undisturbed)
    assert expected is not None
    assert max(undisturbed.ended.values()) == 1
    assert [cell.status for cell in expected[0]] == ["ok"] * 9
    assert [cell.reconciliations["compute"].value for cell in expected[0]] == [value_of(tool) for tool in TOOLS] * 3
    for stop_after in range(undisturbed.ended.total()):
        path = tmp_path / f"stopped-{stop_after}" / "run"
        first = Session(as_it_should, stop_after)
        assert session(plan, path, first) is None
        kept = measurements_in(path)
        assert len(kept) == sum(number for (step, *_), number in first.ended.items() if step == "measure")
        second = Session(as_it_should)
        found = session(plan, path, second)
        assert found is not None
        assert found == expected
        assert measurements_in(path).items() >= kept.items()
        assert max(second.ended.values(), default=1) == 1
        again = [task for task in second.ended if task[0] == "measure" and task in first.ended]
        assert again == []


def test_a_run_that_is_stopped_again_and_again(tmp_path: Path) -> None:
    plan = plan_of(MODELS, TOOLS, verified_share=1.0)
    undisturbed = session(plan, tmp_path / "undisturbed" / "run", Session(as_it_should))
    assert undisturbed is not None
    ended: Counter[tuple[str, str, str, str]] = Counter()
    found = None
    path = tmp_path / "stopped" / "run"
    sessions = 0
    while found is None:
        backend = Session(as_it_should, 5)  # traces are not kept: three jobs, before any that is
        found = session(plan, path, backend)
        ended += backend.ended
        sessions += 1
        assert sessions < 100
    assert found[:2] == undisturbed[:2]
    assert sessions > 3
    assert {task: number for task, number in ended.items() if task[0] == "measure" and number > 1} == {}


def test_nothing_runs_when_a_finished_run_is_resumed(tmp_path: Path) -> None:
    plan = plan_of(MODELS, TOOLS, verified_share=1.0)
    first = session(plan, tmp_path / "run", Session(as_it_should))
    backend = Session(as_it_should)
    assert session(plan, tmp_path / "run", backend) == first
    assert set(backend.ended) == {
        ("trace", MODELS[1], "", "without-arithmetic")
    }  # what the model is shows in its trace


# --- a cell that says something else as documented ---


def wrong_without_arithmetic(task: Task, job: Job) -> Ending:
    ending = as_it_should(task, job)
    is_quick = task.step == "measure" and job.function is not measure_as_documented
    if is_quick and (task.spec.name, task.tool) == ("alexnet", "thop"):
        return replace(ending, value=measured(task.tool, "without-arithmetic", 1))
    return ending


def check_fails(cells: tuple[Cell, ...]) -> None:
    assert {(cell.model, cell.tool): cell.status for cell in cells if cell.status != "ok"} == {
        ("alexnet", "thop"): "failed"
    }
    assert "compute 1, params 7 without arithmetic and compute 104, params 7 as documented" in cells[0].error
    assert cells[0].reconciliations == {}


def test_a_cell_that_differs_fails_and_is_not_used_again(tmp_path: Path) -> None:
    plan = plan_of(MODELS, TOOLS, verified_share=1.0)
    path = tmp_path / "first"
    first = session(plan, path, Session(wrong_without_arithmetic))
    assert first is not None
    check_fails(first[0])
    assert [(item["model"], item["tool"]) for item in first[2] if not item["agrees"]] == [("alexnet", "thop")]
    kept = [file.name for file in (path / "results" / "measurements" / "damaged").iterdir()]
    assert len(kept) == 1
    # The next run measures it again, and no other. It is told the truth now.
    backend = Session(as_it_should)
    second = session(replace(plan, verified_share=0.0), tmp_path / "second", backend)
    assert second is not None
    assert {task[1:3] for task in backend.ended if task[0] == "measure"} == {("alexnet", "thop")}
    assert {cell.status for cell in second[0]} == {"ok"}
    assert second[0][0].reconciliations["compute"].value == value_of("thop")


def test_a_cell_that_differs_fails_however_often_the_run_is_stopped(tmp_path: Path) -> None:
    plan = plan_of(MODELS, TOOLS, verified_share=1.0)
    whole = Session(wrong_without_arithmetic)
    session(plan, tmp_path / "whole" / "run", whole)
    for stop_after in range(whole.ended.total() + 1):
        place = tmp_path / f"stopped-{stop_after}"
        session(plan, place / "run", Session(wrong_without_arithmetic, stop_after))
        found = session(plan, place / "run", Session(wrong_without_arithmetic))
        assert found is not None
        check_fails(found[0])
        after = Session(wrong_without_arithmetic)
        session(replace(plan, verified_share=0.0), place / "after", after)
        assert ("measure", "alexnet", "thop", "without-arithmetic") in after.ended


def test_what_was_documented_earlier_is_compared_too(tmp_path: Path) -> None:
    documented = plan_of(MODELS, TOOLS, execution="documented")
    session(documented, tmp_path / "documented", Session(as_it_should))
    plan = replace(documented, execution="without-arithmetic", verified_share=1.0)
    backend = Session(wrong_without_arithmetic)
    found = session(plan, tmp_path / "quick", backend)
    assert found is not None
    check_fails(found[0])
    assert {task[3] for task in backend.ended if task[0] == "measure"} == {"without-arithmetic"}
    after = Session(wrong_without_arithmetic)
    session(replace(plan, verified_share=0.0), tmp_path / "after", after)
    assert after.ended["measure", "alexnet", "thop", "without-arithmetic"] == 1


# --- what dies is tried once more ---


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("step", ["trace", "measure", "reconcile"])
def test_a_job_that_dies(tmp_path: Path, step: str, deaths: int) -> None:
    died: Counter[str] = Counter()

    def dying(task: Task, job: Job) -> Ending:
        if task.step == step and task.spec.name == "alexnet" and task.tool in ("", "thop") and died[step] < deaths:
            died[step] += 1
            return Ending("died", exit_code=-9, last_words="help")
        return as_it_should(task, job)

    plan = plan_of(MODELS, TOOLS)
    backend = Session(dying)
    found = session(plan, tmp_path / "run", backend)
    assert found is not None
    status = {(cell.model, cell.tool): cell.status for cell in found[0] if cell.status != "ok"}
    errors = [cell.error for cell in found[0] if cell.error] + [item.error for item in found[1] if item.error]
    if deaths == 1:
        assert status == {}
        assert errors == []
    else:
        assert all("(signal SIGKILL), having said: help." in error for error in errors)
        expected = {
            "trace": {("alexnet", tool): "failed" for tool in TOOLS},
            "measure": {("alexnet", "thop"): "crashed"},
            "reconcile": {("alexnet", tool): "failed" for tool in TOOLS},
        }
        assert status == expected[step]
        # A cell that died is not taken over: the next run tries it again.
        after = Session(as_it_should)
        again = session(plan, tmp_path / "again", after)
        assert again is not None
        assert {cell.status for cell in again[0]} == {"ok"}
        wanted = {("alexnet", "thop")} if step == "measure" else set()
        assert {task[1:3] for task in after.ended if task[0] == "measure"} == wanted
