"""The way from the reference to a tool's number as a waterfall: its steps, and a chart of them as a static SVG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Literal

import altair as alt
import vl_convert
from markupsafe import escape

from reconcile.diff.result import Reconciliation
from reconcile.report.breakdown import RESIDUAL
from reconcile.report.numbers import exact, si, signed, signed_si

StepKind = Literal["reference", "cause", "residual", "tool"]

ROW_HEIGHT = 27
PLOT_WIDTH = 262
LABEL_WIDTH = 140
_HALF_BAR = 0.32
_ROOM_FOR_LABELS = 0.38
_DRAWN_PARTS = 10**9
_SHORT_WAY = 0.4
_UNITS = {"MAC": "multiply-adds (MAC)", "FLOP": "operations (FLOP)", "parameter": "parameters"}

# Blue and vermilion stay apart for every kind of colour vision; the page may set the properties, a bare file need not.
_COLOURS = {
    "total": "var(--chart-total, #6b7280)",
    "more": "var(--chart-more, #d55e00)",
    "less": "var(--chart-less, #0072b2)",
    "residual": "var(--chart-residual, #c4308a)",
}
_INK = "var(--chart-ink, #1f2328)"
_QUIET = "var(--chart-quiet, #656d76)"
_GRID = "var(--chart-grid, #e5e7eb)"
_SURFACE = "var(--chart-surface, #ffffff)"


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: a total stands from 0 to its value, a cause leads from the sum before it to the sum after it."""

    kind: StepKind
    name: str
    start: int
    end: int

    @property
    def delta(self) -> int:
        """What the step adds."""
        return self.end - self.start


def waterfall_steps(reconciliation: Reconciliation, tool: str) -> tuple[Step, ...]:
    """The reference, each cause in turn, what is unexplained where there is some, and the tool's value."""
    steps = [Step("reference", "reference", 0, reconciliation.reference)]
    running = reconciliation.reference
    for share in reconciliation.causes:
        steps.append(Step("cause", share.cause, running, running + share.delta))
        running += share.delta
    if reconciliation.residual:
        steps.append(Step("residual", RESIDUAL, running, running + reconciliation.residual))
    return (*steps, Step("tool", tool, 0, reconciliation.value))


def waterfall_svg(reconciliation: Reconciliation, model: str, tool: str) -> str:
    """The chart as an SVG element to put into a page: no script, no font, nothing fetched, and ids that are its own."""
    steps = waterfall_steps(reconciliation, tool)
    drawing = str(vl_convert.vegalite_to_svg(_specification(steps, reconciliation)))
    identity = "\n".join((model, tool, reconciliation.metric))
    return _as_figure(drawing, identity, _title(reconciliation, model, tool), _description(steps))


def axis_domain(steps: tuple[Step, ...]) -> tuple[float, float]:
    """Where the axis starts and ends. It starts above 0 where the way between the totals is short beside them."""
    reached = [step.end for step in steps]
    low, high = min(reached), max(reached)
    spread = high - low
    invisible = spread * _DRAWN_PARTS <= high  # nothing to make visible, or too little for the axis's own numbers
    starts_at_zero = low <= 0 or invisible or spread > _SHORT_WAY * high
    start = min(low, 0) if starts_at_zero else max(low - 0.18 * spread, 0)
    return float(start), float(high + _ROOM_FOR_LABELS * ((high - start) or 1))


def _specification(steps: tuple[Step, ...], reconciliation: Reconciliation) -> dict[str, Any]:
    start, end = axis_domain(steps)
    rows = [_row(position, step, start) for position, step in enumerate(steps)]
    links = [
        {"at": float(step.end), "top": position + _HALF_BAR, "bottom": position + 1 - _HALF_BAR}
        for position, step in enumerate(steps[:-1])
    ]
    parameters = {
        "axis_start": start,
        "axis_end": end,
        "rows": len(steps),
        "caption": _caption(reconciliation, start),
    }
    return {
        **_template(),
        "height": ROW_HEIGHT * len(steps),
        "params": [{"name": name, "value": value} for name, value in parameters.items()],
        "datasets": {"steps": rows, "links": links, "breaks": [row for row in rows if start > 0 and row["is_total"]]},
    }


