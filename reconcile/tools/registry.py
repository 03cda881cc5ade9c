"""The columns of the comparison, by name. An adapter imports its tool only when it measures."""

from __future__ import annotations

from collections.abc import Iterable

from reconcile.errors import ReconcileError, did_you_mean
from reconcile.tools.adapter import Adapter
from reconcile.tools.fvcore import Fvcore
from reconcile.tools.ptflops import PtflopsAten, PtflopsPytorch
from reconcile.tools.thop import Thop
from reconcile.tools.torchinfo import Torchinfo

_ADAPTERS: tuple[Adapter, ...] = (Thop(), PtflopsPytorch(), PtflopsAten(), Fvcore(), Torchinfo())

ADAPTERS = {adapter.name: adapter for adapter in _ADAPTERS}
"""Every adapter by the name of its column, in the order of reports."""


def adapter(name: str) -> Adapter:
    """Return the adapter of a column.

    Raises:
        ReconcileError: No such tool; names the nearest.
    """
    if name not in ADAPTERS:
        raise ReconcileError(f"unknown tool '{name}'{did_you_mean(name, ADAPTERS)}")
    return ADAPTERS[name]


def tool_names(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of tools; return each once, in the order given.

    Raises:
        ReconcileError: An unknown tool, or none at all.
    """
    checked = tuple(dict.fromkeys(adapter(name).name for name in names if name))
    if not checked:
        raise ReconcileError(f"no tool is named: choose from {', '.join(ADAPTERS)}.")
    return checked
