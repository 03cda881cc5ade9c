"""A folder with a pyproject.toml as if it were installed: its entry points count in a program that starts there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

_TOP = Path(__file__).parent.parent


def run_installed(words: Sequence[str]) -> tuple[int, str]:
    """Run a command of reconcile with the working directory installed; return its status and what it prints."""
    folder = Path.cwd()
    _write_metadata(folder)
    finished = subprocess.run(  # noqa: S603  # the page's own words
        [sys.executable, "-m", "reconcile.cli", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(_TOP)))},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return finished.returncode, finished.stdout


def _write_metadata(folder: Path) -> None:
    """Write what an installer would: name, version and entry points."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    place = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{point} = {target}" for point, target in points.items())]
    (place / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
