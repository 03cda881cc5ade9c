"""The marks of a waterfall, layer by layer: where each is in the chart, and what is written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reconcile.report.axis import Axis, ticks
from reconcile.report.chart import AXIS_FONT_SIZE, COLOURS, PLOT_WIDTH
from reconcile.report.numbers import si, signed_si, with_minus
from reconcile.report.steps import Step

_HALF_BAR = 0.32


@dataclass(frozen=True, slots=True)
class Waterfall:
    """What is drawn: steps from top to bottom along an axis, and the caption below them."""

    steps: tuple[Step, ...]
    axis: Axis
    caption: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One line, bar or text. Its place is in the fields of its layer: along the axis from 0 to 1, and down by rows."""

    place: Mapping[str, float | str]
    text: str = ""


Marks: TypeAlias = Mapping[str, Sequence[Mark]]
"""The marks of each layer."""


def marks_of(waterfall: Waterfall) -> Marks:
    """A waterfall's marks in all layers."""
    steps, axis, below = waterfall.steps, waterfall.axis, len(waterfall.steps)
    numbers = ticks(axis, PLOT_WIDTH, AXIS_FONT_SIZE)
    return {
        "grid": [Mark({"x": _sharp(axis.share(tick.value)), "top": 0, "bottom": below}) for tick in numbers],
        "numbers": [Mark({"x": axis.share(tick.value), "y": below, "side": tick.side}, tick.label) for tick in numbers],
        "bars": [
            Mark(
                {
                    "from": _start(step, axis),
                    "to": axis.share(step.end),
                    "top": _middle(row) - _HALF_BAR,
                    "bottom": _middle(row) + _HALF_BAR,
                    "colour": _colour(step),
                }
            )
            for row, step in enumerate(steps)
        ],
        "links": [
            Mark({"x": axis.share(step.end), "top": _middle(row) + _HALF_BAR, "bottom": _middle(row + 1) - _HALF_BAR})
            for row, step in enumerate(steps[:-1])
        ],
        "names": [Mark({"y": _middle(row)}, step.name) for row, step in enumerate(steps)],
        "amounts": [
            Mark({"x": max(_start(step, axis), axis.share(step.end)), "y": _middle(row)}, _amount(step))
            for row, step in enumerate(steps)
        ],
        "breaks": [
            Mark({"y": _middle(row)}, "//") for row, step in enumerate(steps) if step.is_total and axis.start > 0
        ],
        "captions": [Mark({"y": below}, waterfall.caption)],
    }


def _middle(row: int) -> float:
    return row + 0.5


def _start(step: Step, axis: Axis) -> float:
    return 0.0 if step.is_total else axis.share(step.start)


def _sharp(share: float) -> float:
    """Moved to a whole pixel, where a line of one pixel's width is not blurred."""
    return round(share * PLOT_WIDTH) / PLOT_WIDTH


def _colour(step: Step) -> str:
    if step.is_total:
        return COLOURS["total"]
    if step.kind == "residual":
        return COLOURS["residual"]
    return COLOURS["more" if step.delta > 0 else "less"]


def _amount(step: Step) -> str:
    return with_minus(si(step.end) if step.is_total else signed_si(step.delta))
