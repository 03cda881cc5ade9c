"""What jobs find imported, and how they find it."""

from __future__ import annotations

from reconcile.isolation import Job, Limits, Workers
from reconcile.jobs import PRELOAD
from tests.jobs import threads


def test_nothing_that_forks_has_threads() -> None:
    workers: Workers[str] = Workers(1, PRELOAD)
    try:
        workers.submit("", Job(threads.above, (), Limits(60, 8000)))
        ending = workers.next_ending()[1]
    finally:
        workers.close()
    assert (ending.outcome, ending.value) == ("returned", [1, 1, 1]), ending
