"""Looking at processes from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import psutil

PATIENCE_SECONDS = 60
"""Long enough for a machine that is busy with something else; nothing takes this long if it works."""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    """Whether nothing runs under an id any more. What its parent has not asked after yet does not run."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(processes: Iterable[int]) -> None:
    for process in processes:
        wait_until(partial(is_gone, process), f"process {process} to end")


def ids_noted_in(place: Path) -> list[int]:
    wait_until(place.exists, f"{place.name} to be written")
    return [int(word) for word in place.read_text(encoding="utf-8").split()]


def descendants(process: int) -> list[int]:
    return [child.pid for child in psutil.Process(process).children(recursive=True)]
