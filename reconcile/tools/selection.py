"""A column of the comparison: an adapter, and where its tool is installed, which says in which version it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from reconcile.environments import Environment, find_environment, is_version, normal_version
from reconcile.errors import ReconcileError
from reconcile.tools.adapter import Adapter, is_installed, version_of
from reconcile.tools.registry import ADAPTERS, OWN_TOOLS, adapter, names_of_distribution

ALL = "all"
"""Stands for every column."""


@dataclass(frozen=True, slots=True)
class Column:
    """An adapter under the name that reports give it; without an environment, its tool is one that is installed here.

    The name may state a version, as in ``thop==0.0.31.post2005241907``.
    """

    name: str
    adapter: Adapter
    environment: Environment | None

    @property
    def version(self) -> str:
        """The version of the tool."""
        return version_of(self.adapter) if self.environment is None else self.environment.version

    @property
    def place(self) -> str:
        """The name of its environment; empty if the tool is installed here."""
        return "" if self.environment is None else self.environment.name

    @property
    def contents(self) -> tuple[str, ...]:
        """The distributions of its environment with their versions."""
        return () if self.environment is None else self.environment.contents


def column(name: str) -> Column:
    """Return a column by its name, ``thop`` or ``thop==0.0.31.post2005241907``.

    Raises:
        ReconcileError: No such tool, or it is neither installed nor in an environment; names the command that helps.
    """
    found = find_column(name)
    if found is None:
        needed = f"{adapter(name).distribution} {name.partition('==')[2]}".rstrip()
        command = f"'reconcile environment {name}' gives it an environment of its own"
        raise ReconcileError(f"{name} needs {needed}, which is not installed: {command}.")
    return found


def find_column(name: str) -> Column | None:
    """Return a column by its name, or None if its tool is neither installed nor in an environment.

    Without a version in the name, what is installed comes first, and then the newest that has an environment.

    Raises:
        ReconcileError: No such tool; names the nearest.
    """
    found = adapter(name)
    version = name.partition("==")[2]
    if is_installed(found) and is_version(version_of(found), version):
        return Column(name, found, None)
    made = find_environment(found.distribution, version)
    return None if made is None else Column(name, found, made)


def columns(names: Iterable[str]) -> tuple[Column, ...]:
    """Return columns by their names, each once, in the order given.

    A distribution's name stands for all its columns, ``all`` for every column that is there.

    Raises:
        ReconcileError: As :func:`column`; or no name at all.
    """
    found: dict[str, Column] = {}
    for given in names:
        chosen = _available() if given.strip() == ALL else map(column, column_names(given))
        found |= {item.name: item for item in chosen}
    if not found:
        raise ReconcileError(f"no tool is named: choose from {', '.join(ADAPTERS)}.")
    return tuple(found.values())


def _available() -> Iterator[Column]:
    for name in ADAPTERS:
        with suppress(ReconcileError):  # an adapter of another distribution that cannot be used
            found = find_column(name)
            if found is not None:
                yield found


def modules_by_environment(columns: Iterable[Column]) -> dict[str, tuple[str, ...]]:
    """Return what columns import when they measure, by the name of their environment."""
    found: dict[str, dict[str, None]] = {}
    for item in columns:
        found.setdefault(item.place, {})[item.adapter.module] = None
    return {place: tuple(modules) for place, modules in found.items()}


def column_names(given: str) -> Iterator[str]:
    """Yield the names of the columns that a name stands for, their version as one writes it; ``all`` are our own.

    Raises:
        ReconcileError: No such tool; names the nearest.
    """
    base, is_pinned, version = (part.strip() for part in given.partition("=="))
    if not base:
        return
    if given.strip() == ALL:
        yield from OWN_TOOLS
        return
    suffix = f"=={normal_version(version)}" if is_pinned else ""
    if base in ADAPTERS:
        yield base + suffix
        return
    yield from (name + suffix for name in names_of_distribution(base) or (adapter(base).name,))
