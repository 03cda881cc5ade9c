"""How the cost of a run grows: with the size of models, with the number of cells, with the number of workers."""

from __future__ import annotations

import heapq
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from reconcile.isolation import Ending, Job, Limits, Workers
from reconcile.jobs import PRELOAD
from reconcile.jobs.result import MeasuredCell, ModelReference
from reconcile.jobs.worker import (
    ReconciledModel,
    TracedModel,
    measure_as_documented,
    measure_without_arithmetic,
    trace_model,
)
from reconcile.run import Plan, Run, begin, make_plan, new_run_id, run_plan, this_machine
from reconcile.run.execute import Task
from reconcile.tools import METRICS, Measurement
from reconcile.zoo import resolve

GROWING = ("resnet18", "resnet50", "resnet152", "efficientnet_v2_l", "vit_l_16", "regnet_y_128gf")
FEW = ("resnet18", "vgg11", "densenet121", "efficientnet_b0", "swin_t", "mnasnet0_5", "squeezenet1_1", "vit_b_32")
LIMITS = Limits(3600, 1e6)
CELLS = 100_000
WORKERS = (1, 2, 4, 16, 64, 256)


def seconds_of(workers: Workers[str], function: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    workers.submit("", Job(function, arguments, LIMITS))
    assert workers.next_ending()[1].outcome == "returned"
    return time.perf_counter() - started


def cost_by_size(workers: Workers[str]) -> None:
    print("a cell of thop, building included: documented / without arithmetic, by growing models")
    for name in GROWING:
        spec = resolve(name)
        quick, slow = [], []
        for _ in range(3):
            quick.append(seconds_of(workers, measure_without_arithmetic, spec, "thop", 0, (), {}))
            slow.append(seconds_of(workers, measure_as_documented, spec, "thop", 0))
        print(f"  {name:20} {statistics.median(slow) / statistics.median(quick):8.1f}", flush=True)


def overhead(workers: Workers[str]) -> None:
    spec = resolve("resnet18")
    empty = statistics.median(seconds_of(workers, os.getpid) for _ in range(50))
    cell = statistics.median(
        seconds_of(workers, measure_without_arithmetic, spec, "thop", 0, (), {}) for _ in range(20)
    )
    trace = statistics.median(seconds_of(workers, trace_model, spec, 0) for _ in range(20))
    print(f"a job without work / the cell resnet18, thop: {empty / cell:.2f}; / its trace: {empty / trace:.2f}")


def two_workers_against_one() -> list[float]:
    """Return the seconds of the cells, for the simulation."""
    took: dict[int, list[float]] = {1: [], 2: []}
    cells: list[float] = []
    for _ in range(3):
        for jobs, seconds in took.items():
            plan = make_plan(names=FEW, jobs=jobs)
            started = time.perf_counter()
            run = finished(plan)
            seconds.append(time.perf_counter() - started)
            cells += [cell.seconds for cell in run.cells if cell.seconds is not None]
    print(
        f"a run of {len(FEW)} models: one worker / two: {statistics.median(took[1]) / statistics.median(took[2]):.2f}"
    )
    return cells


def finished(plan: Plan) -> Run:
    with TemporaryDirectory() as place, this_machine(plan) as backend:
        return run_plan(plan, begin(Path(place) / "run", plan, new_run_id()), backend)


class Instantly:
    """A place where every job has ended as soon as it is submitted: what is left is the scheduler's own work."""

    capacity = 256

    def __init__(self) -> None:
        self._tasks: list[Task] = []

    def submit(self, key: Task, job: Job) -> None:  # noqa: ARG002  # what every place of jobs takes
        self._tasks.append(key)

    def next_ending(self) -> tuple[Task, Ending]:
        task = self._tasks.pop()
        return task, Ending("returned", _value_of(task))


def _value_of(task: Task) -> object:
    if task.step == "trace":
        return TracedModel(b"x", "1x3x8x8", "source of " + task.spec.name)
    if task.step == "measure":
        return MeasuredCell(
            "ok", task.execution, "1x3x8x8", 0.1, 100.0, dict.fromkeys(METRICS, Measurement(1, {"": 1}))
        )
    return ReconciledModel(ModelReference(task.spec.name, "1x3x8x8", 1, 1), {})


def cost_of_scheduling() -> float:
    """Return the seconds that the scheduler itself takes for a cell, storing it included."""
    names = [f"benchmarks.scaling:main(number={number})" for number in range(400)]
    plan = make_plan(names=names, tools=["thop", "fvcore", "torchinfo"])
    with TemporaryDirectory() as place:
        folder = begin(Path(place) / "run", plan, new_run_id())
        started = time.perf_counter()
        run_plan(plan, folder, Instantly())
        return (time.perf_counter() - started) / (len(names) * 3)


def simulate(cells: Sequence[float], workers: int, scheduling: float) -> float:
    """Return how long a queue takes, longest cells first, when the scheduler hands them out one after another."""
    free = [0.0] * workers
    clock = 0.0
    for seconds in sorted(cells, reverse=True):
        clock = max(clock, free[0]) + scheduling
        heapq.heapreplace(free, clock + seconds)
    return max(free)


def queue(measured: Sequence[float]) -> None:
    scheduling = cost_of_scheduling()
    typical = statistics.mean(measured)
    print(f"scheduling and storing a cell / running it: {scheduling / typical:.4f}")
    drawn = random.Random(0).choices(measured, k=CELLS)  # noqa: S311  # a simulation
    took = {workers: simulate(drawn, workers, scheduling) for workers in WORKERS}
    print(f"a queue of {CELLS:,} cells, simulated: workers, speed-up over one, share of the workers' time that is used")
    for workers, seconds in took.items():
        print(f"  {workers:4} {took[1] / seconds:8.1f} {sum(drawn) / (workers * seconds):7.1%}")
    assert all(took[more] <= took[fewer] for fewer, more in pairwise(WORKERS))


def main() -> None:
    workers: Workers[str] = Workers(1, PRELOAD)
    try:
        overhead(workers)
        cost_by_size(workers)
    finally:
        workers.close()
    queue(two_workers_against_one())


if __name__ == "__main__":
    main()
