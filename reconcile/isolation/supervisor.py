"""Running one job in a forked process, and stopping it when it takes too much.

The process that forks has imported what jobs need and runs no job itself, so every job starts from the same clean
state in milliseconds. It adopts what a job leaves behind, so that nothing outlives its job.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import selectors
import signal
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psutil

from reconcile.errors import printable
from reconcile.isolation.ending import Ending, Job, Outcome

WATCH_INTERVAL_SECONDS = 0.1
LAST_WORDS_BYTES = 4096
MAXIMUM_LAST_WORDS = 200
_MEGABYTE = 1024 * 1024
_MAXIMUM_DESCRIPTORS = 4096
_end = os._exit
"""Kept here, since a job may replace what is in ``os``."""


def run_isolated(job: Job, is_cancelled: Callable[[], bool] = lambda: False) -> Ending:
    """Run a job in a process of its own and return how it ended; nothing of it is left when this returns.

    ``is_cancelled`` is asked now and then; when it says so, the job is ended as if it had died.
    """
    results, to_results = os.pipe()
    output, to_output = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(results)
        os.close(output)
        _be_the_job(job, to_results, to_output)
    os.close(to_results)
    os.close(to_output)
    watch = _Watch(job, child, results, output, started)
    try:
        return watch.until_it_ends(is_cancelled)
    finally:
        end_descendants()
        os.close(results)
        os.close(output)


def end_descendants(spared: Collection[int] = ()) -> None:
    """Kill every process below this one, those that make more too; but for children that are ``spared``."""
    while found := _descendants(spared):
        for action in (signal.SIGSTOP, signal.SIGKILL):
            for process in found:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.send_signal(action)
        for process in found:
            with suppress(ChildProcessError):  # not yet a child of this process: it will be
                os.waitpid(process.pid, os.WNOHANG)


def _descendants(spared: Collection[int]) -> list[psutil.Process]:
    if not spared:
        return psutil.Process().children(recursive=True)
    found: list[psutil.Process] = []
    for child in psutil.Process().children():
        if child.pid not in spared:
            found.append(child)
            with suppress(psutil.NoSuchProcess):
                found += child.children(recursive=True)
    return found


def adopt_orphans() -> None:
    """Become the parent of processes that jobs leave behind. Linux only; elsewhere they may stay."""
    _control_process(36)  # PR_SET_CHILD_SUBREAPER


def end_with_parent(number: int = signal.SIGKILL) -> None:
    """Have this process sent a signal when its parent dies. Linux only; elsewhere it ends when it next looks."""
    _control_process(1, number)  # PR_SET_PDEATHSIG


def _control_process(option: int, value: int = 1) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class _Watch:
    """One job while it runs."""

    def __init__(self, job: Job, child: int, results: int, output: int, started: float) -> None:
        self._limits, self._child, self._results, self._output = job.limits, child, results, output
        self._started = started
        self._received = bytearray()
        self._said = bytearray()
        self._peak_bytes = 0

    def until_it_ends(self, is_cancelled: Callable[[], bool]) -> Ending:
        next_look = self._started + WATCH_INTERVAL_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self._results, selectors.EVENT_READ, self._received)
            selector.register(self._output, selectors.EVENT_READ, self._said)
            while True:
                for key, _ in selector.select(max(0.0, next_look - time.monotonic())):
                    chunk = os.read(key.fd, _MEGABYTE)
                    if not chunk:
                        selector.unregister(key.fd)
                    key.data.extend(chunk)
                del self._said[:-LAST_WORDS_BYTES]
                if self._is_complete():
                    return self._returned()
                if (status := self._exit_status()) is not None:
                    return self._after_exit(status)
                if time.monotonic() >= next_look:
                    if (outcome := self._excess()) is not None or is_cancelled():
                        return self._ending(outcome or "died")
                    next_look = time.monotonic() + WATCH_INTERVAL_SECONDS

    def _is_complete(self) -> bool:
        return len(self._received) >= 8 and len(self._received) >= 8 + int.from_bytes(self._received[:8])

    def _returned(self) -> Ending:
        try:
            value, peak_bytes = pickle.loads(self._received[8:])  # noqa: S301  # from the job's process, over a pipe
            self._peak_bytes = max(self._peak_bytes, int(peak_bytes))
        except BaseException:  # it wrote something else, which may do anything when it is read
            return self._ending("died")
        return self._ending("returned", value)

    def _exit_status(self) -> int | None:
        found, status = os.waitpid(self._child, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None

    def _after_exit(self, status: int) -> Ending:
        """It is gone; what it wrote before that may still be in the pipes."""
        for descriptor, received in ((self._results, self._received), (self._output, self._said)):
            os.set_blocking(descriptor, False)
            with suppress(BlockingIOError):
                while chunk := os.read(descriptor, _MEGABYTE):
                    received.extend(chunk)
        if self._is_complete():
            return self._returned()
        return self._ending("died", exit_code=status)

    def _excess(self) -> Outcome | None:
        """What the job has taken too much of, if anything."""
        if time.monotonic() - self._started > self._limits.seconds:
            return "timeout"
        supervisor = psutil.Process()
        below = supervisor.children(recursive=True)
        memory = shared = supervisor.memory_info().rss  # what was there before the fork is there once
        for process in below:
            with suppress(psutil.NoSuchProcess):  # it has ended in between
                resident = process.memory_info().rss
                memory += max(0, resident - shared)
                if process.pid == self._child:
                    self._peak_bytes = max(self._peak_bytes, resident)
        if len(below) > self._limits.processes:
            return "processes"
        return "memory" if memory > self._limits.memory_mb * _MEGABYTE else None

    def _ending(self, outcome: Outcome, value: object = None, exit_code: int | None = None) -> Ending:
        return Ending(
            outcome=outcome,
            value=value,
            seconds=time.monotonic() - self._started,
            peak_rss_mb=self._peak_bytes / _MEGABYTE,
            exit_code=exit_code,
            last_words=_last_line(self._said.decode("utf-8", "replace")),
        )


def _last_line(text: str) -> str:
    lines = [line for line in map(printable, text.splitlines()) if line]
    return lines[-1][:MAXIMUM_LAST_WORDS] if lines else ""


def _be_the_job(job: Job, to_results: int, to_output: int) -> None:
    """Run the job and end the process, whatever happens."""
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        end_with_parent()
        os.setsid()  # a signal to the terminal's group is not for it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (to_output, 1), (to_output, 2)):
            os.dup2(source, target)
        os.closerange(3, to_results)
        os.closerange(to_results + 1, _MAXIMUM_DESCRIPTORS)
        own = os.getpid()
        value = job.function(*job.arguments)
        if os.getpid() != own:  # a process that the job forked and that went on as if it were the job
            return
        message = pickle.dumps((value, _peak_bytes()))
        _write_all(to_results, len(message).to_bytes(8) + message)
        status = 0
    except BaseException as error:
        with suppress(BaseException):
            sys.stderr.write(f"\n{type(error).__name__}: {error}\n")
            sys.stderr.flush()
    finally:
        _end(status)


def _write_all(descriptor: int, message: bytes) -> None:
    remaining = memoryview(message)
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
