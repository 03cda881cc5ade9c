"""What a run was made with: versions of everything, inputs, seed, command line, revision of the source."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from secrets import token_hex
from typing import Any

import torch

from reconcile.run.config import Plan
from reconcile.run.execute import Executed
from reconcile.run.folder import RunFolder
from reconcile.run.keys import adapter_digest, source_digests
from reconcile.tools import column
from reconcile.version import __version__


def new_run_id() -> str:
    """Return a name for a run that sorts by time and that no other run has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def describe_run(plan: Plan, folder: RunFolder, executed: Executed, seconds: float) -> dict[str, Any]:
    """Return what manifest.json holds; ``seconds`` are those of this session, which may have gone on with a run."""
    libraries = {spec.library: None for spec in plan.models if spec.library is not None}
    return {
        "run_id": folder.run_id,
        "started": folder.started,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "command_line": list(folder.command_line),
        "git_revision": _git_revision(),
        "versions": {
            "reconcile": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("torch", "torchvision", "numpy", "pandas", *libraries)},
        },
        "tools": {tool: column(tool).version for tool in plan.tools},
        "determinants": {
            tool: {"adapter": adapter_digest(tool), "contents": list(column(tool).contents)} for tool in plan.tools
        },
        "sources": source_digests(),
        "platform": platform.platform(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "jobs": plan.jobs,
        "timeout_seconds": plan.timeout_seconds,
        "memory_limit_mb": plan.memory_limit_mb,
        "execution": plan.execution,
        "cells_measured": executed.measured,
        "measurements_since_resumed": executed.measured_now,
        "cells_taken_over": len(executed.cells) - executed.measured,
        "verified": [asdict(cell) for cell in executed.verified],
        "seed": plan.seed,
        "convention": plan.convention.model_dump(),
        "models": [
            {
                "name": spec.name,
                "input": reference.input,
                "mode": spec.mode,
                "source": source,
                "execution": reference.execution,
                "reference": reference.compute,
                "parameters": reference.parameters,
                "activations": reference.activations,
                "memory": reference.memory,
                "uncovered": dict(reference.uncovered),
                "uncalled": list(reference.uncalled),
                "error": reference.error,
            }
            for spec, reference, source in zip(plan.models, executed.references, executed.sources, strict=True)
        ],
    }


def _processor() -> str:
    """The processor, and which of its instructions torch uses: arithmetic is rounded by both."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not every system has it
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(named, "") or platform.processor() or platform.machine()
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _git_revision() -> str | None:
    """Return the revision of the checkout that the package runs from, or None where it is installed otherwise."""
    git = shutil.which("git")
    folder = Path(__file__).parents[2]
    if git is None or not (folder / ".git").exists():
        return None
    found = subprocess.run(  # noqa: S603  # a fixed command
        [git, "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None
