"""Running a plan: for each model a trace, a cell for each tool, and the reconciliation of all; the longest jobs first.

Every job runs in a process of its own. A cell is kept as soon as it has ended. What is known already, from this run
before it was interrupted or from an earlier one, is not run again.
"""

from __future__ import annotations

import heapq
import itertools
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from types import NoneType
from typing import Literal, Protocol

from reconcile.diff import Reconciliation
from reconcile.errors import ReconcileError
from reconcile.execution import Readings
from reconcile.isolation import Ending, Job, Limits
from reconcile.jobs.result import MeasuredCell, ModelReference, Status
from reconcile.jobs.worker import (
    QuickCell,
    ReconciledModel,
    Shapes,
    TracedModel,
    measure_as_documented,
    measure_without_arithmetic,
    reconcile_model,
    trace_model,
)
from reconcile.run.config import Execution, Plan
from reconcile.run.estimate import NOTHING_EXPECTED, Expected
from reconcile.run.result import Cell
from reconcile.run.results import Results
from reconcile.tools import column
from reconcile.zoo import ModelSpec, describe_requested_inputs

Progress = Callable[[str], None]
"""Told after each finished cell and reference what it was."""

Step = Literal["trace", "measure", "reconcile"]


@dataclass(frozen=True, slots=True)
class Task:
    """What a job is for: a model, and for a measurement the tool and how it is to be run."""

    step: Step
    spec: ModelSpec
    tool: str
    execution: Execution


@dataclass(frozen=True, slots=True)
class Verified:
    """A cell that was measured without arithmetic and as documented, and whether both said the same."""

    model: str
    input: str
    tool: str
    agrees: bool


ATTEMPTS = 2
"""How often a job is run whose process dies."""


class Backend(Protocol):
    """Where jobs run: on this machine, or on a cluster."""

    @property
    def capacity(self) -> int:
        """How many jobs may be under way."""
        ...

    def submit(self, key: Task, job: Job) -> None:
        """Start a job; there are never more than ``capacity`` under way."""
        ...

    def next_ending(self) -> tuple[Task, Ending]:
        """Wait for a job to end, and return which and how."""
        ...


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of a plan: references and cells in its order, and which cells were measured both ways.

    ``sources`` are the digests of users' own models, in the order of the references, empty for those of a zoo.
    ``measured`` is how many cells this run has measured itself, rather than taken over from another; ``measured_now``
    how many measurements were made since it was last taken up.
    """

    references: tuple[ModelReference, ...]
    sources: tuple[str, ...]
    cells: tuple[Cell, ...]
    verified: tuple[Verified, ...]
    measured: int
    measured_now: int


def execute(
    plan: Plan,
    run_id: str,
    results: Results,
    backend: Backend,
    expected: Callable[[], Expected] = lambda: NOTHING_EXPECTED,
    progress: Progress = lambda _: None,
) -> Executed:
    """Run a plan to its end. ``expected`` is asked for what cells may take once there is something to run.

    Raises:
        ReconcileError: A result cannot be written. What was written before is kept.
    """
    return _Execution(plan, run_id, results, backend, expected, progress).run()


@dataclass
class _Model:
    """One model while the plan runs."""

    spec: ModelSpec
    run_id: str
    traced: TracedModel | None = None
    unfinished: set[tuple[str, Execution]] = field(default_factory=set)
    measured: dict[tuple[str, Execution], MeasuredCell] = field(default_factory=dict)
    reference: ModelReference | None = None
    reconciled: dict[str, Mapping[str, Reconciliation] | str] = field(default_factory=dict)
    has_ended: bool = False
    shapes: Shapes = field(default_factory=dict)
    waiting: list[tuple[str, Execution]] = field(default_factory=list)
    """Measurements that wait for the first one of the model, to be given the shapes that it finds."""

    @property
    def source(self) -> str:
        """What tells a user's own model from what it was before its code changed; without a trace, nothing does."""
        if self.traced is None or not self.spec.is_own:
            return ""
        return self.traced.source or f"untraced in {self.run_id}"

    @property
    def readings(self) -> Readings | None:
        """What control flow read in the trace; None where that is not known, so that values must be computed."""
        return None if self.traced is None or self.traced.error else self.traced.readings


