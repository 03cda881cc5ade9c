"""Making an environment: pip installs what is asked for, and what that needs beyond what is here, into a folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from reconcile.environments.folder import (
    Environment,
    environments_folder,
    find_environment,
    normal_name,
    normal_version,
)
from reconcile.errors import ReconcileError, printable

SHARED = ("torch", "torchvision")
"""Distributions that every environment shares with this one."""


def make_environment(distribution: str, version: str = "") -> Environment:
    """Make an environment for a version of a distribution, the newest if none is given; one that is there is returned.

    A virtual environment that sees all packages from here is made in passing; pip installs into it what is not among
    them; its packages become the environment, in one step, so that it is there whole or not at all.

    Raises:
        ReconcileError: pip cannot install it, or would need another torch; says so in pip's own words.
    """
    name = normal_name(distribution)
    if name in SHARED:
        raise ReconcileError(f"{name} cannot have an environment of its own: it is what all environments share.")
    if version:
        version = normal_version(version)
        made = find_environment(name, version)
        if made is not None:
            return made
    folder = environments_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder, ignore_cleanup_errors=True) as temporary:
            return _make(Path(temporary), f"{name}=={version}" if version else name, folder)
    except OSError as error:
        raise ReconcileError(f"no environment can be made in {folder}: {error.strerror or error}.") from error


def remove_environment(environment: Environment) -> None:
    """Remove an environment, in one step, so that half of one is never found.

    Raises:
        ReconcileError: It cannot be removed.
    """
    folder = environment.folder.parent
    try:
        with tempfile.TemporaryDirectory(prefix=".removing-", dir=folder, ignore_cleanup_errors=True) as temporary:
            environment.folder.rename(Path(temporary) / environment.name)
    except OSError as error:
        raise ReconcileError(f"{environment.folder} cannot be removed: {error.strerror or error}.") from error


def _make(temporary: Path, requirement: str, folder: Path) -> Environment:
    venv.create(temporary / "venv", with_pip=False, symlinks=True)
    python = temporary / "venv" / "bin" / "python"
    packages = _packages_of(temporary / "venv")
    # Python runs such a line when it starts; addsitedir also follows what it finds there, as of editable installs.
    lines = [f"import site; site.addsitedir({place!r})" for place in _packages_here()]
    (packages / "shared.pth").write_text("\n".join(lines), encoding="utf-8")
    constraints = temporary / "constraints.txt"
    constraints.write_text("".join(f"{name}=={metadata.version(name)}\n" for name in SHARED), encoding="utf-8")
    _install(requirement, python, constraints)
    (packages / "shared.pth").unlink()
    name = requirement.partition("==")[0]
    found = {normal_name(item.name): item.version for item in metadata.distributions(path=[str(packages)])}
    if name not in found:
        raise ReconcileError(f"{requirement} is installed here, and needs no environment of its own.")
    made = Environment(folder / f"{name}=={normal_version(found[name])}")
    if not made.folder.is_dir():
        packages.rename(made.folder)
    return made


def _packages_of(environment: Path) -> Path:
    """Where a virtual environment that is laid out as this one keeps its packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)}))


def _packages_here() -> list[str]:
    """The folders in which packages are installed that can be imported here."""
    return [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]


def _install(requirement: str, python: Path, constraints: Path) -> None:
    command: Sequence[str] = (
        sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--no-input",
        "install", "--quiet", "--constraint", str(constraints), "--", requirement,
    )  # fmt: skip  # a command, word by word
    done = subprocess.run(  # noqa: S603  # this interpreter; what is installed is what the user asks for
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = [line for line in map(printable, (done.stdout + done.stderr).splitlines()) if line]
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")] or said
        reasons = [line for line in errors if not line.startswith("ResolutionImpossible")] or ["it does not say why"]
        over = f"torch {metadata.version('torch')}"
        raise ReconcileError(f"pip cannot install {requirement} over {over}: {reasons[-1].removesuffix('.')}.")
