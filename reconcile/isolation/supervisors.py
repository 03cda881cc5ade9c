"""The process from which the jobs of one environment are forked, as the program that starts it sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait

LOOK_AFTER_SECONDS = 1.0
_VARIABLES = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
"""Names in sets come in the same order everywhere; and no library starts a thread where jobs are forked: whatever lock
it holds at that moment is held in the job for good."""


class Supervisors:
    """A server process and the connections to its supervisors, each of which runs one job at a time."""

    def __init__(self, number: int, preload: Sequence[str], tools: Sequence[str], folder: str) -> None:
        """Start nothing yet; jobs find modules imported, and look for others in ``folder`` first, if there is one."""
        self._number, self._preload, self._tools, self._folder = number, preload, tools, folder
        self._server: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._idle: list[Connection] = []

    @property
    def are_there(self) -> bool:
        """Whether the server was started, and has not ended."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> bool:
        """Start the server and wait for its supervisors; return whether they are there."""
        self._channel, theirs = socket.socketpair()
        path = [self._folder, *sys.path] if self._folder else sys.path
        program = (
            f"import sys; sys.path[:] = {path!r}\n"
            f"from reconcile.isolation.server import serve\n"
            f"serve({theirs.fileno()}, {self._number}, {self._preload!r}, {self._tools!r})"
        )
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603  # this interpreter, and a program of ours
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **_VARIABLES},
            )
        if all(self._receive() for _ in range(self._number)):
            return True
        self.close()
        return False

    def take(self) -> Connection | None:
        """Return a supervisor that waits for a job, or None if there is none any more."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.poll():  # a supervisor that waits says nothing, unless it is gone
                return connection
            self.replace(connection)
        return None

    def give_back(self, connection: Connection) -> None:
        """A supervisor waits again."""
        self._idle.append(connection)

    def replace(self, connection: Connection) -> bool:
        """A supervisor is gone: the server sends the next one's socket. Return whether it does, or is gone too."""
        connection.close()
        return self._receive()

    def let_go_on(self) -> None:
        """A job may have stopped the server, which then would not notice what becomes of its supervisors."""
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server. Connections that were taken must be closed by then: it ends when the last one is."""
        for connection in self._idle:
            connection.close()
        self._idle = []
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._server is not None:
            while self._server.poll() is None:
                self.let_go_on()
                with suppress(subprocess.TimeoutExpired):
                    self._server.wait(LOOK_AFTER_SECONDS)
            self._server = None

    def _receive(self) -> bool:
        """Wait for the server to send the socket of a supervisor; return whether it did."""
        assert self._channel is not None
        while not wait([self._channel], LOOK_AFTER_SECONDS):
            self.let_go_on()
        try:
            descriptors = socket.recv_fds(self._channel, 1, 1)[1]
        except ConnectionError:
            return False
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self._idle.append(Connection(descriptor))
        return bool(descriptors)
