"""The folder of a run: what it was asked to do, what has finished, and in the end its report.

run.json                      the plan; a run goes on from it
results/measurements/         what each tool said about each model
results/references/           the native counts
results/reconciliations/      each difference with its causes, by layer
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from pydantic import Field, ValidationError

from reconcile.configs import StrictModel
from reconcile.errors import ReconcileError, did_you_mean
from reconcile.reference import Convention
from reconcile.rules import Rulebook
from reconcile.run.config import Plan
from reconcile.run.records import SCHEMAS
from reconcile.run.store import Report, Store
from reconcile.tools import columns
from reconcile.zoo import parse_inputs, resolve

PLAN_FILE = "run.json"
RESULTS = "results"
REPORT_FILE = "index.html"
_LOCK_FILE = ".lock"
_MAXIMUM_EARLIER_RUNS = 200


class StoredModel(StrictModel):
    """A model in a stored plan."""

    name: str
    input: str | None
    mode: Literal["eval", "train"]


class StoredPlan(StrictModel):
    """A plan as ``run.json`` holds it."""

    run_id: str
    started: str
    command_line: list[str]
    models: list[StoredModel] = Field(min_length=1)
    tools: list[str]
    convention: Convention
    execution: Literal["without-arithmetic", "documented"]
    strict: bool
    tools_may_fail: bool
    seed: int = Field(ge=0, lt=2**63)
    jobs: int = Field(ge=1, le=1024)
    timeout_seconds: float = Field(gt=0, le=7 * 24 * 3600)
    memory_limit_mb: float = Field(gt=0, le=2**40)
    verified_share: float = Field(ge=0, le=1)
    rulebooks: dict[str, Rulebook] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder, and who the run is."""

    path: Path
    run_id: str
    started: str
    command_line: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Whether its report is there: the page that is written last."""
        return (self.path / REPORT_FILE).exists()

    def store(self, kind: str, report: Report, *, reuse: bool = True) -> Store:
        """Return the store of one kind of results, which knows the runs beside this one."""
        return Store(self.path / RESULTS / kind, SCHEMAS[kind], self.earlier(kind) if reuse else [], report)

    def earlier(self, kind: str) -> list[Path]:
        """Return the folders with results of a kind of the runs beside this one, the latest first."""
        return [folder / RESULTS / kind for folder in _runs_beside(self.path)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other programs from working on this run.

        Raises:
            ReconcileError: Another one does, or the folder cannot be written.
        """
        try:
            descriptor = os.open(self.path / _LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ReconcileError(f"another program is at work on the run in {self.path}.") from None
            yield
        finally:
            os.close(descriptor)


def begin(path: Path, plan: Plan, run_id: str) -> RunFolder:
    """Make the folder of a new run, and write down what it is to do.

    Raises:
        ReconcileError: The folder holds something, or cannot be written; nothing is left behind then.
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    command_line = [word.encode("utf-8", "backslashreplace").decode() for word in sys.argv]  # it may hold any bytes
    stored = StoredPlan(
        run_id=run_id,
        started=started,
        command_line=command_line,
        models=[
            StoredModel(name=spec.name, input=None if spec.inputs is None else str(spec.inputs), mode=spec.mode)
            for spec in plan.models
        ],
        tools=list(plan.tools),
        convention=plan.convention,
        execution=plan.execution,
        strict=plan.strict,
        tools_may_fail=plan.tools_may_fail,
        seed=plan.seed,
        jobs=plan.jobs,
        timeout_seconds=plan.timeout_seconds,
        memory_limit_mb=plan.memory_limit_mb,
        verified_share=plan.verified_share,
        rulebooks=dict(plan.rulebooks),
    )
    check_is_free(path)
    text = stored.model_dump_json(indent=2)
    folder = RunFolder(path, run_id, started, tuple(command_line))
    made = [place for place in (path, *path.parents) if not place.exists()]
    temporary = path / f".{PLAN_FILE}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        with folder.locked():
            _check_holds_no_run(path)  # another program may have been faster
            temporary.write_text(f"{text}\n", encoding="utf-8")
            temporary.replace(path / PLAN_FILE)
    except OSError as error:
        with suppress(OSError):
            for file in (temporary, path / _LOCK_FILE):
                file.unlink(missing_ok=True)
            for place in made:
                place.rmdir()
        raise _unwritable(path, error) from error
    return folder


def _unwritable(path: Path, error: OSError) -> ReconcileError:
    return ReconcileError(f"The run's folder {path} cannot be written: {error.strerror or error}.")


def reopen(path: Path) -> tuple[RunFolder, Plan]:
    """Return an existing run and its plan.

    Raises:
        ReconcileError: It is no run, or its plan cannot be read or is not possible any more; names what is wrong.
    """
    file = path / PLAN_FILE
    try:
        stored = StoredPlan.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise ReconcileError(f"{path} is not the folder of a run: it has no {PLAN_FILE}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ReconcileError(f"{file} is damaged ({place or 'the file'}: {first['msg']}).") from None
    except OSError as error:
        raise ReconcileError(f"{file} cannot be read ({error.strerror or error}).") from None
    plan = Plan(
        models=tuple(
            resolve(model.name, None if model.input is None else parse_inputs([model.input]), model.mode)
            for model in stored.models
        ),
        tools=tuple(item.name for item in columns(stored.tools)),
        convention=stored.convention,
        execution=stored.execution,
        strict=stored.strict,
        tools_may_fail=stored.tools_may_fail,
        seed=stored.seed,
        jobs=stored.jobs,
        timeout_seconds=stored.timeout_seconds,
        memory_limit_mb=stored.memory_limit_mb,
        verified_share=stored.verified_share,
        rulebooks=stored.rulebooks,
    )
    return RunFolder(path, stored.run_id, stored.started, tuple(stored.command_line)), plan


def is_run_folder(path: Path) -> bool:
    """Whether a run has begun there."""
    return (path / PLAN_FILE).is_file()


def find_run(name: str, *places: Path) -> Path:
    """Return the folder of a run, named by its path or by its id in one of several places.

    Raises:
        ReconcileError: There is no such folder; names the nearest run.
    """
    for path in (Path(name), *(place / name for place in places)):
        with suppress(OSError, ValueError):
            if path.is_dir():
                return path
    known = [entry.name for place in places if place.is_dir() for entry in place.iterdir() if entry.is_dir()]
    raise ReconcileError(f"there is no run {name}{did_you_mean(name, known)}")


def check_is_free(path: Path) -> None:
    """Make sure that a run can begin in a folder, so that no work is lost. Leaves nothing behind.

    Raises:
        ReconcileError: The folder has something in it, or nothing can be made in it or where it would be made.
    """
    try:
        destination = path.resolve()
        _check_holds_no_run(path)
        if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
            raise ReconcileError(f"The report folder {path} is not an empty folder; choose another one.")
        existing = next(place for place in (destination, *destination.parents) if place.exists())
        Path(mkdtemp(prefix=".reconcile-", dir=existing)).rmdir()
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 raise the latter for a link to itself
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ReconcileError(f"The report folder {path} cannot be written: {reason}.") from error


def _check_holds_no_run(path: Path) -> None:
    if is_run_folder(path):
        raise ReconcileError(f"{path} holds a run: go on with --resume {path}, or choose another folder.")


def _runs_beside(path: Path) -> list[Path]:
    """The other runs in the same place, the latest first."""
    own = path.resolve()
    return [folder for folder in _runs_in(own.parent) if folder != own][:_MAXIMUM_EARLIER_RUNS]


def _runs_in(place: Path) -> list[Path]:
    """The runs of this user in a folder, the latest first: what others leave there is not taken for one's own."""
    found: list[tuple[float, Path]] = []
    with suppress(OSError):
        for entry in os.scandir(place):
            with suppress(OSError):
                plan = Path(entry.path, PLAN_FILE).stat()
                if plan.st_uid == os.getuid():
                    found.append((plan.st_mtime, Path(entry.path)))
    return [folder for _, folder in sorted(found, reverse=True)]
