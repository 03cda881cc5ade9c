from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.result import Reconciliation
from reconcile.report import drawing
from reconcile.report.steps import waterfall_steps
from reconcile.report.waterfall import Shown, waterfall_svg, waterfall_svgs

from .runs import SCRIPT, layer, parameters, reconciliation, resnet_like

RECONCILIATIONS = st.builds(
    lambda reference, residual, causes: reconciliation(layer("a", "A", reference, residual=residual, **causes)),
    st.integers(0, 2**70) | st.integers(0, 100),
    st.integers(-(2**70), 2**70) | st.integers(-100, 100),
    st.dictionaries(st.sampled_from(["unit", "bias", "formula"]), st.integers(-(2**70), 2**70) | st.integers(-9, 9)),
)
ITEMS = (
    resnet_like(),
    reconciliation(layer("a", "A", 100, unseen_function=-80)),
    resnet_like(residual=-3),
    parameters(7, unit=7),
    reconciliation(layer("a", "A", 0, bias=5, softmax=-9)),
)


def texts(figure: str) -> list[str]:
    root = ET.fromstring(figure)  # noqa: S314  # our own drawing
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def bars(figure: str) -> list[tuple[float, float]]:
    """Where each bar starts and how long it is, in pixels."""
    return [(float(start), float(length)) for start, length in re.findall(r'd="M([\d.-]+),[\d.-]+h([\d.-]+)', figure)]


def shown(items: Sequence[Reconciliation]) -> list[Shown]:
    return [Shown(f"model {position}", "thop", item) for position, item in enumerate(items)]


def test_drawn_together_they_are_as_drawn_alone() -> None:
    together = waterfall_svgs(shown(ITEMS))
    assert list(together) == [waterfall_svg(one.reconciliation, one.model, one.tool) for one in shown(ITEMS)]
    assert len(set(together)) == len(ITEMS)


def test_causes_that_cancel_out_keep_their_rows() -> None:
    item = reconciliation(layer("a", "A", 100, bias=5, unit=1), layer("b", "B", 0, bias=-5))
    written = texts(waterfall_svg(item, "net", "thop"))
    assert written[-11:-3] == ["reference", "unit", "bias", "thop", "100", "+1", "0", "101"]


@settings(max_examples=25, deadline=None)
@given(st.lists(RECONCILIATIONS, min_size=1, max_size=20))
def test_whatever_the_numbers_are_every_step_has_its_bar(items: list[Reconciliation]) -> None:
    for figure, item in zip(waterfall_svgs(shown(items)), items, strict=True):
        steps = waterfall_steps(item, "thop")
        assert len(re.findall("<path", figure)) == len(steps)
        assert [step.name for step in steps if step.name in texts(figure)] == [step.name for step in steps]


def test_no_waterfall_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", None)
    assert waterfall_svgs([]) == ()


def test_many_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    draw = vl_convert.vegalite_to_svg
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", lambda chart: calls.append(1) or draw(chart))
    waterfall_svgs(shown(ITEMS * 20))
    assert calls == [1]


def test_every_step_is_a_row_with_its_name_and_amount() -> None:
    written = texts(waterfall_svg(ITEMS[1], "net", "thop"))
    assert written == [
        "0", "50", "100",
        "reference", "unseen-function", "thop",
        "100", "−80", "20",
        "multiply-adds (MAC)",
    ]  # fmt: skip  # one entry a line would fill the page


def test_an_axis_that_does_not_start_at_zero_is_marked() -> None:
    written = texts(waterfall_svg(resnet_like(), "net", "thop"))
    assert written.count("//") == 2
    assert written[-1] == "multiply-adds (MAC); the axis starts at 4.081 G, not at 0"


def test_bars_have_the_length_of_what_they_show() -> None:
    # The axis leads from 0 to 138 over 262 pixels: 38 parts in a hundred are kept free for the last amount.
    (reference, cause, tool) = bars(waterfall_svg(ITEMS[1], "net", "thop"))
    assert reference == pytest.approx((0, 100 / 138 * 262))
    assert cause == pytest.approx((20 / 138 * 262, 80 / 138 * 262))
    assert tool == pytest.approx((0, 20 / 138 * 262))


def test_bars_are_coloured_by_what_they_add() -> None:
    figure = waterfall_svg(reconciliation(layer("a", "A", 100, residual=3, bias=5, softmax=-9)), "net", "thop")
    kinds = re.findall(r'<path [^>]*fill="var\(--chart-(\w+),', figure)
    assert kinds == ["total", "less", "more", "residual", "total"]


def test_a_name_that_is_too_wide_is_cut() -> None:
    (name,) = [text for text in texts(waterfall_svg(resnet_like(), "net", "w" * 60)) if text.startswith("w")]
    assert name.endswith("…")
    assert 8 < len(name) < 16  # there are 128 pixels, and a w has 9


@pytest.mark.parametrize("cause", ["unsupported-layer", "double-counting", "ptflops-pytorch"])
def test_a_name_of_ours_is_whole(cause: str) -> None:
    assert cause in texts(waterfall_svg(reconciliation(layer("a", "A", 5, **{cause: 4})), "net", "thop"))


@pytest.mark.parametrize("name", [SCRIPT, "a & b", "", "  ", "new\nline", "\ud800", "nul\0", "\x1b[1m", "\uffff", "𝒳"])
def test_any_name_is_drawn(name: str) -> None:
    figures = waterfall_svgs([Shown("net", name, ITEMS[0]), Shown("net", "thop", ITEMS[1])])
    assert "<script" not in figures[0]
    assert "thop" in texts(figures[1])


def test_text_is_measured_for_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sheets = []
    draw = vl_convert.vegalite_to_svg
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", lambda chart: sheets.append(draw(chart)) or sheets[0])
    waterfall_svgs(shown(ITEMS))
    assert sorted(re.findall(r"<text [^>]*>([^<]+)</text>", sheets[0])) == sorted(
        {"reference", "thop", "normalization", "bias", "formula", "softmax", "unit", "unseen-function", "unexplained"}
    )


def test_a_renderer_that_draws_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_draw_sheet", lambda marks, names: "<svg></svg>")
    with pytest.raises(ValueError, match="zip"):
        waterfall_svgs(shown(ITEMS))
