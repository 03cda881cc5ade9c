"""Jobs that tests run in environments."""

from __future__ import annotations

import importlib
import os
import signal

import psutil


def number_of_counter() -> int:
    """The number that the distribution ``counter`` of the environment holds."""
    number = importlib.import_module("counter").NUMBER
    assert isinstance(number, int)
    return number


def kill_the_server() -> None:
    """End the process from which this job's process was forked twice."""
    supervisor = psutil.Process(os.getppid())
    os.kill(supervisor.ppid(), signal.SIGKILL)
    while True:
        signal.pause()
