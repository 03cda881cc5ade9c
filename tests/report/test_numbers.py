from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.report.numbers import compact, exact, percent, plural, quantity, ratio, si, signed, signed_si, typeset


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999, "999"), (-999, "-999"), (1000, "1.000 k"), (44_455_936, "44.46 M"), (4_133_742_592, "4.134 G"),
        (999_949, "999.9 k"), (999_950, "1.000 M"), (999_999_999, "1.000 G"), (-7_000_000, "-7.000 M"),
        (2**60, "1.153 E"),
    ],
)  # fmt: skip  # one entry a line would fill the page
def test_si_keeps_four_digits(number: int, text: str) -> None:
    assert si(number) == text


@given(st.integers(-(10**21) + 1, 10**21 - 1))
def test_si_is_within_half_of_its_last_digit(number: int) -> None:
    digits, _, prefix = si(number).partition(" ")
    scale = 1000 ** ["", "k", "M", "G", "T", "P", "E"].index(prefix)
    assert float(digits) * scale == pytest.approx(number, rel=5.1e-4)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (999, "999"), (1000, "1 k"), (2_500_000_000, "2.5 G"), (714_190_000, "714.19 M"),
        (2_834_161_500, "2.8341615 G"), (-20_000, "-20 k"), (2 * 10**18, "2 E"), (5 * 10**21, "5000 E"),
    ],
)  # fmt: skip  # one entry a line would fill the page
def test_a_compact_number_has_the_digits_that_it_needs(number: int, text: str) -> None:
    assert compact(number) == text


@given(st.integers(1, 999), st.integers(0, 18))
def test_a_compact_number_is_exact(digits: int, zeros: int) -> None:
    text, _, prefix = compact(digits * 10**zeros).partition(" ")
    scale = 1000 ** ["", "k", "M", "G", "T", "P", "E"].index(prefix)
    assert Fraction(text) * scale == digits * 10**zeros


@given(st.integers())
def test_exact_loses_nothing(number: int) -> None:
    assert int(exact(number).replace(",", "")) == number
    assert int(signed(number).replace(",", "")) == number


def test_signs() -> None:
    assert (signed(44_455_936), signed(-1), signed(0)) == ("+44,455,936", "-1", "0")
    assert (signed_si(44_455_936), signed_si(-1500), signed_si(0)) == ("+44.46 M", "-1.500 k", "0")


@pytest.mark.parametrize(
    ("quotient", "text"),
    [
        (None, "–"), (0.0, "0"), (1.0, "1.0000"), (1.01087, "1.0109"), (1.00003, "1.000030"), (1 + 1e-9, "≈1"),
        (639.21, "639.2"), (12.345, "12.35"), (0.00985, "0.00985"), (2.0, "2.0000"),
    ],
)  # fmt: skip  # one entry a line would fill the page
def test_ratio_is_never_written_as_one_unless_it_is(quotient: float | None, text: str) -> None:
    assert ratio(quotient) == text


def test_percent_rounds_neither_to_nothing_nor_to_all() -> None:
    assert [percent(part, 100_000) for part in (0, 1, 12_300, 99_999, 100_000)] == [
        "0 %", "<0.1 %", "12.3 %", ">99.9 %", "100 %",
    ]  # fmt: skip  # one entry a line would fill the page
    assert percent(3, 0) == "0 %"


def test_a_number_on_a_page_keeps_its_unit_beside_it() -> None:
    assert typeset("-1.500 k") == "\u22121.500\u00a0k"


def test_nouns() -> None:
    assert (plural(1, "layer"), plural(1053, "layer")) == ("1 layer", "1,053 layers")
    assert (quantity(7, "parameter"), quantity(7, "MAC")) == ("7 parameters", "7 MAC")
