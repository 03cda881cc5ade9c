"""The columns of the comparison, by name. An adapter imports its tool only when it measures."""

from __future__ import annotations

from reconcile.errors import ReconcileError, did_you_mean
from reconcile.tools.adapter import Adapter, is_installed
from reconcile.tools.calflops import CalflopsFlops, CalflopsMacs
from reconcile.tools.flop_counter import FlopCounter, FlopCounterNoGrad
from reconcile.tools.flopth import Flopth
from reconcile.tools.fvcore import Fvcore
from reconcile.tools.mmengine import Mmengine
from reconcile.tools.plugins import Plugin, find_plugins
from reconcile.tools.ptflops import PtflopsAten, PtflopsPytorch
from reconcile.tools.thop import Thop
from reconcile.tools.torch_profiler import TorchProfiler
from reconcile.tools.torchinfo import Torchinfo
from reconcile.tools.torchprofile import Torchprofile
from reconcile.tools.torchstat import TorchstatFlops, TorchstatMadd
from reconcile.tools.torchsummary import Torchsummary
from reconcile.tools.ultralytics_thop import UltralyticsThop

_MAIN: tuple[Adapter, ...] = (Thop(), PtflopsPytorch(), PtflopsAten(), Fvcore(), Torchinfo())
_FURTHER: tuple[Adapter, ...] = (
    Mmengine(),
    TorchstatFlops(),
    TorchstatMadd(),
    Torchsummary(),
    FlopCounter(),
    FlopCounterNoGrad(),
    TorchProfiler(),
    Torchprofile(),
    CalflopsFlops(),
    CalflopsMacs(),
    Flopth(),
    UltralyticsThop(),
)

_OWN = {adapter.name: adapter for adapter in (*_MAIN, *_FURTHER)}

ADAPTERS: dict[str, Adapter] = {**_OWN, **find_plugins(_OWN)}
"""Every adapter by the name of its column, in the order of reports; those of other distributions last."""

OWN_TOOLS = tuple(_OWN)
"""The columns of this project's own adapters."""

MAIN_TOOLS = tuple(adapter.name for adapter in _MAIN)
"""The columns that run if nobody says which: those of the tools that come with this project."""


def adapter(name: str) -> Adapter:
    """Return the adapter of a column, whatever version its name states.

    Raises:
        ReconcileError: No such tool; names the nearest. Or it is another distribution's, and cannot be used.
    """
    base = name.partition("==")[0]
    if base not in ADAPTERS:
        raise ReconcileError(f"unknown tool '{base}'{did_you_mean(base, ADAPTERS)}")
    found = ADAPTERS[base]
    return found.adapter if isinstance(found, Plugin) else found


def names_of_distribution(distribution: str) -> tuple[str, ...]:
    """Return this project's own columns of the tool that a distribution installs: ``ptflops`` has two."""
    return tuple(name for name, found in _OWN.items() if found.distribution == distribution)


def installed_tools() -> tuple[str, ...]:
    """Return the columns whose tools are installed, in the order of reports."""
    return tuple(name for name in ADAPTERS if _is_there(name))


def _is_there(name: str) -> bool:
    try:
        return is_installed(adapter(name))
    except ReconcileError:
        return False
