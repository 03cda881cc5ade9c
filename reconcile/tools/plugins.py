"""Adapters that other distributions bring along: entry points of the group ``reconcile.tools``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib import metadata
from typing import Any, get_args

from torch import nn

from reconcile.errors import ReconcileError, describe_exception
from reconcile.tools.adapter import Adapter, ToolReport, Unit

GROUP = "reconcile.tools"

_TEXTS = ("name", "distribution", "module", "unit", "summary")


class Plugin:
    """An adapter of another distribution, which is loaded when something is asked of it but its name.

    The entry point is named as the column is, and names a class that is called without arguments.
    """

    def __init__(self, point: metadata.EntryPoint) -> None:
        """Load nothing yet."""
        self.name = point.name
        self._point = point

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter itself.

        Raises:
            ReconcileError: It cannot be loaded, or is no adapter.
        """
        where = f"the adapter '{self.name}' of {self._point.dist.name if self._point.dist else 'no distribution'}"
        try:
            adapter: Adapter = self._point.load()()
        except (Exception, SystemExit) as error:  # it may do anything while it is imported
            raise ReconcileError(f"{where} cannot be loaded ({describe_exception(error)}).") from error
        problem = _problem(adapter, self.name)
        if problem:
            raise ReconcileError(f"{where} cannot be used: {problem}.")
        return adapter

    @property
    def distribution(self) -> str:
        """As the adapter says."""
        return self.adapter.distribution

    @property
    def module(self) -> str:
        """As the adapter says."""
        return self.adapter.module

    @property
    def unit(self) -> Unit:
        """As the adapter says."""
        return self.adapter.unit

    @property
    def summary(self) -> str:
        """As the adapter says."""
        return self.adapter.summary

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Let the adapter measure."""
        return self.adapter.measure(module, args, kwargs)


def find_plugins(taken: Collection[str]) -> dict[str, Adapter]:
    """Return every adapter that is registered, by name, but for ``taken`` names, which are this project's own."""
    return {point.name: Plugin(point) for point in metadata.entry_points(group=GROUP) if point.name not in taken}


def _problem(adapter: object, name: str) -> str:
    """What keeps an object from being an adapter; empty if nothing does."""
    missing = [text for text in _TEXTS if not isinstance(getattr(adapter, text, None), str)]
    if missing:
        return f"'{missing[0]}' is missing or no text"
    if getattr(adapter, "name", "") != name:
        return f"its name is '{getattr(adapter, 'name', '')}'"
    if getattr(adapter, "unit", None) not in get_args(Unit):
        return f"its unit is '{getattr(adapter, 'unit', '')}', which is neither MAC nor FLOP"
    return "" if callable(getattr(adapter, "measure", None)) else "it has no method 'measure'"