class _Execution:
    """A plan while it runs."""

    def __init__(
        self,
        plan: Plan,
        run_id: str,
        results: Results,
        backend: Backend,
        expected: Callable[[], Expected],
        progress: Progress,
    ) -> None:
        self._plan, self._run_id, self._results, self._backend = plan, run_id, results, backend
        self._expected, self._progress = cache(expected), progress
        self._models = {spec: _Model(spec, run_id) for spec in plan.models}
        self._ready: list[tuple[int, float, int, Task]] = []
        self._order = itertools.count()
        self._deaths: dict[Task, int] = {}
        self._needs_values: set[tuple[ModelSpec, str]] = set()
        self._running = 0
        self._measured_here: list[tuple[ModelSpec, str]] = []
        self._measured_now = 0

    def run(self) -> Executed:
        for model in self._models.values():
            if model.spec.is_own:  # what it is shows in its trace
                self._queue("trace", model)
            else:
                self._look_up(model)
        self._work()
        if self._verify_one_at_least():
            self._work()
        return Executed(
            references=tuple(self._reference(model) for model in self._models.values()),
            sources=tuple(model.source for model in self._models.values()),
            cells=tuple(self._cell(model, tool) for model in self._models.values() for tool in self._plan.tools),
            verified=tuple(self._verified()),
            measured=len(self._measured_here),
            measured_now=self._measured_now,
        )

    def _work(self) -> None:
        while self._ready or self._running:
            while self._ready and self._running < self._backend.capacity:
                if self._running and self._ready[0][-1] in self._deaths:
                    break  # it runs alone: whatever killed its process is then its own
                task = heapq.heappop(self._ready)[-1]
                self._backend.submit(task, self._job(task))
                self._running += 1
            task, ending = self._backend.next_ending()
            self._running -= 1
            if isinstance(ending.value, QuickCell):
                self._models[task.spec].shapes = ending.value.shapes
                ending = replace(ending, value=ending.value.cell)
            if ending.outcome == "returned" and not isinstance(ending.value, _RETURNED[task.step]):
                ending = replace(ending, outcome="died", value=None)  # the model has written in the job's name
            if ending.outcome == "died" and self._is_worth_another_attempt(task):
                self._let_go_on(self._models[task.spec], len(self._models[task.spec].waiting))
                self._queue(task.step, self._models[task.spec], task.tool, task.execution)
            else:
                self._finish(task, ending)

    def _is_worth_another_attempt(self, task: Task) -> bool:
        self._deaths[task] = self._deaths.get(task, 0) + 1
        if task.step == "measure":  # the model may be what cannot do without values
            self._needs_values.add((task.spec, task.tool))
        return self._deaths[task] < ATTEMPTS

    def _look_up(self, model: _Model) -> None:
        """Find what is known of a model, and queue what is not."""
        for tool in self._plan.tools:
            known = self._results.measurement(model.spec, model.source, tool, self._plan.execution)
            if known is None:
                model.unfinished.add((tool, self._plan.execution))
            else:
                self._take(model, tool, self._plan.execution, known)
        if not model.unfinished:
            self._settle(model)
        elif self._plan.execution == "documented" or model.traced is not None:
            self._queue_measurements(model)
        else:
            self._queue("trace", model)

    def _queue_measurements(self, model: _Model) -> None:
        """Queue what is to be measured. Without arithmetic one tool goes ahead, and finds the shapes for all."""
        model.waiting = sorted(model.unfinished)
        self._let_go_on(model, 1 if model.readings is not None else len(model.waiting))

    def _let_go_on(self, model: _Model, number: int) -> None:
        going, model.waiting = model.waiting[:number], model.waiting[number:]
        for tool, execution in going:
            self._queue("measure", model, tool, execution)

    def _take(self, model: _Model, tool: str, execution: Execution, cell: MeasuredCell) -> bool:
        """A measurement is there. Return whether it is in the sample, and is still to be made the other way too."""
        model.unfinished.discard((tool, execution))
        model.measured[tool, execution] = cell
        if execution != self._plan.execution:
            self._compare(model, tool)
            return False
        self._progress(f"{model.spec.name} · {tool}")
        if not self._results.was_measured_here(model.spec, model.source, tool, execution):
            return False
        self._measured_here.append((model.spec, tool))
        is_in_sample = _fraction(self._run_id, model.spec, tool) < self._plan.verified_share
        return is_in_sample and self._is_to_be_verified(model, tool)

    def _is_to_be_verified(self, model: _Model, tool: str) -> bool:
        """Whether a cell is still to be measured as documented; what is known of that is compared."""
        if model.measured[tool, self._plan.execution].execution == "documented":
            return False
        known = self._results.measurement(model.spec, model.source, tool, "documented")
        if known is not None:
            self._take(model, tool, "documented", known)
        else:
            model.unfinished.add((tool, "documented"))
        return known is None

    def _verify_one_at_least(self) -> bool:
        """Queue a cell to be measured both ways, if the sample had none; return whether there is one."""
        if self._plan.verified_share == 0 or any(True for _ in self._verified()):
            return False
        candidates = [
            (spec, tool)
            for spec, tool in self._measured_here
            if self._models[spec].measured[tool, self._plan.execution].execution != "documented"
        ]
        if not candidates:
            return False
        spec, tool = min(candidates, key=lambda place: _fraction(self._run_id, *place))
        if self._is_to_be_verified(self._models[spec], tool):
            self._queue("measure", self._models[spec], tool, "documented")
        return True

    def _verified(self) -> Iterator[Verified]:
        for model in self._models.values():
            for (tool, execution), documented in model.measured.items():
                if execution == "documented" and execution != self._plan.execution:
                    agrees = documented.says_the_same(model.measured[tool, self._plan.execution])
                    yield Verified(model.spec.name, documented.inputs, tool, agrees)

    def _queue(self, step: Step, model: _Model, tool: str = "", execution: Execution = "without-arithmetic") -> None:
        task = Task(step, model.spec, tool, execution)
        known = self._expected().get((model.spec.name, tool))
        size = known.seconds if known is not None else len(model.traced.packed) if model.traced is not None else 0
        urgency = _LAST if task in self._deaths else _URGENCY[step]
        heapq.heappush(self._ready, (urgency, -size, next(self._order), task))

    def _job(self, task: Task) -> Job:
        model, plan = self._models[task.spec], self._plan
        limits = Limits(plan.timeout_seconds, plan.memory_limit_mb)
        if task.step == "trace":
            return Job(trace_model, (task.spec, plan.seed), limits)
        if task.step == "reconcile":
            measurements = {
                tool: cell.measurements
                for tool in plan.tools
                if (cell := model.measured[tool, plan.execution]).status == "ok"
            }
            known = (task.spec, model.traced, plan.convention, measurements, plan.rulebooks)
            return Job(reconcile_model, known, limits)
        place = column(task.tool).place
        if self._runs_as_documented(task):
            return Job(measure_as_documented, (task.spec, task.tool, plan.seed), limits, place)
        arguments = (task.spec, task.tool, plan.seed, model.readings, model.shapes)
        return Job(measure_without_arithmetic, arguments, limits, place)

    def _runs_as_documented(self, task: Task) -> bool:
        needs_values = self._models[task.spec].readings is None or (task.spec, task.tool) in self._needs_values
        return task.execution == "documented" or needs_values

    def _finish(self, task: Task, ending: Ending) -> None:
        model = self._models[task.spec]
        error = _sentence(task, ending, self._plan)
        match task.step:
            case "trace":
                model.traced = TracedModel(error=error) if error else ending.value
                self._finish_tracing(model)
            case "reconcile":
                self._finish_reconciling(model, error, ending.value)
            case "measure":
                self._let_go_on(model, len(model.waiting))
                if not error and ending.value is None:
                    self._needs_values.add((task.spec, task.tool))
                    self._queue("measure", model, task.tool, task.execution)
                else:
                    self._finish_measuring(task, error, ending)

    def _finish_tracing(self, model: _Model) -> None:
        if model.spec.is_own and not model.measured:
            self._look_up(model)
        elif model.unfinished:
            self._queue_measurements(model)
        else:
            self._settle(model)

    def _finish_measuring(self, task: Task, error: str, ending: Ending) -> None:
        model = self._models[task.spec]
        self._measured_now += 1
        place = (model.spec, model.source, task.tool, task.execution)
        if error:
            status = _STATUS[ending.outcome]
            execution = "documented" if self._runs_as_documented(task) else "without-arithmetic"
            cell = MeasuredCell(status, execution, seconds=ending.seconds, error=error)
        else:
            cell = ending.value
        seconds = None if cell.seconds is None else round(cell.seconds, 3)
        cell = replace(cell, seconds=seconds, peak_rss_mb=round(ending.peak_rss_mb, 1))
        if self._take(model, task.tool, task.execution, self._results.keep_measurement(*place, cell)):
            self._queue("measure", model, task.tool, "documented")
        if not model.unfinished:
            self._settle(model)

    def _compare(self, model: _Model, tool: str) -> None:
        """A cell that was measured both ways must say the same; otherwise it fails, and is not used again."""
        quick, documented = model.measured[tool, self._plan.execution], model.measured[tool, "documented"]
        if not documented.says_the_same(quick):
            self._results.discard_measurement(model.spec, model.source, tool, self._plan.execution)

    def _settle(self, model: _Model) -> None:
        """All cells of a model are there: find or make its reference and reconciliations."""
        if model.has_ended:
            return
        model.reference = self._results.reference(model.spec, model.source)
        for tool in self._plan.tools:
            if model.measured[tool, self._plan.execution].status == "ok":
                known = self._results.reconciliation(model.spec, model.source, tool)
                if known is not None:
                    model.reconciled[tool] = known
        wanted = {tool for tool in self._plan.tools if model.measured[tool, self._plan.execution].status == "ok"}
        if model.reference is not None and (model.reference.error or wanted <= set(model.reconciled)):
            self._end(model)
        elif model.traced is None:
            self._queue("trace", model)
        elif model.traced.error:
            self._finish_reconciling(model, model.traced.error, None)
        else:
            self._queue("reconcile", model)

    def _finish_reconciling(self, model: _Model, error: str, found: ReconciledModel | None) -> None:
        assert model.traced is not None
        if found is None:
            inputs = model.traced.inputs or _requested_inputs(model.spec)
            model.reference = ModelReference(model.spec.name, inputs, None, None, error=error)
        else:
            model.reference = found.reference
            model.reconciled = dict(found.reconciliations)
            for tool, item in found.reconciliations.items():
                if not isinstance(item, str):
                    self._results.keep_reconciliation(model.spec, model.source, tool, item, found.reference.input)
        self._results.keep_reference(model.spec, model.source, model.reference)
        self._end(model)

    def _end(self, model: _Model) -> None:
        """Nothing more is needed of a model but its result."""
        model.has_ended = True
        if model.traced is not None:
            model.traced = replace(model.traced, packed=b"")
        self._progress(f"{model.spec.name} · reference")

    def _reference(self, model: _Model) -> ModelReference:
        assert model.reference is not None
        return replace(model.reference, input=self._inputs(model))

    def _inputs(self, model: _Model) -> str:
        """The inputs in words; a model that never ran for the reference may have run for a tool, which knows them."""
        assert model.reference is not None
        known = (model.reference.input, *(cell.inputs for cell in model.measured.values()))
        return next((inputs for inputs in known if inputs), "")

    def _cell(self, model: _Model, tool: str) -> Cell:
        assert model.reference is not None
        measured = model.measured[tool, self._plan.execution]
        cell = Cell(
            model=model.spec.name,
            input=self._inputs(model),
            tool=tool,
            tool_version=column(tool).version,
            status=measured.status,
            seconds=measured.seconds,
            peak_rss_mb=measured.peak_rss_mb,
            error=measured.error,
            notes=measured.notes,
            execution=measured.execution,
            tool_raised=measured.status == "failed",
        )
        if measured.status != "ok":
            return cell
        documented = model.measured.get((tool, "documented"), measured)
        if not documented.says_the_same(measured):
            return replace(cell, status="failed", error=_disagreement(cell, measured, documented))
        found = model.reconciled.get(tool)
        if found is None:
            reason = f"there is no reference to compare with: {model.reference.error}"
            return replace(cell, status="failed", error=reason)
        if isinstance(found, str):
            return replace(cell, status="failed", error=found)
        return replace(cell, reconciliations=found)


