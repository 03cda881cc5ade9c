"""The project's sessions. All share one environment with torch where one is active; see `environment`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "typecheck", "tests"]

EXTRAS = "test,lint,typecheck"
FURTHER_VERSIONS = ("thop==0.0.31.post2005241907", "ptflops==0.7.2.2")
"""Versions that tests put beside those that are installed."""


def environment(session: nox.Session) -> str:
    """Return the python of the one environment that the sessions share: torch is several gigabytes.

    It is the active virtual environment, or the one in this folder that nox itself runs in, or else .nox/shared.
    """
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        folder = Path(active)
    elif Path(sys.prefix).is_relative_to(Path.cwd()):
        folder = Path(sys.prefix)
    else:
        folder = Path(".nox", "shared").resolve()
    python = folder / "bin" / "python"
    if not python.exists():
        session.run(sys.executable, "-m", "venv", str(folder), external=True)
    session.run(str(python), "-m", "pip", "install", "--quiet", "--editable", f".[{EXTRAS}]", external=True)
    return str(python)


def make_environments(session: nox.Session, python: str, *tools: str) -> None:
    """Give tools environments, by default those of the main job that are missing; what is there stays."""
    session.run(python, "-m", "reconcile.cli", "environment", *tools, external=True, silent=True)


@nox.session(venv_backend="none")
def reconcile(session: nox.Session) -> None:
    """The main job: every model of torchvision, every tool, a report in reports/."""
    python = environment(session)
    make_environments(session, python)
    session.run(python, "-m", "reconcile.cli", "run", *session.posargs, external=True)


@nox.session(venv_backend="none")
def weekly(session: nox.Session) -> None:
    """The weekly job: the main job and an audit, and what changed since the last time; reports in reports/weekly/."""
    python = environment(session)
    make_environments(session, python)
    session.run(python, "-m", "reconcile.cli", "weekly", *session.posargs, external=True)


@nox.session(venv_backend="none")
def environments(session: nox.Session) -> None:
    """Environments for tools that cannot share one, or for versions: `nox -s environments -- ptflops==0.7.2.2`."""
    make_environments(session, environment(session), *session.posargs)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The tests; `nox -s tests -- -m "slow and not full_zoo"` runs those of minutes, `-m full_zoo` those of hours."""
    python = environment(session)
    make_environments(session, python)
    make_environments(session, python, *FURTHER_VERSIONS)
    session.run(python, "-m", "pytest", "-n", "auto", *session.posargs, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Style, and the order of the parts."""
    python = environment(session)
    session.run(python, "-m", "ruff", "check", ".", external=True)
    session.run(python, "-m", "ruff", "format", "--check", ".", external=True)
    session.run(str(Path(python).with_name("lint-imports")), external=True)


@nox.session(venv_backend="none")
def typecheck(session: nox.Session) -> None:
    """Types, strictly."""
    session.run(environment(session), "-m", "mypy", external=True)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Ratios, each from one run with both sides paired, and peaks of memory; half an hour."""
    python = environment(session)
    session.run(python, "-m", "benchmarks.native_count", *session.posargs, external=True)
    session.run(python, "-m", "benchmarks.memory", external=True)
    session.run(python, "-m", "benchmarks.scaling", external=True)
    session.run(python, "-m", "benchmarks.whole_job", *session.posargs, external=True)


@nox.session(venv_backend="none")
def unseen(session: nox.Session) -> None:
    """How many cells have no residual over models that no rule was made for; hours: `nox -s unseen -- FOLDER`."""
    python = environment(session)
    make_environments(session, python)
    session.run(python, "-m", "benchmarks.unseen_models", *session.posargs, external=True)
