"""Running plans in tests, and counting the jobs that they submit."""

from __future__ import annotations

import atexit
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from reconcile.isolation import Ending, Job, Workers
from reconcile.jobs import PRELOAD
from reconcile.run import Backend, Plan, Run, RunFolder, begin, make_plan, new_run_id, reopen, run_plan
from reconcile.run.execute import Task

WHERE = "tests.run.models"


def plan_of(models: Sequence[str], tools: Sequence[str], *inputs: str, **changes: Any) -> Plan:
    """A plan of models and tools, two cells at a time and without a sample, but for ``changes`` of its fields."""
    made = make_plan(names=models, tools=tools, inputs=inputs, jobs=2)
    return replace(made, **{"verified_share": 0.0, **changes})


def begin_run(plan: Plan, path: Path) -> RunFolder:
    return begin(path, plan, new_run_id())


class Counting:
    """A backend that notes which jobs it is given, and hands them to another one."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.submitted: Counter[tuple[str, str, str]] = Counter()

    @property
    def capacity(self) -> int:
        return self._backend.capacity

    def submit(self, key: Task, job: Job) -> None:
        self.submitted[key.step, key.spec.name, key.tool] += 1
        self._backend.submit(key, job)

    def next_ending(self) -> tuple[Task, Ending]:
        return self._backend.next_ending()

    def measured(self) -> Counter[tuple[str, str]]:
        """How often each model was measured by each tool."""
        return Counter(
            {(model, tool): number for (step, model, tool), number in self.submitted.items() if step == "measure"}
        )


class Scripted:
    """A backend that runs nothing: ``ending_of`` says how each job ends. Jobs end in the order of their start."""

    def __init__(self, ending_of: Callable[[Task, Job], Ending], capacity: int = 2) -> None:
        self.capacity = capacity
        self._ending_of = ending_of
        self._endings: list[tuple[Task, Ending]] = []

    def submit(self, key: Task, job: Job) -> None:
        assert len(self._endings) < self.capacity
        self._endings.append((key, self._ending_of(key, job)))

    def next_ending(self) -> tuple[Task, Ending]:
        return self._endings.pop(0)


@cache
def shared_backend() -> Backend:
    """Processes for all tests of this program: each job is forked afresh, and to start them takes seconds."""
    pool: Workers[Task] = Workers(2, PRELOAD)
    atexit.register(pool.close)
    return pool


@dataclass(frozen=True)
class Done:
    """What came of a run: the result, the jobs, what was told of progress and of damage."""

    run: Run
    folder: RunFolder
    submitted: Counter[tuple[str, str, str]]
    measured: Counter[tuple[str, str]]
    progress: list[str]
    damaged: list[str]


def run_in(plan: Plan, path: Path, backend: Backend | None = None, *, reuse: bool = True) -> Done:
    """Run a plan in a new folder, or go on with the run that the folder holds."""
    folder = reopen(path)[0] if (path / "run.json").exists() else begin_run(plan, path)
    progress: list[str] = []
    damaged: list[str] = []
    counting = Counting(backend or shared_backend())
    run = run_plan(plan, folder, counting, progress=progress.append, report=damaged.append, reuse=reuse)
    return Done(run, folder, counting.submitted, counting.measured(), progress, damaged)
