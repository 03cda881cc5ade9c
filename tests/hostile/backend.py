"""Jobs in this process, for runs of models that behave: no server has to start first."""

from __future__ import annotations

import gc
import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from reconcile.isolation import Ending, Job
from reconcile.run import Plan
from reconcile.run.execute import Task

After = Callable[[int], None]


class Here:
    """A place where one job runs at a time; ``after`` is told how many have ended."""

    capacity = 1

    def __init__(self, after: After) -> None:
        self._after, self._ended = after, 0
        self._waiting: list[tuple[Task, Job]] = []

    def submit(self, key: Task, job: Job) -> None:
        self._waiting.append((key, job))

    def next_ending(self) -> tuple[Task, Ending]:
        key, job = self._waiting.pop()
        with _restored_state():
            value = job.function(*job.arguments)
        self._ended += 1
        self._after(self._ended)
        return key, Ending("returned", value, seconds=1.0, peak_rss_mb=1.0)


def backend(after: After = lambda _: None) -> Callable[[Plan], object]:
    """Take the place of ``this_machine``."""

    @contextmanager
    def here(_: Plan) -> Iterator[Here]:
        yield Here(after)

    return here


@contextmanager
def _restored_state() -> Iterator[None]:
    """A job may change the state of its process, which is this one."""
    threads, folder = torch.get_num_threads(), os.getcwd()  # noqa: PTH109  # to go back to, not to look into
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        gc.enable()
        torch.set_num_threads(threads)
        os.chdir(folder)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
