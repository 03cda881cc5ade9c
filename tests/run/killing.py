"""The program run as users run it, killed at random moments, and what it has kept."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.isolation.processes import wait_until, wait_until_gone

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Size:
    """Which cells a run has: models of tests.run.models, models of torchvision on small images, and tools."""

    own: tuple[str, ...]
    zoo: tuple[str, ...]
    tools: tuple[str, ...]

    @property
    def cells(self) -> int:
        return len(self.tools) * (len(self.own) + len(self.zoo))

    def write(self, folder: Path) -> Path:
        """Write the configuration of the run."""
        lines = (
            "models:",
            *(f"  - tests.run.models:{name}" for name in self.own),
            *(f"  - {{name: {name}, input: 1x3x64x64}}" for name in self.zoo),
            f"tools: [{', '.join(self.tools)}]",
            "jobs: 2",
            "verified_share: 0.25",
        )
        path = folder / "run.yaml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path


SMALL = Size(("net", "keyword_only"), ("squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5"), ("thop", "torchinfo"))
LARGE = Size(
    ("net", "other", "keyword_only", "leaves_traces"),
    ("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5"),
    ("thop", "fvcore", "torchinfo"),
)
DIFFERS_FROM_RUN_TO_RUN = ("run_id", "seconds", "peak_rss_mb")

Kind = Literal["job", "supervisor", "server", "program"]
KINDS: tuple[Kind, ...] = ("job", "supervisor", "server", "program")


def start(*arguments: str | Path, folder: Path) -> subprocess.Popen[str]:
    """Start ``reconcile run`` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "reconcile.cli", "run", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(program: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    """Wait for the program to end with a status, and return what it wrote."""
    out, err = program.communicate()
    assert program.returncode == status, err
    assert "Traceback" not in err
    return out, err


def tables_in(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The tables of a report, without what differs from run to run."""
    found = {}
    for name in ("cells.csv", "causes.csv", "layers.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        found[name] = [{key: value for key, value in row.items() if key not in DIFFERS_FROM_RUN_TO_RUN} for row in rows]
    return found


def kept_in(folder: Path) -> dict[str, tuple[int, int]]:
    """The measurements of a run by file, with what tells whether a file has been written again."""
    found = {}
    for path in (folder / "results" / "measurements").glob("*.parquet"):
        status = path.stat()
        found[path.name] = (status.st_ino, status.st_mtime_ns)
    return found


def measured_twice(kept: Mapping[str, object]) -> int:
    """How many measurements were made more than once: each has other seconds in it, and so another digest."""
    return len(kept) - len({name.rpartition("-")[0] for name in kept})


@dataclass
class Killing:
    """Kills parts of a run until it has finished, and checks after each that nothing kept is lost or made again."""

    folder: Path
    """Where the run's folder is made."""
    size: Size
    seed: int
    kills: Counter[Kind] = field(default_factory=Counter)
    kept_before_kills: int = 0
    sessions: int = 0

    def __post_init__(self) -> None:
        self.run = self.folder / "run"
        self._random = random.Random(self.seed)  # noqa: S311  # moments, not secrets
        self._kept: dict[str, tuple[int, int]] = {}

    def until_finished(self, sessions: Iterator[tuple[Kind, ...]]) -> None:
        """Run, and resume, with the kills of each session; without any when there are no more sessions."""
        while not (self.run / "index.html").exists():
            self.session(next(sessions, ()))

    def start(self) -> subprocess.Popen[str]:
        """Begin the run, or go on with it."""
        self.sessions += 1
        if (self.run / "run.json").exists():
            return start("--resume", "run", folder=self.folder)
        return start("--config", self.size.write(self.folder), "--out", "run", folder=self.folder)

    def session(self, kinds: tuple[Kind, ...]) -> None:
        """One program, and parts of it that are killed."""
        with self.start() as program:
            for kind in kinds:
                self._wait_for_a_random_moment(program, kind)
                if self._kill(program, kind):
                    self.kills[kind] += 1
            out, err = program.communicate()
        assert "Traceback" not in err
        assert program.returncode in (0, -9), (out, err)
        self.check_kept()

    def check_kept(self) -> None:
        """All that was kept at any time is there as it was."""
        now = kept_in(self.run)
        assert self._kept.items() <= now.items()
        assert measured_twice(now) == 0
        assert not (self.run / "results" / "measurements" / "damaged").exists()
        self._kept = now

    def wait_for_cells(self, program: subprocess.Popen[str], number: int) -> None:
        """Wait until a number of cells more is kept, or the program has ended."""
        wait_until(lambda: program.poll() is not None or (self.run / "run.json").exists(), "the run to begin")
        wanted = len(kept_in(self.run)) + number
        wait_until(lambda: program.poll() is not None or len(kept_in(self.run)) >= wanted, "cells to be measured")

    def _wait_for_a_random_moment(self, program: subprocess.Popen[str], kind: Kind) -> None:
        while_it_starts = kind == "program" and self._random.random() < 0.1
        self.wait_for_cells(program, 0 if while_it_starts else self._random.randrange(3))
        time.sleep(self._random.random() * 0.1)

    def _kill(self, program: subprocess.Popen[str], kind: Kind) -> bool:
        """Kill a part of the program that is still at work; return whether there was one."""
        self.check_kept()
        if kind == "program":
            with suppress(psutil.NoSuchProcess):
                below = psutil.Process(program.pid).children(recursive=True)
                if program.poll() is None:
                    self.kept_before_kills += len(kept_in(self.run))
                    program.kill()
                    program.wait()
                    wait_until_gone(process.pid for process in below)
                    return program.returncode == -9
            return False
        while (
            program.poll() is None and len(self._kept) < self.size.cells - 4
        ):  # whoever is killed now is killed once only
            with suppress(psutil.NoSuchProcess):
                found = self._parts(program, kind)
                if found:
                    self.kept_before_kills += len(kept_in(self.run))
                    self._random.choice(found).kill()
                    return True
            self._kept = kept_in(self.run)
        return False

    def _parts(self, program: subprocess.Popen[str], kind: Kind) -> list[psutil.Process]:
        found = [psutil.Process(program.pid)]
        for _ in range(("server", "supervisor", "job").index(kind) + 1):  # type: ignore[arg-type]  # no program here
            found = [child for process in found for child in process.children()]
        return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]
