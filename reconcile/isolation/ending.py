"""What a job may use, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["returned", "timeout", "memory", "processes", "died"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use: seconds of time, megabytes of memory in all its processes, and processes of its own."""

    seconds: float
    memory_mb: float
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Job:
    """A function to be called in a process of its own. Function and arguments travel pickled, over pipes only.

    ``environment`` names the packages that it finds in front of those that are installed here; empty for none.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limits: Limits
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended.

    ``value`` is what the function returned, if it did. ``peak_rss_mb`` is the most memory that its process held.
    ``last_words`` is the last line that it printed. ``exit_code`` is negative for a signal, as in ``subprocess``.
    """

    outcome: Outcome
    value: Any = None
    seconds: float = 0.0
    peak_rss_mb: float = 0.0
    exit_code: int | None = None
    last_words: str = ""
