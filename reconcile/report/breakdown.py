"""One difference broken down by cause: how much, what share, in which layers, and what the cause means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.report.numbers import exact
from reconcile.rules.causes import CAUSES

RESIDUAL = "unexplained"
"""The name under which a residual is shown."""

_KINDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CauseLine:
    """One cause of a difference. ``gross`` is the sum of all causes' magnitudes, of which this one is a share."""

    code: str
    meaning: str
    delta: int
    gross: int
    layers: int
    where: str
    is_residual: bool = False


def breakdown(reconciliation: Reconciliation) -> tuple[CauseLine, ...]:
    """The causes, largest first, and the residual last where there is one."""
    causes = reconciliation.causes
    residual = reconciliation.residual
    touched = _layers_by_cause(reconciliation.layers)
    gross = sum(abs(share.delta) for share in causes) + abs(residual)
    lines = [
        CauseLine(
            code=share.cause,
            meaning=meaning(share.cause),
            delta=share.delta,
            gross=gross,
            layers=len(share.layers),
            where=where(touched[share.cause]),
        )
        for share in causes
    ]
    if residual:
        layers = reconciliation.unexplained_layers
        spot = where(layers)
        lines.append(CauseLine(RESIDUAL, meaning(RESIDUAL), residual, gross, len(layers), spot, is_residual=True))
    return tuple(lines)


def meaning(code: str) -> str:
    """What a cause means in one line; nothing for a code that this version does not know."""
    return CAUSES[code].meaning if code in CAUSES else ""


def ranked(causes: Mapping[str, int]) -> list[tuple[str, int]]:
    """The causes of one layer, largest first, without those that are 0."""
    return sorted(((cause, delta) for cause, delta in causes.items() if delta), key=_by_size)


def where(layers: Sequence[LayerDifference]) -> str:
    """The kinds of layers: ``53 BatchNorm2d layers``, ``49 ReLU, 1 MaxPool2d layers``."""
    kinds = Counter(layer.layer_type or layer.layer or "(model)" for layer in layers)
    pseudo = [kind for kind in kinds if kind.startswith("(")]
    real = [(kind, count) for kind, count in kinds.most_common() if kind not in pseudo]
    shown = [f"{exact(count)} {kind}" for kind, count in real[:_KINDS_SHOWN]]
    hidden = sum(count for _, count in real[_KINDS_SHOWN:])
    if hidden:
        shown.append(f"{exact(hidden)} other")
    noun = [] if not shown else [", ".join(shown) + (" layer" if sum(count for _, count in real) == 1 else " layers")]
    return " and ".join(noun + pseudo)


def _layers_by_cause(layers: Iterable[LayerDifference]) -> dict[str, list[LayerDifference]]:
    touched: dict[str, list[LayerDifference]] = {}
    for layer in layers:
        for cause, delta in layer.causes.items():
            if delta:
                touched.setdefault(cause, []).append(layer)
    return touched


def _by_size(item: tuple[str, int]) -> tuple[int, str]:
    cause, delta = item
    return -abs(delta), cause
