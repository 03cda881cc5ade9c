"""The axis of a waterfall: where it starts and ends, its ticks, and which of their numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10, sqrt
from typing import Literal

from reconcile.report.numbers import compact, with_minus
from reconcile.report.steps import Step

_ROOM_FOR_LABELS = 0.38
_ROOM_BEFORE_THE_FIRST_STEP = 0.18
_DRAWN_PARTS = 10**9
_SHORT_WAY = 0.4
_ABOUT_SO_MANY_TICKS = 3

# Parts of the font size, as Helvetica, Arial and Liberation Sans have them; every digit is as wide as any other.
_DIGIT_WIDTH = 0.556
_WIDTHS = {" ": 0.278, ".": 0.278, "−": 0.584, "k": 0.5, "M": 0.833, "G": 0.778, "T": 0.611, "P": 0.667, "E": 0.667}

Side = Literal["left", "center", "right"]
_BEFORE_ITS_PLACE = {"left": 0.0, "center": 0.5, "right": 1.0}


@dataclass(frozen=True, slots=True)
class Axis:
    """From which number to which."""

    start: float
    end: float

    def share(self, value: float) -> float:
        """How far along the axis a value is: 0 at the start, 1 at the end."""
        return (value - self.start) / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on the axis, and how it is written: with which side at its place, or not at all (an empty label)."""

    value: int
    label: str
    side: Side


def axis_of(steps: Sequence[Step]) -> Axis:
    """The axis on which steps are seen. It starts above 0 where the way between the totals is short beside them."""
    reached = [step.end for step in steps]
    low, high = min(reached), max(reached)
    spread = high - low
    invisible = spread * _DRAWN_PARTS <= high  # nothing to make visible, or too little for the axis's own numbers
    starts_at_zero = low <= 0 or invisible or spread > _SHORT_WAY * high
    start = min(low, 0) if starts_at_zero else max(low - _ROOM_BEFORE_THE_FIRST_STEP * spread, 0)
    return Axis(float(start), float(high + _ROOM_FOR_LABELS * ((high - start) or 1)))


def ticks(axis: Axis, width: float, font_size: float) -> tuple[Tick, ...]:
    """The ticks of an axis that is so wide, with numbers of that size; one that would touch the next is not written."""
    values = round_numbers(axis)
    labels = [with_minus(compact(value)) for value in values]
    places = [axis.share(value) * width for value in values]
    sides = [_side(place, width) for place in places]
    extents = [
        _extent(place, font_size * _text_width(label), side)
        for place, label, side in zip(places, labels, sides, strict=True)
    ]
    written = _without_overlap(extents)
    return tuple(
        Tick(value, labels[position] if position in written else "", sides[position])
        for position, value in enumerate(values)
    )


def round_numbers(axis: Axis) -> tuple[int, ...]:
    """About three numbers on the axis, evenly apart: by 1, 2 or 5 times a power of ten, and by no less than 1."""
    step = _round_step((axis.end - axis.start) / _ABOUT_SO_MANY_TICKS)
    return tuple(step * count for count in range(ceil(axis.start / step), floor(axis.end / step) + 1))


def _round_step(wanted: float) -> int:
    if wanted <= 1:
        return 1
    power = floor(log10(wanted))
    times = wanted / 10**power
    nearest = next((step for step, limit in ((1, sqrt(2)), (2, sqrt(10)), (5, sqrt(50))) if times < limit), 10)
    return nearest * int(10**power)


def _side(place: float, width: float) -> Side:
    """A number at an end of the axis does not stick out."""
    if place <= 1:
        return "left"
    return "right" if place >= width - 1 else "center"


def _text_width(label: str) -> float:
    return sum(_WIDTHS.get(letter, _DIGIT_WIDTH) for letter in label)


def _extent(place: float, width: float, side: Side) -> tuple[float, float]:
    start = place - _BEFORE_ITS_PLACE[side] * width
    return start, start + width


def _without_overlap(extents: Sequence[tuple[float, float]]) -> Sequence[int]:
    """All of them; or every second, or every fourth, where these overlap; or the first and the last."""
    kept: Sequence[int] = range(len(extents))
    while len(kept) > 2 and any(extents[one][1] > extents[other][0] for one, other in pairwise(kept)):
        kept = kept[::2]
    return kept if len(kept) > 2 else (0, len(extents) - 1)
