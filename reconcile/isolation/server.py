"""The process from which jobs are forked: it imports what they need, once, and runs none of them.

It forks supervisors and hands the program that started it a socket to each. A supervisor that dies is replaced, with
another socket. All end when the program that started them does.
"""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from reconcile.isolation.supervisor import adopt_orphans, end_descendants, end_with_parent, run_isolated


def serve(control: int, supervisors: int, preload: Sequence[str], tools: Sequence[str]) -> None:
    """Import modules, and serve jobs until the sockets, sent through ``control``, are closed.

    Of ``tools`` those are imported that can be; for the others, jobs will say why not.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in tools:
        with suppress(Exception):
            importlib.import_module(module)
    for module in preload:
        importlib.import_module(module)
    adopt_orphans()
    with socket.socket(fileno=control) as channel:
        running = {_start_supervisor(channel) for _ in range(supervisors)}
        while running:
            process, status = os.waitpid(-1, os.WUNTRACED)
            if os.WIFSTOPPED(status):  # by its job
                os.kill(process, signal.SIGKILL)
            elif process in running:
                running.remove(process)
                if os.waitstatus_to_exitcode(status) != 0:
                    end_descendants(spared=running)  # its job's
                    running.add(_start_supervisor(channel))


def _start_supervisor(channel: socket.socket) -> int:
    theirs, ours = socket.socketpair()
    process = os.fork()
    if process == 0:
        theirs.close()
        channel.close()
        _be_a_supervisor(ours)
    ours.close()
    with theirs:  # what is sent stays open there
        socket.send_fds(channel, [b"+"], [theirs.fileno()])
    return process


def _be_a_supervisor(ours: socket.socket) -> None:
    status = 1
    try:
        signal.signal(signal.SIGTERM, _end)  # in order: what a job has left behind must not stay
        end_with_parent(signal.SIGTERM)
        adopt_orphans()
        _supervise(Connection(ours.detach()))
        status = 0
    finally:
        os._exit(status)


def _end(*_: object) -> None:
    raise SystemExit


def _supervise(connection: Connection) -> None:
    while True:
        try:
            job = pickle.loads(connection.recv_bytes())  # noqa: S301  # from the program that started this process
            # Nothing is sent while a job runs: there is something to read when the program is gone.
            connection.send(run_isolated(job, connection.poll))
        except (EOFError, ConnectionError):
            return
