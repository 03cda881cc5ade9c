"""Which column and which model of one run is which of another.

A column by its name, by its tool in another version, or by what took its place; a model by its name and its input.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from reconcile.changes.record import ModelKey, Record, ToolRecord
from reconcile.errors import ReconcileError
from reconcile.tools import adapter

Item = TypeVar("Item", str, ModelKey)


@dataclass(frozen=True, slots=True)
class ColumnPair:
    """A column of the earlier run and the column of the later one that stands for it."""

    before: str
    after: str
    was: ToolRecord
    now: ToolRecord

    @property
    def name(self) -> str:
        """What to call it: the name without a version, or both names."""
        base_before, base_after = _base(self.before), _base(self.after)
        return base_after if base_before == base_after else f"{base_before} → {base_after}"

    @property
    def is_replaced(self) -> bool:
        """Whether another tool has taken its place."""
        return _base(self.before) != _base(self.after)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of two runs: those that both have, and those of one alone."""

    both: tuple[ColumnPair, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]


def pair_columns(before: Record, after: Record) -> Columns:
    """Pair the columns of two runs.

    First by name; then what has the same name but for the version; then what is imported by the same name, as ``thop``
    is of two distributions. Where several columns of a run might be meant, none is.
    """
    left, right = dict.fromkeys(before.tools), dict.fromkeys(after.tools)
    pairs = {}
    for identity in (str, _base, _module):
        for old, new in _matches(left, right, identity):
            pairs[new] = ColumnPair(old, new, before.tools[old], after.tools[new])
            del left[old], right[new]
    return Columns(tuple(pairs[name] for name in after.tools if name in pairs), tuple(left), tuple(right))


@dataclass(frozen=True, slots=True)
class ModelPair:
    """A model of the earlier run and of the later one, on the same input or on another."""

    before: ModelKey
    after: ModelKey


@dataclass(frozen=True, slots=True)
class Models:
    """The models of two runs: those that both have, and those of one alone."""

    both: tuple[ModelPair, ...]
    gone: tuple[ModelKey, ...]
    new: tuple[ModelKey, ...]


def pair_models(before: Record, after: Record) -> Models:
    """Pair the models of two runs: by name and input; then by name, where each run has only one that is left."""
    left, right = dict.fromkeys(before.models), dict.fromkeys(after.models)
    pairs = {}
    for identity in (_whole, _name):
        for old, new in _matches(left, right, identity):
            pairs[new] = ModelPair(old, new)
            del left[old], right[new]
    return Models(tuple(pairs[key] for key in after.models if key in pairs), tuple(left), tuple(right))


def _matches(left: Iterable[Item], right: Iterable[Item], identity: Callable[[Item], str]) -> list[tuple[Item, Item]]:
    olds, news = _by(left, identity), _by(right, identity)
    return [(olds[key][0], news[key][0]) for key in olds if key and len(olds[key]) == len(news.get(key, ())) == 1]


def _by(items: Iterable[Item], identity: Callable[[Item], str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[identity(item)].append(item)
    return found


def _whole(key: ModelKey) -> str:
    return "\n".join(key)


def _name(key: ModelKey) -> str:
    return key.model


def _base(name: str) -> str:
    return name.partition("==")[0]


def _module(name: str) -> str:
    """What a column's tool is imported as; empty where that is not known here."""
    try:
        return adapter(name).module
    except ReconcileError:
        return ""
