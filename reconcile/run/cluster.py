"""Jobs on a Dask cluster: the same jobs, each in a process of its own on the machine of the worker that gets it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconcile.errors import ReconcileError, describe_exception
from reconcile.isolation import Ending, Job, Workers
from reconcile.jobs import PRELOAD
from reconcile.run.execute import Task
from reconcile.run.keys import versions_here

CONNECT_SECONDS = 20
JOBS_PER_THREAD = 2
"""How many jobs a worker's thread has at a time: one runs, the next one is there when it ends."""


class Cluster:
    """A Dask cluster as a place where jobs run; made by :func:`cluster_at`."""

    def __init__(self, client: Any) -> None:
        """Use a connected ``distributed.Client``."""
        from distributed import as_completed  # noqa: PLC0415  # an optional dependency

        self._client = client
        self._tasks: dict[str, Task] = {}
        self._endings = as_completed(loop=client.loop)

    @property
    def capacity(self) -> int:
        """How many jobs the workers that are there now can be given."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        threads: int = sum(worker["nthreads"] for worker in workers)
        return max(1, JOBS_PER_THREAD * threads)

    def submit(self, key: Task, job: Job) -> None:
        """Hand a job to the scheduler, which runs it elsewhere if its worker is lost."""
        future = self._client.submit(run_on_worker, job, versions_here(job.environment), pure=False)
        self._tasks[future.key] = key
        self._endings.add(future)

    def next_ending(self) -> tuple[Task, Ending]:
        """Wait for a job to end, and return which and how.

        Raises:
            ReconcileError: A worker has other versions than this program, so that its numbers would not compare; or
                the scheduler is gone.
        """
        future = next(self._endings)
        task = self._tasks.pop(future.key)
        if future.status == "finished":
            ending = future.result()
            assert isinstance(ending, Ending)
            return task, ending
        if future.status == "cancelled":
            raise ReconcileError("the Dask scheduler was lost; what has finished is kept.")
        error = future.exception()
        if isinstance(error, ReconcileError):
            raise error
        return task, Ending("died", last_words=describe_exception(error))


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """Connect to a Dask scheduler, as ``tcp://host:8786``.

    Raises:
        ReconcileError: Dask is not installed, or no scheduler with workers answers there.
    """
    try:
        from distributed import Client  # noqa: PLC0415  # an optional dependency
    except ImportError as error:
        raise ReconcileError("--cluster needs Dask: pip install 'reconcile-flops[cluster]'.") from error
    client, reason = None, ""
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # some kinds of address raise errors of their own, of any type
        reason = describe_exception(error)
    if client is None:
        # What is left of the client waits for a lock when it is collected: not while the next one holds that.
        gc.collect()
        raise ReconcileError(f"no Dask scheduler answers at '{address}' ({reason}).")
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise ReconcileError(f"the Dask scheduler at '{address}' has no workers.") from error
        yield Cluster(client)


_MINE = threading.local()
"""Each thread of a Dask worker has a process of its own from which its jobs are forked."""


def run_on_worker(job: Job, versions: tuple[str, ...]) -> Ending:
    """Run a job on the machine of a Dask worker.

    Raises:
        ReconcileError: This machine has other versions than the program that asks.
    """
    try:
        here = versions_here(job.environment)
    except ReconcileError as error:
        raise ReconcileError(f"on a worker of the cluster {error}") from error
    if here != versions:
        theirs, ours = (
            ", ".join(sorted(set(some) - set(others))) for some, others in ((here, versions), (versions, here))
        )
        raise ReconcileError(f"a worker of the cluster has {theirs} where this program has {ours}.")
    if not hasattr(_MINE, "workers"):
        _MINE.workers = Workers(1, PRELOAD)
    workers: Workers[str] = _MINE.workers
    workers.submit("", job)
    return workers.next_ending()[1]
