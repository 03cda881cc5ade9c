"""Numbers and units as people print them; expected values are written out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from reconcile.claims.number import NotANumberError, parse_number
from reconcile.claims.unit import UnknownUnitError, parse_unit


@pytest.mark.parametrize(
    ("text", "value", "last_place"),
    [
        ("4.1", "4.1", "0.1"),
        ("4.10", "4.1", "0.01"),
        ("~4.1", "4.1", "0.1"),
        ("3.8e9", "3800000000", "100000000"),
        ("3.8 x 10^9", "3800000000", "100000000"),
        ("3.8×10⁹", "3800000000", "100000000"),
        ("1,132.33M", "1132330000", "10000"),
        ("1.132,33", "1132.33", "0.01"),
        ("15,300M", "15300000000", "1000000"),
        ("4,1", "4.1", "0.1"),
        ("0,390", "0.39", "0.001"),
        ("1 132", "1132", "1"),
        (".5", "0.5", "0.1"),
        ("1.5 billion", "1500000000", "100000000"),
        ("300e6", "300000000", "1000000"),
        ("4144854528", "4144854528", "1"),
    ],
)
def test_values_and_their_precision(text: str, value: str, last_place: str) -> None:
    number = parse_number(text)
    assert (number.value, number.last_place) == (Fraction(value), Fraction(last_place))


def test_factors_and_remarks_behind_a_number() -> None:
    assert parse_number("64 x 1 x 5").times == (1, 5)
    assert parse_number("70.3x1x5").value == Fraction("70.3")
    assert parse_number("4.1 GFLOPs").rest == "GFLOPs"
    assert parse_number("17.61 (wrong)").rest == "(wrong)"
    assert parse_number("~4.1").approximate


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("-3", "is negative"),
        ("0", "not positive"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("=1+1", "not a number"),
        ("many", "not a number"),
        ("4.1/7.8", "more than one"),
        ("4.1-4.3", "more than one"),
        ("4.1 ± 0.2", "more than one"),
        ("1,132,33", "not a number"),
        ("1e400", "too many digits"),
        ("9" * 101, "101 characters"),
        ("9" * 99, "too many digits"),
    ],
)
def test_what_is_no_number(text: str, reason: str) -> None:
    with pytest.raises(NotANumberError, match=reason):
        parse_number(text)


def test_rounding_as_printed() -> None:
    number = parse_number("4.1").scaled(10**9)
    assert number.is_rounded(4_089_184_256)
    assert number.is_rounded(4_149_999_999)
    assert not number.is_rounded(4_150_000_001)
    assert parse_number("3.8e9").is_cut_off(3_857_973_248)
    assert not parse_number("3.8e9").is_rounded(3_857_973_248)
    assert not parse_number("3.8e9").is_cut_off(3_799_999_999)
    assert parse_number("~4.1e9").is_rounded(4_199_999_999)


def test_zeros_that_only_fill_places() -> None:
    assert parse_number("15,300M").insignificant_zeros == 2
    assert parse_number("1.0e9").insignificant_zeros == 0
    assert parse_number("1700M").is_rounded(1_722_000_000, zeros=2)
    assert not parse_number("1700M").is_rounded(1_722_000_000)


@pytest.mark.parametrize(
    ("text", "kind", "scale"),
    [
        ("GFLOPs", "FLOP", 10**9),
        ("FLOPs", "FLOP", 1),
        ("MACs(G)", "MAC", 10**9),
        ("MAdds", "MAC", 1),
        ("MMAdds", "MAC", 10**6),
        ("MAdds (M)", "MAC", 10**6),
        ("MAdds (B1, no SE)", "MAC", 1),
        ("Million Mult-Adds", "MAC", 10**6),
        ("Multi-Adds (M)", "MAC", 10**6),
        ("multiply-accumulates", "MAC", 1),
        ("FLOPs (multiply-adds)", "MAC", 1),
        ("10^9 FLOPs", "FLOP", 10**9),
        ("FLOPs [1e9]", "FLOP", 10**9),
        ("#MACs*", "MAC", 1),
        ("MMACs", "MAC", 10**6),
        ("BFLOPs", "FLOP", 10**9),
        ("flops (B)", "FLOP", 10**9),
        ("GMac", "MAC", 10**9),
        ("billion floating-point operations", "FLOP", 10**9),
    ],
)
def test_units(text: str, kind: str, scale: int) -> None:
    unit = parse_unit(text)
    assert (unit.kind, unit.scale, unit.share) == (kind, scale, 1)


def test_a_share_of_a_unit() -> None:
    assert (parse_unit("FLOPs/2").kind, parse_unit("FLOPs/2").share) == ("FLOP", 2)


@pytest.mark.parametrize("text", ["", "M", "G", "parameters", "ms", "GB", "<script>", "x" * 300])
def test_what_is_no_unit(text: str) -> None:
    with pytest.raises(UnknownUnitError):
        parse_unit(text)


def test_a_unit_with_two_powers_of_ten() -> None:
    with pytest.raises(UnknownUnitError, match="two powers of ten"):
        parse_unit("GFLOPs (M)")
