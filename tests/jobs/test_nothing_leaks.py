"""What a tool changes in its process is gone in the next job of the same worker, also where it raised half-way."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.jobs.result import MeasuredCell
from reconcile.jobs.worker import measure_as_documented, measure_without_arithmetic
from reconcile.tools import column
from reconcile.zoo import resolve
from tests.jobs.facts import facts
from tests.jobs.leaks import LEAKS, changed, changed_by_leak, changed_by_tool
from tests.run.in_workers import returned_by, what_is_said
from tests.run.kinds import WHERE
from tests.run.runs import shared_backend
from tests.tools.cells import backend, callable_tools

OWN = {"filters of warnings", "garbage collection", "threads"} | {
    f"random state of {library}" for library in ("torch", "Python", "numpy")
}
"""What every job sets for itself when it begins."""


def job_on(worker: Any, model: str, tool: str, environment: str) -> MeasuredCell:
    cell = returned_by(worker, measure_as_documented, resolve(f"{WHERE}:{model}"), tool, environment=environment)
    assert isinstance(cell, MeasuredCell)
    return cell


def next_job(worker: Any, environment: str) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Facts of the next job, and a cell of the one after it: of a tool that hooks modules and patches functions."""
    found = returned_by(worker, facts, environment=environment)
    del found["random state of Python"]  # which Python makes anew in each forked process: the drawn model shows it
    return found, what_is_said(job_on(worker, "drawn", "ptflops-pytorch", environment))


def test_after_each_tool_and_after_each_that_raised() -> None:
    worker = backend()
    before: dict[str, Any] = {}
    for tool, place in ((tool, column(tool).place) for tool in callable_tools()):
        facts_before, cell_before = before[place] = before.get(place) or next_job(worker, place)
        assert cell_before[0] == "ok"
        works = job_on(worker, "convolutional", tool, place)
        assert (works.status, works.error) == ("ok", "")
        raises = job_on(worker, "raises_half_way", tool, place)
        assert raises.status == "failed"
        assert "half of the way" in raises.error
        spec = resolve(f"{WHERE}:raises_half_way")
        quick = returned_by(worker, measure_without_arithmetic, spec, tool, 0, (), {}, environment=place)
        assert quick is None
        facts_after, cell_after = next_job(worker, place)
        assert (changed(facts_before, facts_after), tool) == (set(), tool)
        assert cell_after == cell_before


# --- each check can fail: in one process, there would be something to see ---


def test_each_fact_is_changed_by_what_it_is_about() -> None:
    worker = shared_backend()
    assert set(LEAKS) == set(returned_by(worker, facts))
    for name in LEAKS:
        assert name in returned_by(worker, changed_by_leak, name), name


@pytest.mark.parametrize(
    ("tool", "model", "left_behind"),
    [
        ("torchstat-flops", "convolutional", {"calls of modules"}),
        ("torchstat-flops", "raises_half_way", {"calls of modules"}),
        ("calflops-flops", "raises_half_way", {"functions of torch.nn.functional", "methods of tensors"}),
    ],
)
def test_tools_do_leave_something_behind(tool: str, model: str, left_behind: set[str]) -> None:
    status, found = returned_by(shared_backend(), changed_by_tool, tool, f"{WHERE}:{model}")
    assert status == ("failed" if model == "raises_half_way" else "ok")
    assert left_behind <= found - OWN