_RETURNED: Mapping[Step, tuple[type, ...]] = {
    "trace": (TracedModel,),
    "measure": (MeasuredCell, NoneType),
    "reconcile": (ReconciledModel,),
}

_URGENCY: Mapping[Step, int] = {"reconcile": 0, "trace": 1, "measure": 2}
"""What is short and lets go of memory comes first; then what shows how large the rest is."""

_LAST = 3
"""What has died once is run again when all else is done, so that it runs alone without making others wait."""

_STATUS: Mapping[str, Status] = {"timeout": "timeout", "memory": "crashed", "processes": "crashed", "died": "crashed"}


def _fraction(run_id: str, spec: ModelSpec, tool: str) -> float:
    """A number from 0 to 1 that is random from run to run, and the same whenever this run asks."""
    place = f"{run_id}\n{spec.name}\n{spec.inputs}\n{tool}"
    return int.from_bytes(sha256(place.encode("utf-8", "backslashreplace")).digest()[:7]) / 2**56


def _sentence(task: Task, ending: Ending, plan: Plan) -> str:
    """What went wrong with a job, in one sentence; empty if nothing did."""
    if ending.outcome == "returned":
        return ""
    name = task.spec.name
    what = {"trace": f"tracing {name}", "reconcile": f"reconciling {name}"}.get(task.step, f"{task.tool} on {name}")
    words = f", having said: {ending.last_words}" if ending.last_words else ""
    match ending.outcome:
        case "timeout":
            return f"{what} took longer than {plan.timeout_seconds:g} seconds and was stopped{words}."
        case "memory":
            return f"{what} took more than {plan.memory_limit_mb:g} MB of memory and was stopped{words}."
        case "processes":
            return f"{what} started too many processes and was stopped{words}."
    how = "" if ending.exit_code is None else f" ({_exit(ending.exit_code)})"
    return f"{what} ended its process{how}{words}."


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _disagreement(cell: Cell, measured: MeasuredCell, documented: MeasuredCell) -> str:
    totals = [
        ", ".join(f"{metric} {item.total}" for metric, item in found.measurements.items()) or found.error
        for found in (measured, documented)
    ]
    return (
        f"{cell.tool} on {cell.model} says {totals[0]} without arithmetic and {totals[1]} as documented: "
        "run again with --execution documented."
    )


def _requested_inputs(spec: ModelSpec) -> str:
    try:
        return describe_requested_inputs(spec)
    except ReconcileError:
        return ""
