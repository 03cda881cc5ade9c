"""Jobs on this machine: so many at a time, each in the environment that it asks for."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from reconcile.environments import environment
from reconcile.errors import ReconcileError
from reconcile.isolation.ending import Ending, Job
from reconcile.isolation.supervisors import LOOK_AFTER_SECONDS, Supervisors

Key = TypeVar("Key", bound=Hashable)

_ATTEMPTS_TO_START = 3


class Workers(Generic[Key]):
    """Runs jobs in processes of this machine, ``capacity`` at a time, until it is closed."""

    def __init__(self, capacity: int, *preload: str, tools: Mapping[str, Sequence[str]] | None = None) -> None:
        """Start nothing yet.

        ``preload`` are the modules that jobs find imported, in this order; ``tools`` those that they find imported
        before, by environment, as far as they can be.
        """
        self.capacity = capacity
        self._preload = preload
        self._tools = tools or {}
        self._supervisors: dict[str, Supervisors] = {}
        self._busy: dict[Connection, tuple[Key, str]] = {}
        self._lost: list[tuple[Key, Ending]] = []
        self._unusable: dict[str, ReconcileError] = {}

    def submit(self, key: Key, job: Job) -> None:
        """Start a job; there are never more than ``capacity`` under way.

        In an environment in which nothing can be started, or which is not there, a job ends at once.

        Raises:
            ReconcileError: The processes for the jobs cannot be started.
        """
        try:
            connection = self._next_idle(job.environment)
        except ReconcileError as error:
            if not job.environment:
                raise
            self._unusable[job.environment] = error
            self._lost.append((key, Ending("died", last_words=str(error))))
            return
        self._busy[connection] = key, job.environment
        with suppress(ConnectionError):  # then its ending is that it died
            connection.send_bytes(pickle.dumps(job))

    def next_ending(self) -> tuple[Key, Ending]:
        """Wait for a job to end, and return which and how."""
        while not self._lost:
            for supervisors in self._supervisors.values():
                supervisors.let_go_on()
            for connection in wait(list(self._busy), LOOK_AFTER_SECONDS):
                assert isinstance(connection, Connection)
                key, place = self._busy.pop(connection)
                try:
                    content = connection.recv_bytes()
                except (EOFError, OSError):
                    self._lost.append((key, Ending("died")))
                    if not self._supervisors[place].replace(connection):
                        self._give_up(place)
                    break
                self._supervisors[place].give_back(connection)
                return key, _ending(content)
        return self._lost.pop()

    def close(self) -> None:
        """Stop whatever runs."""
        for connection in self._busy:
            connection.close()
        self._busy = {}
        for supervisors in self._supervisors.values():
            supervisors.close()
        self._supervisors = {}

    def _next_idle(self, place: str) -> Connection:
        if place in self._unusable:
            raise self._unusable[place]
        if place in self._supervisors:
            found = self._supervisors[place].take() if self._supervisors[place].are_there else None
            if found is not None:
                return found
            self._give_up(place)  # its supervisors are gone, or about to end
        folder = str(environment(place).folder) if place else ""
        supervisors = Supervisors(self.capacity, self._preload, tuple(self._tools.get(place, ())), folder)
        for _ in range(_ATTEMPTS_TO_START):
            if supervisors.start():
                self._supervisors[place] = supervisors
                connection = supervisors.take()
                if connection is not None:
                    return connection
        where = f" in the environment {place}" if place else ""
        raise ReconcileError(f"the processes for the jobs cannot be started{where}.")

    def _give_up(self, place: str) -> None:
        """The server of an environment is gone, and all jobs with it."""
        for connection, (key, environment_of_job) in list(self._busy.items()):
            if environment_of_job == place:
                del self._busy[connection]
                connection.close()
                self._lost.append((key, Ending("died")))
        self._supervisors.pop(place).close()


def _ending(content: bytes) -> Ending:
    """Read what a supervisor says of a job; a value that cannot be read here is as good as none."""
    try:
        ending = pickle.loads(content)  # noqa: S301  # from a process that this program started, over a socket
    except Exception:
        return Ending("died")
    assert isinstance(ending, Ending)
    return ending
