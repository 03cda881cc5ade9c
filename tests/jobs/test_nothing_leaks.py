"""What a tool changes in its process is gone in the next job of the same worker, also where it raised half-way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconcile.isolation import Workers
from reconcile.jobs.worker import measure_as_documented, measure_without_arithmetic
from reconcile.zoo import resolve
from tests.jobs.facts import facts
from tests.jobs.leaks import LEAKS, changed, changed_by_leak, changed_by_tool
from tests.run.in_workers import returned_by, what_is_said
from tests.run.kinds import WHERE
from tests.tools.cells import callable_tools, new_backend

OWN = {"filters of warnings", "garbage collection", "threads"} | {
    f"random state of {library}" for library in ("torch", "Python", "numpy")
}
"""What every job sets for itself when it begins."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[Any]]:
    pool: Workers[Any] = new_backend(1)
    yield pool
    pool.close()


def state_of(workers: Workers[Any]) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Facts, and sentinel cells: a tool that hooks modules, one that patches functions, one that sees operators."""
    sentinels = [
        returned_by(workers, measure_as_documented, resolve(f"{WHERE}:{model}"), tool)
        for model in ("convolutional", "drawn")
        for tool in ("torchinfo", "ptflops-pytorch", "flop-counter")
    ]
    found = returned_by(workers, facts)
    del found["random state of Python"]  # which Python makes anew in each forked process: the drawn model shows it
    return found, [what_is_said(cell) for cell in sentinels]


def test_after_each_tool_and_after_each_that_raised(workers: Workers[Any]) -> None:
    facts_before, cells_before = state_of(workers)
    assert {cell[0] for cell in cells_before} == {"ok"}
    for tool in callable_tools():
        works = returned_by(workers, measure_as_documented, resolve(f"{WHERE}:convolutional"), tool)
        assert (works.status, works.error) == ("ok", "")
        raises = returned_by(workers, measure_as_documented, resolve(f"{WHERE}:raises_half_way"), tool)
        assert raises.status == "failed"
        assert "half of the way" in raises.error
        quick = returned_by(workers, measure_without_arithmetic, resolve(f"{WHERE}:raises_half_way"), tool, 0, (), {})
        assert quick is None
        assert changed(facts_before, returned_by(workers, facts)) == set(), tool
    assert state_of(workers) == (facts_before, cells_before)


# --- each check can fail: in one process, there would be something to see ---


def test_each_fact_is_changed_by_what_it_is_about(workers: Workers[Any]) -> None:
    assert set(LEAKS) == set(returned_by(workers, facts))
    for name in LEAKS:
        assert name in returned_by(workers, changed_by_leak, name), name


@pytest.mark.parametrize(
    ("tool", "model", "left_behind"),
    [
        ("torchstat-flops", "convolutional", {"calls of modules"}),
        ("torchstat-flops", "raises_half_way", {"calls of modules"}),
        ("calflops-flops", "raises_half_way", {"functions of torch.nn.functional", "methods of tensors"}),
    ],
)
def test_tools_do_leave_something_behind(workers: Workers[Any], tool: str, model: str, left_behind: set[str]) -> None:
    status, found = returned_by(workers, changed_by_tool, tool, f"{WHERE}:{model}")
    assert status == ("failed" if model == "raises_half_way" else "ok")
    assert left_behind <= found - OWN
