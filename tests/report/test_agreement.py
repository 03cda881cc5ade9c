from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.diff.result import Reconciliation
from reconcile.report.agreement import Agreement, Pair, agreements, columns_of, ratio
from reconcile.report.common_unit import causes_between, level
from reconcile.run.result import Run

from .agreeing import cell, small_run
from .runs import INPUT, layer, nasty_run, reconciliation


def compute(run: Run) -> Agreement:
    return agreements(run)[0]


def pair(found: Agreement, tool: str, other: str) -> Pair:
    return next(pair for pair in found.pairs if (pair.tool.name, pair.other.name) == (tool, other))


def between(run: Run, tool: str, other: str, model: str) -> dict[str, int]:
    columns = {column.name: column for column in columns_of(run, "compute")}
    return causes_between(columns[tool].levels[model, INPUT], columns[other].levels[model, INPUT])


def test_numbers_are_brought_to_one_unit() -> None:
    values = {
        column.name: [item.value for item in column.levels.values()] for column in columns_of(small_run(), "compute")
    }
    assert values == {
        "first": [200, 400, 300, 620],
        "second": [200, 410, 300],
        "third": [100, 200, 300, 350],
        "reference": [200, 400, 600, 600],
    }


@pytest.mark.parametrize(
    ("tool", "other", "models", "equal", "median", "largest", "at"),
    [
        ("first", "second", 3, 2, Fraction(1), Fraction(41, 40), "b"),
        ("first", "third", 4, 1, Fraction(66, 35), Fraction(2), "a"),
        ("second", "third", 3, 1, Fraction(2), Fraction(41, 20), "b"),
        ("first", "reference", 4, 2, Fraction(61, 60), Fraction(2), "c"),
        ("third", "reference", 4, 0, Fraction(2), Fraction(2), "a"),
    ],
)
def test_pairs_are_those_worked_out_by_hand(
    tool: str, other: str, models: int, equal: int, median: Fraction, largest: Fraction, at: str
) -> None:
    found = pair(compute(small_run()), tool, other)
    assert (found.models, found.equal) == (models, equal)
    assert (found.median_ratio, found.largest_ratio, found.largest_ratio_model) == (median, largest, (at, INPUT))


def test_tools_are_compared_without_the_reference() -> None:
    found = agreements(small_run())
    assert [(item.metric, item.equal, item.compared) for item in found] == [("compute", 4, 10), ("params", 1, 2)]


def test_causes_are_those_of_one_tool_less_those_of_the_other() -> None:
    run = small_run()
    assert between(run, "first", "second", "b") == {"bias": -10}
    assert between(run, "first", "third", "c") == {"attention": -300, "unit": 300}
    assert between(run, "first", "third", "d") == {"bias": 20, "unexplained": -50, "unit": 300}


def test_what_both_leave_out_sets_them_not_apart_whatever_their_units() -> None:
    assert between(small_run(), "first", "second", "c") == {}
    assert between(small_run(), "second", "reference", "c") == {"attention": -300}


def test_causes_of_a_pair_are_counted_by_model_and_magnitude() -> None:
    found = pair(compute(small_run()), "first", "third").causes
    assert [(cause.code, cause.models, cause.magnitude, cause.gross) for cause in found] == [
        ("unit", 4, 900, 1270),
        ("attention", 1, 300, 1270),
        ("unexplained", 1, 50, 1270),
        ("bias", 1, 20, 1270),
    ]


COUNTS = st.integers(min_value=-(2**70), max_value=2**70)
CODES = ["unit", "bias", "attention", "unseen-function", "unexplained"]
ITEMS = st.builds(
    lambda unit, causes, residual: reconciliation(
        layer("", "Net", 2**65 + 1, residual, **{code.replace("-", "_"): delta for code, delta in causes.items()}),
        unit=unit,
    ),
    st.sampled_from(["MAC", "FLOP"]),
    st.dictionaries(st.sampled_from(CODES), COUNTS),
    COUNTS,
)


@given(ITEMS, ITEMS)
def test_the_causes_of_a_pair_sum_to_its_difference(one: Reconciliation, other: Reconciliation) -> None:
    ours, theirs = level(one), level(other)
    assert sum(ours.causes.values()) == ours.value - ours.reference
    assert ours.reference == theirs.reference == 2 * (2**65 + 1)
    assert sum(causes_between(ours, theirs).values()) == ours.value - theirs.value


def test_a_reference_in_flops_is_brought_to_the_unit_too() -> None:
    half = replace(reconciliation(layer("", "Net", 200, unit=-100)), reference_unit="FLOP")
    assert (level(half).value, level(half).reference, level(half).causes) == (200, 200, {})


def test_nothing_is_infinitely_far_from_something() -> None:
    assert [ratio(0, 0), ratio(0, 3), ratio(3, 0), ratio(2, 3)] == [1, inf, inf, Fraction(3, 2)]


def test_numbers_beyond_any_float_are_compared_exactly() -> None:
    huge = 2**70
    cells = (cell("first", "a", huge), cell("second", "a", huge, bias=1))
    found = pair(compute(replace(small_run(), cells=cells)), "first", "second")
    assert (found.equal, found.largest_ratio) == (0, Fraction(huge + 1, huge))


def test_one_model_at_two_inputs_is_two_models() -> None:
    cells = [replace(cell(tool, "a", 100), input=given) for tool in ("first", "second") for given in ("1x3", "1x4")]
    found = compute(replace(small_run(), cells=tuple(cells)))
    assert pair(found, "first", "second").models == 2
    assert found.models == (("a", "1x3"), ("a", "1x4"))


def test_one_tool_is_compared_with_the_reference_alone() -> None:
    found = compute(replace(small_run(), tools=("first",), cells=small_run().cells[:4]))
    assert [(item.tool.name, item.other.name) for item in found.pairs] == [("first", "reference")]
    assert found.compared == 0


def test_one_model_has_no_order() -> None:
    found = pair(compute(replace(small_run(), cells=(small_run().cells[0],))), "first", "reference")
    assert (found.models, found.order.model_pairs, found.order.kendall_tau) == (1, 0, None)


def test_tools_without_a_common_model_have_no_ratio() -> None:
    cells = (cell("first", "a", 100), cell("second", "b", 100))
    found = pair(compute(replace(small_run(), cells=cells)), "first", "second")
    assert (found.models, found.median_ratio, found.largest_ratio, found.causes) == (0, None, None, ())


def test_a_run_without_a_number_has_no_columns() -> None:
    failed = tuple(item for item in nasty_run().cells if item.status != "ok")
    assert [item.columns for item in agreements(replace(nasty_run(), cells=failed))] == [(), ()]
