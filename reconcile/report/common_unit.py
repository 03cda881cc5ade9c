"""A tool's number, the reference and the causes between them in one unit, in which any two tools compare.

The unit of compute is the FLOP, of which a multiply-add has two: the finer one, so that integers stay integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm

from reconcile.diff.result import OPERATIONS_PER, Reconciliation
from reconcile.report.breakdown import RESIDUAL

_PARTS = lcm(*OPERATIONS_PER.values())

_OMISSIONS = ("attention", "unsupported-layer", "unseen-function", "fused-path", "unused")
"""Causes that, where they are negative, are what the reference counts and the tool leaves out."""


@dataclass(frozen=True, slots=True)
class Level:
    """One number on one model. ``value``, ``reference`` and ``causes`` are in the common unit.

    ``value - reference`` is the sum of ``causes``, among which ``unexplained`` is the residual. ``own`` is the number
    as it was given, in ``unit``.
    """

    own: int
    unit: str
    value: int
    reference: int
    causes: Mapping[str, int]


def level(item: Reconciliation) -> Level:
    """Bring a reconciliation to the common unit.

    What a tool leaves out is in the reference's unit, all else in the tool's. Where the two are not the same,
    ``unit`` is what is left: 0 for a tool that counts two FLOPs for each multiply-add that it sees, and minus the
    whole reference for one that counts multiply-adds and calls them FLOPs.
    """
    ours, theirs = _scale(item.unit), _scale(item.reference_unit)
    causes = {share.cause: share.delta * (theirs if _is_left_out(share.cause, share.delta) else ours)
              for share in item.causes}  # fmt: skip  # one entry a line would fill the page
    if item.residual:
        causes[RESIDUAL] = causes.get(RESIDUAL, 0) + item.residual * ours
    value, reference = item.value * ours, item.reference * theirs
    rest = value - reference - sum(causes.values())
    if rest:
        causes["unit"] = causes.get("unit", 0) + rest
    return Level(item.value, item.unit, value, reference, {cause: delta for cause, delta in causes.items() if delta})


def reference_level(item: Reconciliation) -> Level:
    """The reference of a reconciliation as a number like a tool's, without causes."""
    value = item.reference * _scale(item.reference_unit)
    return Level(item.reference, item.reference_unit, value, value, {})


def causes_between(one: Level, other: Level) -> dict[str, int]:
    """The difference of two tools on one model, cause by cause: the causes add up to ``one.value - other.value``.

    Both are measured against one reference, so the reference cancels out; so does a cause that both share.
    """
    deltas = dict(one.causes)
    for cause, delta in other.causes.items():
        deltas[cause] = deltas.get(cause, 0) - delta
    return {cause: delta for cause, delta in deltas.items() if delta}


def _scale(unit: str) -> int:
    return _PARTS // OPERATIONS_PER[unit] if unit in OPERATIONS_PER else 1


def _is_left_out(cause: str, delta: int) -> bool:
    return delta < 0 and cause in _OMISSIONS
