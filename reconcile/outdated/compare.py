"""What is installed beside what the index offers, a row for each distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

from packaging.version import Version

from reconcile.environments import Offer, ask_index, normal_name
from reconcile.tools import Column

State = Literal["up to date", "newer", "not in the index", "unknown"]
NEWER: State = "newer"
UNKNOWN: State = "unknown"

AskIndex: TypeAlias = "Callable[[str], Offer]"

_AT_A_TIME = 6
"""Distributions; pip waits for the index most of the time."""

_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How a distribution stands: the columns that are read from it, the version that is there, and what the index has.

    ``newest`` is empty where the index has no version or could not be asked; ``failure`` says why it could not.
    """

    distribution: str
    columns: tuple[Column, ...]
    installed: str
    newest: str
    state: State
    failure: str = ""


def compare_with_index(columns: Iterable[Column], ask: AskIndex = ask_index) -> tuple[Standing, ...]:
    """Return how the distributions of columns stand, in the order of the columns; each is asked about once.

    Two versions of one distribution, which are columns of their own, have a row each.
    """
    rows: dict[tuple[str, str], list[Column]] = {}
    for item in columns:
        rows.setdefault((normal_name(item.adapter.distribution), item.version), []).append(item)
    names = tuple(dict.fromkeys(name for name, _ in rows))
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        offers = dict(zip(names, pool.map(ask, names), strict=True))
    return tuple(_standing(name, tuple(found), installed, offers[name]) for (name, installed), found in rows.items())


def _standing(distribution: str, columns: tuple[Column, ...], installed: str, offer: Offer) -> Standing:
    state = _state(installed, offer)
    newest = offer.versions[0] if offer.versions and state != UNKNOWN else ""
    return Standing(distribution, columns, installed, newest, state, offer.failure if state == UNKNOWN else "")


def _state(installed: str, offer: Offer) -> State:
    """Something newer is newer wherever it was found; that there is nothing newer, only an index that answered says."""
    if offer.versions and Version(offer.versions[0]) > Version(installed):
        return NEWER
    if offer.failure:
        return UNKNOWN
    return "up to date" if offer.versions else "not in the index"


def unreachable_sentences(rows: Sequence[Standing]) -> Iterator[str]:
    """Say about which distributions the index could not be asked: one sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.failure:
            reasons.setdefault(row.failure, []).append(row.distribution)
    for reason, names in reasons.items():
        further = len(names) - _MOST_NAMES
        about = ", ".join(names) if further <= 0 else f"{', '.join(names[:_MOST_NAMES])} and {further} more"
        yield f"the package index cannot be asked about {about}: {reason}."
