"""The way from the reference to a tool's number as a waterfall: a chart of its steps as a static SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import escape

from reconcile.diff.result import Reconciliation
from reconcile.report.axis import Axis, axis_of
from reconcile.report.drawing import draw, size
from reconcile.report.marks import Waterfall
from reconcile.report.numbers import exact, si, signed
from reconcile.report.steps import Step, waterfall_steps

_UNITS = {"MAC": "multiply-adds (MAC)", "FLOP": "operations (FLOP)", "parameter": "parameters"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One difference that is shown as a waterfall."""

    model: str
    tool: str
    reconciliation: Reconciliation


def waterfall_svg(reconciliation: Reconciliation, model: str, tool: str) -> str:
    """The chart as an SVG element to put into a page: no script, no font, nothing fetched, and ids that are its own."""
    return waterfall_svgs([Shown(model, tool, reconciliation)])[0]


def waterfall_svgs(shown: Sequence[Shown]) -> tuple[str, ...]:
    """Many charts at once: together they take a fraction of the time that they take one by one."""
    waterfalls = [_waterfall(one) for one in shown]
    drawings = draw(waterfalls)
    return tuple(map(_as_figure, shown, waterfalls, drawings))


def _waterfall(shown: Shown) -> Waterfall:
    steps = waterfall_steps(shown.reconciliation, shown.tool)
    axis = axis_of(steps)
    return Waterfall(steps, axis, _caption(shown.reconciliation, axis))


def _caption(reconciliation: Reconciliation, axis: Axis) -> str:
    unit = _UNITS.get(reconciliation.unit, reconciliation.unit)
    if reconciliation.reference_unit != reconciliation.unit:
        unit = f"from {reconciliation.reference_unit} to {reconciliation.unit}"
    return unit if axis.start <= 0 else f"{unit}; the axis starts at {si(round(axis.start))}, not at 0"


def _as_figure(shown: Shown, waterfall: Waterfall, drawing: str) -> str:
    width, height = size(waterfall)
    identity = "\n".join((shown.model, shown.tool, shown.reconciliation.metric))
    prefix = "w" + sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    title = f"From the reference to {shown.tool}: {shown.reconciliation.metric} of {shown.model}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="waterfall" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{prefix}-title {prefix}-description">'
        f'<title id="{prefix}-title">{escape(title)}</title>'
        f'<desc id="{prefix}-description">{escape(_description(waterfall.steps))}</desc>{drawing}</svg>'
    )


def _description(steps: Sequence[Step]) -> str:
    return "; ".join(f"{step.name} {exact(step.end) if step.is_total else signed(step.delta)}" for step in steps) + "."