@cache
def _template() -> dict[str, Any]:
    """The chart without its numbers. Altair takes longer to put it together than the renderer to draw it."""
    x_scale = alt.Scale(domain=[alt.ExprRef("axis_start"), alt.ExprRef("axis_end")], nice=False, zero=False)
    y_scale = alt.Scale(domain=[-0.5, alt.ExprRef("rows - 0.5")], reverse=True, nice=False, zero=False)
    label = "replace(format(datum.value, '~s'), regexp('([kMGTPE])$'), ' $1')"
    x_axis = alt.Axis(title=None, labelExpr=label, tickCount=3, labelOverlap=True, labelFlush=True)
    steps, links, breaks = (alt.Chart(alt.NamedData(name)) for name in ("steps", "links", "breaks"))

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=x_scale, axis=x_axis)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=None)

    fill, stroke = alt.Color("colour:N", scale=None), alt.Stroke("colour:N", scale=None)
    bars = steps.mark_bar(strokeWidth=1.5).encode(x("from"), y("top"), fill, stroke, x2="to:Q", y2="bottom:Q")
    connectors = links.mark_rule(color=_QUIET).encode(x("at"), y("top"), y2="bottom:Q")
    names = steps.mark_text(align="right", fontSize=12.5, color=_INK, limit=LABEL_WIDTH - 12)
    amounts = steps.mark_text(align="left", dx=6, fontSize=12.5, color=_INK)
    slashes = breaks.mark_text(fontSize=19, fontWeight="bold", color=_SURFACE, text="//")
    chart = (
        alt.layer(
            bars,
            connectors,
            names.encode(y("middle"), x=alt.value(-10), text="name:N"),
            amounts.encode(x("label_at"), y("middle"), text="amount:N"),
            slashes.encode(y("middle"), x=alt.value(13)),
        )
        .properties(
            width=PLOT_WIDTH,
            padding={"left": LABEL_WIDTH, "right": 8, "top": 4, "bottom": 44},
            title=alt.TitleParams(
                alt.ExprRef("caption"), orient="bottom", anchor="start", frame="group", offset=8, dx=6 - LABEL_WIDTH
            ),
        )
        .configure(autosize=alt.AutoSizeParams(type="none"), background="transparent", aria=False)
        .configure_view(stroke=None)
        .configure_title(fontSize=12, fontWeight="normal", color=_QUIET)
        .configure_axis(
            domain=False, ticks=False, gridColor=_GRID, labelColor=_QUIET, labelFontSize=11.5, labelPadding=6
        )
    )
    specification: dict[str, Any] = chart.to_dict(validate=False)
    return specification


def _row(position: int, step: Step, axis_start: float) -> dict[str, Any]:
    is_total = step.kind in ("reference", "tool")
    start = axis_start if is_total else float(step.start)
    if is_total:
        colour = _COLOURS["total"]
    elif step.kind == "residual":
        colour = _COLOURS["residual"]
    else:
        colour = _COLOURS["more" if step.delta > 0 else "less"]
    return {
        "name": step.name,
        "amount": _minus(si(step.end) if is_total else signed_si(step.delta)),
        "from": start,
        "to": float(step.end),
        "label_at": max(start, float(step.end)),
        "top": position - _HALF_BAR,
        "middle": position,
        "bottom": position + _HALF_BAR,
        "colour": colour,
        "is_total": is_total,
    }


def _caption(reconciliation: Reconciliation, axis_start: float) -> str:
    unit = _UNITS.get(reconciliation.unit, reconciliation.unit)
    if reconciliation.reference_unit != reconciliation.unit:
        unit = f"from {reconciliation.reference_unit} to {reconciliation.unit}"
    return unit if axis_start <= 0 else f"{unit}; the axis starts at {si(round(axis_start))}, not at 0"


def _title(reconciliation: Reconciliation, model: str, tool: str) -> str:
    return f"From the reference to {tool}: {reconciliation.metric} of {model}"


def _description(steps: tuple[Step, ...]) -> str:
    parts = [
        f"{step.name} {exact(step.end) if step.kind in ('reference', 'tool') else signed(step.delta)}" for step in steps
    ]
    return "; ".join(parts) + "."


def _as_figure(drawing: str, identity: str, title: str, description: str) -> str:
    prefix = "w" + sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    # Renderers number their own ids from 0, and a page holds several drawings.
    drawing = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', drawing)
    drawing = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", drawing)
    size = re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing)
    width, height = size.groups() if size else ("460", "200")
    inside = drawing[drawing.index(">") + 1 :]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="waterfall" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{prefix}-title {prefix}-description">'
        f'<title id="{prefix}-title">{escape(title)}</title>'
        f'<desc id="{prefix}-description">{escape(description)}</desc>{inside}'
    )


def _minus(text: str) -> str:
    return text.replace("-", "−")
