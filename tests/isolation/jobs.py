"""Jobs that behave well and badly. Nothing here is imported but what the jobs need, so that a server starts at once."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MEGABYTE = 1024 * 1024
STATE = {"jobs": 0}


def add(left: int, right: int) -> int:
    return left + right


def identifiers() -> tuple[int, int, int]:
    """Of the job, its supervisor and the server."""
    import psutil

    supervisor = psutil.Process().parent()
    assert supervisor is not None
    return os.getpid(), supervisor.pid, supervisor.ppid()


def raise_error(message: str) -> None:
    raise ValueError(message)


def exit_at_once(status: int) -> None:
    os._exit(status)


def exit_as_a_program(status: int) -> None:
    sys.exit(status)


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(3600)


def read_address_zero() -> None:
    ctypes.string_at(0)


def sleep(seconds: float = 3600) -> None:
    time.sleep(seconds)


def sleep_in_c() -> None:
    """Without letting go of the interpreter, and deaf to signals that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ctypes.PyDLL(None).sleep(3600)


def take_memory(megabytes: int) -> int:
    taken = []
    for _ in range(megabytes // 10):
        taken.append(bytearray(b"x" * (10 * MEGABYTE)))
        time.sleep(0.005)
    time.sleep(3600)
    return len(taken)


def take_memory_in_a_child(megabytes: int) -> None:
    if os.fork() == 0:
        take_memory(megabytes)
    time.sleep(3600)


def take_memory_among_short_lived_children(megabytes: int) -> None:
    """Something ends whenever somebody looks."""
    if os.fork() == 0:
        while True:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
    take_memory(megabytes)


def start_processes(number: int) -> None:
    for _ in range(number):
        if os.fork() == 0:
            time.sleep(3600)
    time.sleep(3600)


def leave_children_behind(place: str, then: str) -> str:
    """Start a child and a daemon that has left its parent, note their ids, and end as told."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    script = "import os, time\nprint(os.getpid(), flush=True)\nos.fork() and os._exit(0)\nos.setsid()\n"
    script += "print(os.getpid(), flush=True)\nos.close(1)\ntime.sleep(3600)"
    daemon = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    noted = Path(place + ".part")
    noted.write_text(f"{os.getpid()} {child.pid} {daemon.stdout.split()[-1]}", encoding="utf-8")
    noted.replace(place)
    if then == "exit":
        os._exit(5)
    if then == "take memory":
        take_memory(2000)
    if then == "sleep":
        time.sleep(3600)
    return then


def replace_itself_forever(place: str) -> None:
    """Leave a chain of processes, each of which is gone soon after it has started the next one."""
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork():
                os._exit(0)
            Path(place).write_text(str(os.getpid()), encoding="utf-8")
            time.sleep(0.02)


def talk(megabytes: int, last: str) -> None:
    """Write lines to standard output and error, and end with an exit status of 3."""
    line = b"y" * 1023 + b"\n"
    for _ in range(megabytes):
        for descriptor in (1, 2):
            for _ in range(1024):
                os.write(descriptor, line)
    os.write(2, f"\n{last}\n\n  \n".encode())
    os._exit(3)


def talk_without_end() -> None:
    while True:
        os.write(1, b"z" * MEGABYTE)


def print_and_die(text: str) -> None:
    print(text)
    os.abort()


def cannot_be_pickled() -> Any:
    return lambda: None


class RefusesToBeRead:
    def __reduce__(self) -> Any:
        return (raise_error, ("cannot be read",))


def cannot_be_read_back() -> RefusesToBeRead:
    return RefusesToBeRead()


def bytes_of(size: int) -> bytes:
    return b"r" * size


def length_of(value: bytes) -> int:
    return len(value)


def change_everything() -> tuple[int, bool, str, bool]:
    """Change what a process holds, and return what was found."""
    found = (STATE["jobs"], "LEFT_BEHIND" in os.environ, str(Path.cwd()), hasattr(sys, "left_behind"))
    STATE["jobs"] += 1
    os.environ["LEFT_BEHIND"] = "1"
    sys.left_behind = True  # type: ignore[attr-defined]  # that is the point
    os.chdir("/")
    return found


def descriptors() -> list[str]:
    """What a job has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:  # the folder itself, read a moment ago
            continue
    return found


def read_standard_input() -> str:
    return sys.stdin.read()
