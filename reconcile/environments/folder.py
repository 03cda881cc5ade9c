"""An environment: a folder that holds one version of one distribution, and what it needs beyond what is installed here.

It is put in front of the folders in which Python looks for packages, so that all else, torch above all, is shared.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from reconcile.errors import ReconcileError, did_you_mean

FOLDER_VARIABLE = "RECONCILE_ENVIRONMENTS"
"""Names another folder for the environments than the one beside the packages that they are laid over."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder of packages, named as what it was made for: ``thop==0.0.31.post2005241907``."""

    folder: Path

    @property
    def name(self) -> str:
        """What it was made for, as a distribution and its version."""
        return self.folder.name

    @property
    def distribution(self) -> str:
        """What it was made for, without the version."""
        return self.name.partition("==")[0]

    @property
    def version(self) -> str:
        """The version of what it was made for."""
        return self.name.partition("==")[2]

    @property
    def contents(self) -> tuple[str, ...]:
        """Every distribution in it with its version, ``thop 0.0.31.post2005241907``, in alphabetical order."""
        return _contents(self.folder)


def environments_folder() -> Path:
    """Return the folder that holds the environments: beside the packages that they share, unless a variable says else.

    They were made for those packages: where these go, with a virtual environment, the environments go too.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given).absolute() if given else Path(sys.prefix) / "reconcile-environments"


def environments() -> tuple[Environment, ...]:
    """Return every environment that was made, by name, and of one distribution the newest version last."""
    folder = environments_folder()
    places = folder.iterdir() if folder.is_dir() else ()
    found = [Environment(place) for place in places if _is_named_as_one(place)]
    return tuple(sorted(found, key=lambda item: (item.distribution, Version(item.version))))


def find_environment(distribution: str, version: str = "") -> Environment | None:
    """Return the environment of a version of a distribution, of the newest if none is given; None if there is none."""
    name = normal_name(distribution)
    found = [item for item in environments() if item.distribution == name and is_version(item.version, version)]
    return found[-1] if found else None


def _is_named_as_one(place: Path) -> bool:
    """Whether a folder is named as an environment is; what else lies there is nobody's business."""
    name, separator, version = place.name.partition("==")
    with suppress(InvalidVersion):
        return bool(name and separator and Version(version))
    return False


def environment(name: str) -> Environment:
    """Return an environment by its name.

    Raises:
        ReconcileError: It was not made; names the command that makes it, and the nearest.
    """
    known = {item.name: item for item in environments()}
    if name not in known:
        near = did_you_mean(name, known)
        hint = "." if near == "." else f"{near.removesuffix('?')}, which is there?"
        raise ReconcileError(f"there is no environment for {name}: 'reconcile environment {name}' makes it{hint}")
    return known[name]


@cache
def _contents(folder: Path) -> tuple[str, ...]:
    found = metadata.distributions(path=[str(folder)])
    return tuple(sorted(f"{normal_name(item.name)} {normal_version(item.version)}" for item in found))


def is_version(version: str, wanted: str) -> bool:
    """Whether a version is the one that is wanted, which may be any; ``2.0`` is ``2``."""
    return not wanted or Version(version) == Version(wanted)


def normal_name(distribution: str) -> str:
    """Return a distribution's name as an index writes it: lower case, with hyphens."""
    return canonicalize_name(distribution)


def normal_version(version: str) -> str:
    """Return a version as one writes it: ``0.1.1.post2209072238``, where a wheel may be named ``0.1.1-2209072238``.

    Raises:
        ReconcileError: It is none.
    """
    try:
        return str(Version(version))
    except InvalidVersion:
        raise ReconcileError(f"'{version}' is no version: write one as 0.1.1.post2209072238.") from None
