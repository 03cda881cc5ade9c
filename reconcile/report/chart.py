"""The chart of which every waterfall is a part: its layers, its measures, its colours. Altair writes it down."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

ROW_HEIGHT = 27
PLOT_WIDTH = 262
NAMES_WIDTH = 140
MARGIN_RIGHT = 8
MARGIN_TOP = 4
MARGIN_BOTTOM = 44
AXIS_FONT_SIZE = 11.5
_FONT_SIZE = 12.5

LAYERS = ("grid", "numbers", "bars", "links", "names", "amounts", "breaks", "captions")
"""From the back to the front. Each has a data set of its own name."""

MEASURED = "measured"
"""Beside the layers: names as they are once they are cut to the width that they have."""

# Blue and vermilion stay apart for every kind of colour vision; the page may set the properties, a bare file need not.
COLOURS = {
    "total": "var(--chart-total, #6b7280)",
    "more": "var(--chart-more, #d55e00)",
    "less": "var(--chart-less, #0072b2)",
    "residual": "var(--chart-residual, #c4308a)",
}
_INK = "var(--chart-ink, #1f2328)"
_QUIET = "var(--chart-quiet, #656d76)"
_GRID = "var(--chart-grid, #e5e7eb)"
_SURFACE = "var(--chart-surface, #ffffff)"


@cache
def chart() -> dict[str, Any]:
    """The chart in Vega-Lite, without its data. Across, 1 is the length of a waterfall's axis; down, 1 is a row.

    Texts are blank.
    """
    across = alt.Scale(domain=[0, 1], nice=False, zero=False)
    down = alt.Scale(domain=[0, 1], nice=False, zero=False, reverse=True)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=across, axis=None)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=down, axis=None)

    def layer(name: str) -> alt.Chart:
        return alt.Chart(alt.NamedData(name), name=name)

    fill, stroke = alt.Color("colour:N", scale=None), alt.Stroke("colour:N", scale=None)
    grid = layer("grid").mark_rule(color=_GRID, xOffset=0.5, yOffset=0.5, y2Offset=0.5)
    numbers = layer("numbers").mark_text(
        align=alt.ExprRef("datum.side"), baseline="top", dx=0.5, dy=6.5, fontSize=AXIS_FONT_SIZE, color=_QUIET
    )
    bars = layer("bars").mark_bar(strokeWidth=1.5)
    links = layer("links").mark_rule(color=_QUIET)
    names = layer("names").mark_text(align="right")
    amounts = layer("amounts").mark_text(align="left", dx=6)
    breaks = layer("breaks").mark_text(fontSize=19, fontWeight="bold", color=_SURFACE)
    captions = layer("captions").mark_text(align="left", baseline="top", dy=25.5, fontSize=12, color=_QUIET)
    measured = layer(MEASURED).mark_text(limit=NAMES_WIDTH - 12)
    specification: dict[str, Any] = (
        alt.layer(
            grid.encode(x("x"), y("top"), y2="bottom:Q"),
            numbers.encode(x("x"), y("y")),
            bars.encode(x("from"), y("top"), fill, stroke, x2="to:Q", y2="bottom:Q"),
            links.encode(x("x"), y("top"), y2="bottom:Q"),
            names.encode(y("y"), x=alt.value(-10)),
            amounts.encode(x("x"), y("y")),
            breaks.encode(y("y"), x=alt.value(13)),
            captions.encode(y("y"), x=alt.value(6 - NAMES_WIDTH)),
            measured.encode(x=alt.value(0), y=alt.value(0), text="name:N"),
        )
        .properties(width=PLOT_WIDTH, height=ROW_HEIGHT)
        .configure(autosize=alt.AutoSizeParams(type="none"), background="transparent", aria=False)
        .configure_mark(invalid=None)
        .configure_text(text="", fontSize=_FONT_SIZE, color=_INK)
        .to_dict(validate=False)
    )
    return specification
