"""What happened in each run of a history, in words; runs in which nothing did are told together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconcile.changes.trend import Point, Trend
from reconcile.report.numbers import exact


@dataclass(frozen=True, slots=True)
class Event:
    """A run, or several in a row in which nothing changed.

    ``name`` is the run's, empty for several; ``is_told`` is whether a page says what it changed.
    """

    name: str
    when: str
    words: tuple[str, ...]
    is_told: bool = False


_KINDS = {
    "column": ("column", "columns"),
    "model": ("model", "models"),
    "rule": ("rule", "rules"),
    "number": ("number", "numbers"),
    "count": ("native count", "native counts"),
    "status": ("failure that came or went", "failures that came or went"),
    "explanation": ("explanation", "explanations"),
    "metric": ("metric", "metrics"),
    "verdict": ("verdict", "verdicts"),
    "cost": ("cost", "costs"),
}


def events(found: Trend) -> tuple[Event, ...]:
    """What happened, the latest run first."""
    moved = Counter(step.run for item in found.series for step in item.steps[1:])
    words = [
        tuple(_words(before, point, moved[run]))
        for run, (before, point) in enumerate(zip((None, *found.points), found.points, strict=False))
    ]
    return tuple(_together(found.points, words))[::-1]


def _words(before: Point | None, point: Point, moved: int) -> Iterator[str]:
    if before is None:
        yield "the first run"
        return
    for then, now in ((before.versions, point.versions), (before.tools, point.tools)):
        yield from _versions(then, now)
    yield from (f"{tool} is gone" for tool in before.tools if tool not in point.tools)
    yield from (f"{tool} is new" for tool in point.tools if tool not in before.tools)
    changes = point.changes if point.changes is not None else {"number": moved}
    for kind, (one, many) in _KINDS.items():
        if number := changes.get(kind):
            yield f"{exact(number)} {one if number == 1 else many}"


def _versions(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in now:
        if name in then and then[name] != now[name]:
            yield f"{name} {then[name]} → {now[name]}"


def _together(points: tuple[Point, ...], words: list[tuple[str, ...]]) -> Iterator[Event]:
    quiet: list[Point] = []
    for point, said in zip(points, words, strict=True):
        if said:
            yield from _quiet(quiet)
            quiet = []
            yield Event(point.name, point.started[:10], said, point.changes is not None)
        else:
            quiet.append(point)
    yield from _quiet(quiet)


def _quiet(points: list[Point]) -> Iterator[Event]:
    if len(points) == 1:
        yield Event(points[0].name, points[0].started[:10], ("nothing changed",), points[0].changes is not None)
    elif points:
        when = f"{points[0].started[:10]} to {points[-1].started[:10]}"
        yield Event("", when, (f"nothing changed in {exact(len(points))} runs",))
