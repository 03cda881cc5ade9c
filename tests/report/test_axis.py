from __future__ import annotations

import re
from itertools import pairwise

import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st

from reconcile.report.axis import Axis, axis_of, round_numbers, ticks
from reconcile.report.steps import waterfall_steps

from .runs import layer, reconciliation, resnet_like

CAUSES = st.dictionaries(st.sampled_from(["unit", "bias", "formula", "softmax"]), st.integers(-(2**70), 2**70))
AXES = st.builds(lambda start, length: Axis(start, start + length), st.integers(0, 10**9), st.integers(9, 10**15))


def labels(axis: Axis, width: float = 262) -> list[str]:
    return [tick.label for tick in ticks(axis, width, 11.5)]


def drawn_by_vega(axis: Axis) -> list[float]:
    value = {"signal": "'' + datum.value"}
    drawn = vl_convert.vega_to_svg(
        {
            "$schema": "https://vega.github.io/schema/vega/v6.json",
            "width": 262,
            "scales": [{"name": "x", "domain": [axis.start, axis.end], "range": "width", "zero": False}],
            "axes": [
                {
                    "scale": "x",
                    "orient": "bottom",
                    "tickCount": 3,
                    "labelOverlap": False,
                    "encode": {"labels": {"update": {"text": value}}},
                }
            ],
        }
    )
    return [float(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)]


@given(st.integers(0, 2**70), CAUSES)
def test_every_bar_is_inside_the_axis(reference: int, causes: dict[str, int]) -> None:
    steps = waterfall_steps(reconciliation(layer("a", "A", reference, **causes)), "thop")
    axis = axis_of(steps)
    assert axis.start < axis.end
    assert all(0 <= axis.share(step.end) <= 1 for step in steps)


def test_small_causes_beside_a_large_reference_are_made_visible() -> None:
    axis = axis_of(waterfall_steps(resnet_like(), "thop"))
    assert axis.share(axis.start + 44_000_000) > 0.5


def test_large_causes_are_shown_from_zero() -> None:
    item = reconciliation(layer("a", "A", 100, unseen_function=-80))
    assert axis_of(waterfall_steps(item, "thop")).start == 0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 138, (0, 50, 100)),
        (0, 210, (0, 50, 100, 150, 200)),
        (0, 213, (0, 100, 200)),
        (101.5, 104.2, (102, 103, 104)),
        (0, 1.38, (0, 1)),
        (-70, 20, (-60, -40, -20, 0, 20)),
        (2_834_161_250, 2_834_163_700, (2_834_162_000, 2_834_163_000)),
    ],
)
def test_ticks_are_at_round_numbers(start: float, end: float, expected: tuple[int, ...]) -> None:
    assert round_numbers(Axis(start, end)) == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 15), (0, 4242), (0, 5.7e9), (4.0887e9, 4.1508e9), (-3e6, 1e6), (714185162.24, 714215176.9088), (0, 1e21)],
)
def test_ticks_are_where_vega_has_them(start: float, end: float) -> None:
    assert list(round_numbers(Axis(start, end))) == drawn_by_vega(Axis(start, end))


@given(AXES)
def test_ticks_are_few_evenly_apart_and_on_the_axis(axis: Axis) -> None:
    numbers = round_numbers(axis)
    assert 1 <= len(numbers) <= 6
    assert axis.start <= numbers[0]
    assert numbers[-1] <= axis.end
    steps = {after - before for before, after in pairwise(numbers)}
    assert {str(step).rstrip("0") for step in steps} <= {"1", "2", "5"}
    assert len(steps) <= 1


def test_numbers_have_all_the_digits_that_tell_them_apart() -> None:
    assert labels(Axis(714_185_162, 714_215_177)) == ["714.19 M", "714.2 M", "714.21 M"]
    assert labels(Axis(2_834_161_490, 2_834_163_120)) == ["2.8341615 G", "2.834162 G", "2.8341625 G", "2.834163 G"]
    assert labels(Axis(0, 210)) == ["0", "50", "100", "150", "200"]
    assert labels(Axis(-70, 20)) == ["−60", "−40", "−20", "0", "20"]


def test_numbers_that_would_touch_are_left_out() -> None:
    # Each is 72.9 pixels wide: at 11.5 pixels, nine digits of 0.556, a point and a space of 0.278, a G of 0.778.
    axis = Axis(12_000_000_100, 12_000_000_650)
    assert labels(axis, 201) == ["12.0000002 G", "12.0000004 G", "12.0000006 G"]  # 73.1 pixels apart
    assert labels(axis, 200) == ["12.0000002 G", "", "12.0000006 G"]  # 72.7 pixels apart


@given(AXES)
def test_the_first_number_is_written_and_another_one(axis: Axis) -> None:
    written = [position for position, label in enumerate(labels(axis)) if label]
    assert written[0] == 0
    assert len(written) >= min(2, len(labels(axis)))


def test_a_number_at_an_end_does_not_stick_out() -> None:
    assert [tick.side for tick in ticks(Axis(0, 400), 262, 11.5)] == ["left", "center", "center", "center", "right"]
    assert [tick.side for tick in ticks(Axis(-10, 410), 262, 11.5)] == ["center"] * 5
