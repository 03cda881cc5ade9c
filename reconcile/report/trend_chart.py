"""How a column's numbers moved from run to run, as a chart: a line for each model that moved, versions on the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import vl_convert

from reconcile.changes.trend import Series

WIDTH, HEIGHT = 1080, 150
_MARGIN = 46
_DATES = 8
"""How many runs are dated on the axis."""

_LABEL_ROWS = 3
"""Labels of versions stand in so many rows, so that near ones do not cover each other."""

_LABEL_SHARE = 0.16
"""Of the chart's width, for a label."""

_QUIET, _GRID = "var(--chart-quiet, #656d76)", "var(--chart-grid, #e5e7eb)"
_LINE, _VERSION = "var(--chart-less, #0072b2)", "var(--chart-more, #d55e00)"


@dataclass(frozen=True, slots=True)
class Mark:
    """A version, and the run from which on it was used, by its place."""

    run: int
    label: str


def trend_svg(title: str, dates: Sequence[str], series: Sequence[Series], versions: Sequence[Mark]) -> str:
    """The chart as an SVG element: numbers over the first number of their model, from run to run.

    No script, no font, nothing fetched. A run takes the space up to the next one; a model without a number at a run
    has a gap there.
    """
    runs = len(dates)
    lines = [point for place, item in enumerate(series) for point in _line(place, item, runs)]
    marks = [
        {"x": mark.run, "label": mark.label, "row": row}
        for mark, row in zip(versions, _rows(versions, runs), strict=True)
    ]
    every = max(1, -(-len(dates) // _DATES))
    ticks = [{"x": run, "label": dates[run][:10]} for run in range(0, len(dates), every)]
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, runs], nice=False), axis=None)
    y = alt.Y("y:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4, format="~r", offset=6))
    chart = alt.layer(
        alt.Chart(alt.NamedData("versions")).mark_rule(color=_VERSION, strokeDash=[3, 3]).encode(x),
        alt.Chart(alt.NamedData("numbers"))
        .mark_line(interpolate="step-after", color=_LINE, strokeWidth=1.5, opacity=0.55)
        .encode(x, y, detail="series:N"),
        *(
            alt.Chart(alt.NamedData("versions"))
            .transform_filter(f"datum.row == {row}")
            .mark_text(align="left", baseline="bottom", dx=3, color=_VERSION)
            .encode(x, text="label:N", y=alt.value(-3 - 13 * row))
            for row in range(_LABEL_ROWS)
        ),
        alt.Chart(alt.NamedData("dates"))
        .mark_text(align="left", baseline="top", color=_QUIET)
        .encode(x, text="label:N", y=alt.value(HEIGHT + 6)),
    )
    specification = (
        chart.properties(width=WIDTH - _MARGIN - 90, height=HEIGHT)
        .configure(background="transparent", aria=False, padding={"left": 4, "right": 90, "top": 4, "bottom": 4})
        .configure_axis(gridColor=_GRID, labelColor=_QUIET, domain=False, ticks=False, labelFontSize=11.5)
        .configure_view(stroke=None)
        .configure_text(fontSize=11.5)
        .to_dict(validate=False)
    )
    specification["datasets"] = {"versions": marks, "numbers": lines, "dates": ticks}
    drawing = vl_convert.vegalite_to_svg(specification)
    return drawing.replace("<svg ", f'<svg role="img" aria-label="{_attribute(title)}" ', 1)


def _rows(versions: Sequence[Mark], runs: int) -> list[int]:
    """The lowest row for each label in which it stands clear of the one before."""
    free = [float("-inf")] * _LABEL_ROWS
    rows = []
    for mark in versions:
        row = next((row for row, end in enumerate(free) if end <= mark.run), _LABEL_ROWS - 1)
        free[row] = mark.run + _LABEL_SHARE * runs
        rows.append(row)
    return rows


def _line(place: int, item: Series, end: int) -> list[dict[str, float | int | None]]:
    """A model's numbers over its first one, at each run where they begin, and at the end of the last run."""
    first = next((step.value for step in item.steps if step.value), None)
    if first is None:
        return []
    points: list[dict[str, float | int | None]] = [
        {"series": place, "x": step.run, "y": None if step.value is None else step.value / first} for step in item.steps
    ]
    return [*points, {**points[-1], "x": end}]


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
