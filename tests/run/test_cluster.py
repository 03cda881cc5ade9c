"""The same cells on a Dask cluster: a scheduler and workers in processes of their own, one of which is killed."""

from __future__ import annotations

import csv
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import distributed
import psutil
import pytest

from reconcile.cli import main
from reconcile.errors import ReconcileError
from reconcile.run import cluster

MODELS = ["squeezenet1_1", "mnasnet0_5", "tests.run.models:net", "tests.run.models:raises"]
TOOLS = "thop,torchinfo"
CELLS = len(MODELS) * 2


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Dask's in a process group of its own, which ends with all that it started."""
    started = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """Kill a program and everything below it."""
    if started.poll() is None:
        below = psutil.Process(started.pid).children(recursive=True)
        for item in (started, *below):
            try:
                item.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
    started.wait()


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with process("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"):
        yield f"tcp://127.0.0.1:{port}"


@contextmanager
def worker(scheduler: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(folder))
    with process("distributed.cli.dask_worker", scheduler, *options) as started:
        yield started


def table(run: Path, name: str) -> list[tuple[str, ...]]:
    """A table of a run without what differs from run to run."""
    with (run / name).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    changing = {"run_id", "seconds", "peak_rss_mb"}
    return [tuple(value for key, value in row.items() if key not in changing) for row in rows]


def test_a_lost_worker_costs_nothing_but_time(scheduler: str, tmp_path: Path) -> None:
    here, there = tmp_path / "one" / "here", tmp_path / "two" / "there"
    assert main(["run", *MODELS, "--tools", TOOLS, "--out", str(here)]) == 1  # one model raises
    with worker(scheduler, tmp_path / "a") as lost, worker(scheduler, tmp_path / "b"):
        arguments = ["run", *MODELS, "--tools", TOOLS, "--cluster", scheduler, "--out", str(there)]
        run = subprocess.Popen([sys.executable, "-m", "reconcile.cli", *arguments], stderr=subprocess.PIPE, text=True)
        measurements = there / "results" / "measurements"
        while run.poll() is None and not (measurements.is_dir() and any(measurements.glob("*.parquet"))):
            time.sleep(0.05)
        assert run.poll() is None, run.communicate()
        end(lost)
        _, said = run.communicate()
    assert run.returncode == 1, said
    for name in ("cells.csv", "causes.csv", "layers.csv"):
        assert table(there, name) == table(here, name)
    own = {row[0] for row in table(here, "cells.csv")}
    assert own == set(MODELS)


def test_no_scheduler_no_worker(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reconcile.run.cluster.CONNECT_SECONDS", 2)
    for number, (address, words) in enumerate(
        (("tcp://127.0.0.1:9", "no Dask scheduler answers"), ("nonsense://x", "no Dask"), (scheduler, "has no workers"))
    ):
        out = tmp_path / str(number)
        assert main(["run", "squeezenet1_1", "--cluster", address, "--out", str(out)]) == 2
        said = capfd.readouterr().err.strip().splitlines()[-1]
        assert said.startswith("reconcile: ")
        assert words in said
        assert not out.exists()


def test_nothing_is_left_of_a_client_that_cannot_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left waits for a lock when it is collected, which may be at any time."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    made: weakref.WeakSet[distributed.Client] = weakref.WeakSet()
    initialize = distributed.Client.__init__

    def note(client: distributed.Client, *args: object, **named: object) -> None:
        made.add(client)
        initialize(client, *args, **named)

    monkeypatch.setattr(distributed.Client, "__init__", note)
    with pytest.raises(ReconcileError, match="no Dask scheduler answers"), cluster.cluster_at("tcp://127.0.0.1:9"):
        pass
    assert not made
