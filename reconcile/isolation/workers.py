"""Jobs on this machine: sockets to supervisors, as many as jobs may run at a time."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Hashable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from reconcile.errors import ReconcileError
from reconcile.isolation.ending import Ending, Job

Key = TypeVar("Key", bound=Hashable)

LOOK_AFTER_SECONDS = 1.0
_ATTEMPTS_TO_START = 3
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
"""Names in sets come in the same order everywhere; and no library starts a thread where jobs are forked: whatever lock
it holds at that moment is held in the job for good."""


class Workers(Generic[Key]):
    """Runs jobs in processes of this machine, ``capacity`` at a time, until it is closed."""

    def __init__(self, capacity: int, *preload: str) -> None:
        """Start nothing yet; ``preload`` are the modules that jobs find imported, in this order."""
        self.capacity = capacity
        self._preload = preload
        self._server: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._idle: list[Connection] = []
        self._busy: dict[Connection, Key] = {}
        self._lost: list[Key] = []

    def submit(self, key: Key, job: Job) -> None:
        """Start a job; there are never more than ``capacity`` under way.

        Raises:
            ReconcileError: The processes for the jobs cannot be started.
        """
        connection = self._next_idle()
        self._busy[connection] = key
        with suppress(ConnectionError):  # then its ending is that it died
            connection.send_bytes(pickle.dumps(job))

    def next_ending(self) -> tuple[Key, Ending]:
        """Wait for a job to end, and return which and how."""
        while not self._lost:
            self._let_server_go_on()
            for connection in wait(list(self._busy), LOOK_AFTER_SECONDS):
                assert isinstance(connection, Connection)
                key = self._busy.pop(connection)
                try:
                    content = connection.recv_bytes()
                except (EOFError, OSError):
                    self._lost.append(key)
                    self._replace(connection)
                    break
                self._idle.append(connection)
                return key, _ending(content)
        return self._lost.pop(), Ending("died")

    def close(self) -> None:
        """Stop whatever runs."""
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle, self._busy = [], {}
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._server is not None:
            while self._server.poll() is None:
                self._let_server_go_on()
                with suppress(subprocess.TimeoutExpired):
                    self._server.wait(LOOK_AFTER_SECONDS)
            self._server = None

    def _next_idle(self) -> Connection:
        if self._server is not None and self._server.poll() is not None:  # its supervisors are about to end too
            self._lost += self._busy.values()
            self.close()
        while self._server is not None:
            connection = self._idle.pop()
            if not connection.poll():  # a supervisor that waits says nothing, unless it is gone
                return connection
            self._replace(connection)
        for _ in range(_ATTEMPTS_TO_START):
            if self._start():
                return self._idle.pop()
        raise ReconcileError("the processes for the jobs cannot be started.")

    def _replace(self, connection: Connection) -> None:
        """A supervisor is gone: the server sends the next one's socket, unless it is gone too, and all jobs with it."""
        connection.close()
        if not self._receive():
            self._lost += self._busy.values()
            self.close()

    def _start(self) -> bool:
        """Start the server and wait for its supervisors; return whether they are there."""
        self._channel, theirs = socket.socketpair()
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            f"from reconcile.isolation.server import serve\n"
            f"serve({theirs.fileno()}, {self.capacity}, {self._preload!r})"
        )
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603  # this interpreter, and a program of ours
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **_ENVIRONMENT},
            )
        if all(self._receive() for _ in range(self.capacity)):
            return True
        self.close()
        return False

    def _receive(self) -> bool:
        """Wait for the server to send the socket of a supervisor; return whether it did."""
        assert self._channel is not None
        while not wait([self._channel], LOOK_AFTER_SECONDS):
            self._let_server_go_on()
        try:
            descriptors = socket.recv_fds(self._channel, 1, 1)[1]
        except ConnectionError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self._idle.append(Connection(descriptor))
        return bool(descriptors)

    def _let_server_go_on(self) -> None:
        """A job may have stopped the server, which then would not notice what becomes of its supervisors."""
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)


def _ending(content: bytes) -> Ending:
    """Read what a supervisor says of a job; a value that cannot be read here is as good as none."""
    try:
        ending = pickle.loads(content)  # noqa: S301  # from a process that this program started, over a socket
    except Exception:
        return Ending("died")
    assert isinstance(ending, Ending)
    return ending
