"""Measuring cells in workers in an order that a test chooses, each as a run measures it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from reconcile.execution import Readings
from reconcile.isolation import Job, Limits, Workers
from reconcile.jobs.result import MeasuredCell
from reconcile.jobs.worker import (
    QuickCell,
    Shapes,
    TracedModel,
    measure_as_documented,
    measure_without_arithmetic,
    trace_model,
)
from reconcile.tools import column
from reconcile.zoo import Mode, resolve

AMPLE = Limits(seconds=600, memory_mb=20_000)

Place = tuple[str, str]
"""A model and a tool."""


def returned_by(pool: Any, function: Any, *arguments: Any, environment: str = "") -> Any:
    """Run one job, and return what it returns."""
    pool.submit("job", Job(function, arguments, AMPLE, environment))
    _, ending = pool.next_ending()
    assert ending.outcome == "returned", ending
    return ending.value


def readings_of(pool: Workers[Any], models: Sequence[str], mode: Mode = "eval") -> dict[str, Readings | None]:
    """Trace models, and return what their control flow reads; nothing is known of those that raise."""
    found: dict[str, Readings | None] = {}
    for model in models:
        traced = returned_by(pool, trace_model, resolve(model, mode=mode), 0)
        assert isinstance(traced, TracedModel)
        found[model] = None if traced.error else traced.readings
    return found


def measured(
    pool: Workers[Any],
    order: Sequence[Place],
    readings: Mapping[str, Readings | None],
    at_a_time: int,
    pass_shapes_on: bool = True,
    mode: Mode = "eval",
) -> dict[Place, list[MeasuredCell]]:
    """Measure cells in an order, without arithmetic if that can be; return them by model and tool.

    A worker that has ended a job is given the next one. ``pass_shapes_on`` gives each cell the shapes that the cells
    before it have found for its model, as a run does.
    """
    shapes: dict[str, Shapes] = defaultdict(dict)
    found: dict[Place, list[MeasuredCell]] = defaultdict(list)
    waiting = deque((place, readings[place[0]] is None) for place in order)
    running = 0
    while waiting or running:
        while waiting and running < at_a_time:
            (model, tool), as_documented = waiting.popleft()
            spec = resolve(model, mode=mode)
            if as_documented:
                job = Job(measure_as_documented, (spec, tool, 0), AMPLE, column(tool).place)
            else:
                arguments = (spec, tool, 0, readings[model], shapes[model] if pass_shapes_on else {})
                job = Job(measure_without_arithmetic, arguments, AMPLE, column(tool).place)
            pool.submit((model, tool), job)
            running += 1
        place, ending = pool.next_ending()
        running -= 1
        assert ending.outcome == "returned", (place, ending)
        if isinstance(ending.value, QuickCell):
            shapes[place[0]] = ending.value.shapes
            found[place].append(ending.value.cell)
        elif ending.value is None:
            waiting.appendleft((place, True))
        else:
            found[place].append(ending.value)
    return dict(found)


def what_is_said(cell: MeasuredCell) -> tuple[Any, ...]:
    """All of a cell but the time and memory that it took; layers in their order, too."""
    measurements = [(metric, item.total, list(item.layers.items())) for metric, item in cell.measurements.items()]
    return cell.status, cell.execution, cell.inputs, measurements, cell.notes, cell.error
