"""A cell is the same in any order, in one worker or in many, alone or after every other tool."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

from reconcile.isolation import Workers
from reconcile.jobs.result import MeasuredCell
from tests.run.in_workers import Place, measured, readings_of, what_is_said
from tests.run.kinds import WHERE
from tests.tools.cells import callable_tools, new_backend

MODELS = tuple(f"{WHERE}:{name}" for name in ("attention", "recurrent"))
PLACES: tuple[Place, ...] = tuple(product(MODELS, callable_tools()))
SAID = tuple[Any, ...]


def test_a_cell_does_not_depend_on_what_has_run_before_or_beside_it() -> None:
    pool: Workers[Any] = new_backend(len(PLACES))
    try:
        readings = readings_of(pool, MODELS)
        # Each in a worker of its own, which knows nothing of the others.
        alone = said(measured(pool, PLACES, readings, at_a_time=len(PLACES), pass_shapes_on=False))
        check_that_the_cells_tell_something(alone)
        # In one worker. The second time, every other tool has run before each, on both models.
        one_after_the_other = said(measured(pool, [*PLACES, *shuffled(1)], readings, at_a_time=1))
        assert one_after_the_other == {place: cells * 2 for place, cells in alone.items()}
        # In two workers.
        assert said(measured(pool, shuffled(2), readings, at_a_time=2)) == alone
    finally:
        pool.close()


def check_that_the_cells_tell_something(alone: dict[Place, list[SAID]]) -> None:
    """Cells that were all alike would be the same in any order."""
    for model in MODELS:
        assert len({repr(alone[model, tool]) for tool in callable_tools()}) > 0.6 * len(callable_tools())
    status, execution = ([cell[place] for (cell,) in alone.values()] for place in (0, 1))
    assert status.count("ok") > 0.7 * len(PLACES)
    assert set(execution) == {"documented", "without-arithmetic"}


def said(found: dict[Place, list[MeasuredCell]]) -> dict[Place, list[SAID]]:
    return {place: [what_is_said(cell) for cell in cells] for place, cells in found.items()}


def shuffled(seed: int) -> list[Place]:
    return random.Random(seed).sample(PLACES, len(PLACES))  # noqa: S311  # an order, not a secret
