from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from reconcile.report.agreement import agreements
from reconcile.report.order import compare_order

from .agreeing import small_run
from .runs import INPUT


def test_a_flip_is_a_pair_that_two_tools_order_oppositely() -> None:
    found = compare_order({"a": 1, "b": 2, "c": 4}, {"a": 1, "b": 10, "c": 5})
    assert (found.model_pairs, found.flipped, found.tied, found.kendall_tau) == (3, 1, 0, Fraction(1, 3))
    (flip,) = found.flips
    assert (flip.lower, flip.upper, flip.gap, flip.other_gap) == ("b", "c", 0.5, 0.5)


def test_a_tie_is_neither_the_one_nor_the_other() -> None:
    found = compare_order({"a": 1, "b": 1, "c": 2}, {"a": 2, "b": 1, "c": 1})
    assert (found.model_pairs, found.flipped, found.tied, found.kendall_tau) == (3, 1, 2, Fraction(-1, 3))


def test_the_order_of_the_small_run() -> None:
    compute, parameters = agreements(small_run())
    orders = {(pair.tool.name, pair.other.name): pair.order for pair in compute.pairs}
    assert {tools: (order.model_pairs, order.flipped, order.tied) for tools, order in orders.items()} == {
        ("first", "second"): (3, 0, 0),
        ("first", "third"): (6, 1, 0),
        ("first", "reference"): (6, 1, 1),
        ("second", "third"): (3, 1, 0),
        ("second", "reference"): (3, 1, 0),
        ("third", "reference"): (6, 0, 1),
    }
    (flip,) = orders["first", "third"].flips
    assert (flip.lower, flip.upper, flip.gap, flip.other_gap) == (("c", INPUT), ("b", INPUT), 1 / 4, 1 / 3)
    assert [(pair.order.model_pairs, pair.order.tied) for pair in parameters.pairs] == [(1, 1), (1, 1), (1, 1)]


def test_the_widest_gap_that_both_see_comes_first() -> None:
    ours = {"a": 10, "b": 100, "c": 1_000}
    theirs = {"a": 30, "b": 20, "c": 10}
    # By the narrower of the two gaps: a and c 2/3 (of 0.99), b and c 1/2 (of 0.9), a and b 1/3 (of 0.9).
    flips = compare_order(ours, theirs).flips
    assert [(flip.lower, flip.upper) for flip in flips] == [("a", "c"), ("b", "c"), ("a", "b")]


def test_twenty_flips_are_kept_and_all_are_counted() -> None:
    found = compare_order(
        {number: number for number in range(1, 11)}, {number: -number + 99 for number in range(1, 11)}
    )
    assert (found.flipped, len(found.flips), found.kendall_tau) == (45, 20, -1)


def test_numbers_that_no_float_tells_apart_are_ordered() -> None:
    huge = 2**80
    assert compare_order({"a": huge, "b": huge + 1}, {"a": huge + 1, "b": huge}).flipped == 1
    assert compare_order({"a": huge, "b": huge + 1}, {"a": huge, "b": huge}).tied == 1


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_counts_are_those_of_counting_one_by_one(numbers: list[tuple[int, int]]) -> None:
    one = {model: ours for model, (ours, _) in enumerate(numbers)}
    other = {model: theirs for model, (_, theirs) in enumerate(numbers)}
    pairs = list(combinations(one, 2))
    flipped = [pair for pair in pairs if (one[pair[0]] - one[pair[1]]) * (other[pair[0]] - other[pair[1]]) < 0]
    tied = [pair for pair in pairs if one[pair[0]] == one[pair[1]] or other[pair[0]] == other[pair[1]]]
    found = compare_order(one, other)
    assert (found.model_pairs, found.flipped, found.tied) == (len(pairs), len(flipped), len(tied))
    assert {frozenset((flip.lower, flip.upper)) for flip in found.flips} <= set(map(frozenset, flipped))
    for flip in found.flips:
        assert one[flip.lower] < one[flip.upper]
        assert other[flip.lower] > other[flip.upper]


def test_no_models_have_no_order() -> None:
    empty: dict[str, int] = {}
    found = compare_order(empty, empty)
    assert (found.model_pairs, found.flipped, found.tied, found.flips, found.kendall_tau) == (0, 0, 0, (), None)
