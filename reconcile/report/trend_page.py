"""The history of all runs as a web page: what happened, and how each column's numbers moved on each model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reconcile.changes.trend import Series, Trend
from reconcile.report.html import render
from reconcile.report.names import slug
from reconcile.report.tables import Row, Table
from reconcile.report.trend_chart import Mark, trend_svg
from reconcile.report.trend_events import events

STEP_COLUMNS = ("run", "started", "tool", "tool_version", "metric", "model", "input", "before", "after")


@dataclass(frozen=True, slots=True)
class ToolTrend:
    """One column over all runs: its versions, a chart of its compute if that moved, the series that moved, the rest.

    ``until`` is when the last run with it was, empty if that is the last run of all.
    """

    name: str
    anchor: str
    versions: tuple[tuple[str, str], ...]
    until: str
    chart: Markup | None
    moved: tuple[Series, ...]
    steady: tuple[Series, ...]


def trend_page(found: Trend, latest: str, reports: Sequence[str]) -> str:
    """The page; ``latest`` says in a sentence what the last run changed, ``reports`` which runs have a report there."""
    return render(
        "trend.html.j2",
        found=found,
        latest=latest,
        reports=frozenset(reports),
        events=events(found),
        tools=tuple(_tools(found)),
        dates=[point.started[:10] or point.name for point in found.points],
    )


def steps_table(found: Trend) -> Table:
    """A row for each time that a number became another: the run, the column and its version, then and now."""
    return Table(STEP_COLUMNS, tuple(row for item in found.series for row in _steps(found, item)))


def _steps(found: Trend, item: Series) -> Iterator[Row]:
    for before, step in zip(item.steps, item.steps[1:], strict=False):
        point = found.points[step.run]
        version = point.tools.get(item.tool, "")
        place = (item.tool, version, item.metric, item.model, item.input)
        yield (point.name, point.started, *place, before.value, step.value)


def _numbers(item: Series) -> Iterator[int]:
    return (step.value for step in item.steps if step.value is not None)


def _tools(found: Trend) -> Iterator[ToolTrend]:
    by_tool: dict[str, list[Series]] = defaultdict(list)
    for item in found.series:
        by_tool[item.tool].append(item)
    dates = [point.started or point.name for point in found.points]
    torch = [Mark(run, f"torch {version}") for run, version in found.versions_of_package("torch")][1:]
    for name, series in by_tool.items():
        versions = found.versions_of(name)
        moved = tuple(item for item in series if item.has_moved)
        drawn = [item for item in moved if item.metric == "compute" and len({*_numbers(item)}) > 1]
        last = max((run for run, point in enumerate(found.points) if name in point.tools), default=len(dates) - 1)
        chart = None
        if drawn:
            marks = sorted((*(Mark(*version) for version in versions), *torch), key=lambda mark: mark.run)
            # The drawing is made of numbers, versions and dates, which it escapes.
            chart = Markup(trend_svg(f"Compute of {name} over its first number, by run", dates, drawn, marks))  # noqa: S704  # see above
        yield ToolTrend(
            name=name,
            anchor=slug(name),
            versions=tuple((version, dates[run][:10]) for run, version in versions),
            until="" if last == len(dates) - 1 else dates[last][:10],
            chart=chart,
            moved=moved,
            steady=tuple(item for item in series if not item.has_moved),
        )
