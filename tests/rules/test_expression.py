"""The arithmetic of rulebooks: exact, and nothing but arithmetic."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.rules.expression import ExpressionError, check, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("a", 6),
        ("a + b * 2", 14),
        ("(a + b) * 2", 20),
        ("a - 2 * b", -2),
        ("a // b", 1),
        ("a / b * b", 6),
        ("1 / 3 + 1 / 3 + 1 / 3", 1),  # in double precision too little
        ("a / b", 1),
        ("0 - 7 / 2", -4),  # rounded down, not towards 0
        ("0 - 7 // 2", -3),  # 0 - (7 // 2)
        ("floor(7 / 2) + floor(7 / 2)", 6),
        ("7 / 2 + 7 / 2", 7),
        ("floor(0 - 1 / 3)", -1),
        ("9007199254740993 * 3", 27021597764222979),  # 2 ** 53 + 1, which no double holds
        ("big * big + 1", 10**60 + 1),
        ("(big // 1) / (3 // 1)", 10**30 // 3),
        ("big * big / big - big", 0),
    ],
)
def test_exact(text: str, value: int) -> None:
    found = evaluate(text, {"a": 6, "b": 4, "big": 10**30})
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # 2 ** 53 + 1 has no double: it becomes 2 ** 53.
        ("double(9007199254740993)", 9007199254740992),
        ("double(9007199254740992 + 1) - 9007199254740992", 0),
        # 49 * (1 / 49) is a little less than 1 in double precision, and exactly 1 in fractions.
        ("double(49 * (1 / 49))", 0),
        ("49 * (1 / 49)", 1),
        ("double(7 / 2) + 1 / 2", 4),
        ("double(7 // 2)", 3),
        ("double(floor(7 / 2) * 2)", 6),
    ],
)
def test_double_rounds_as_a_tool_does(text: str, value: int) -> None:
    assert evaluate(text, {}) == value


@pytest.mark.parametrize(("size_in", "size_out", "elements"), [(7, 3, 27), (13, 6, 9216), (10, 7, 49), (5, 5, 3)])
def test_double_of_an_adaptive_window(size_in: int, size_out: int, elements: int) -> None:
    expected = int((size_in / size_out * (size_in / size_out) + 1) * elements)
    text = "double((n / m * (n / m) + 1) * elements)"
    assert evaluate(text, {"n": size_in, "m": size_out, "elements": elements}) == expected


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        (2_226_242, 4, 2_226_000),
        (2_226_500, 4, 2_226_000),  # half to even
        (2_227_500, 4, 2_228_000),
        (9_999_600, 4, 10_000_000),
        (1234, 4, 1234),
        (12, 4, 12),
        (0, 4, 0),
        (555, 1, 600),
    ],
)
def test_significant_digits(value: int, digits: int, rounded: int) -> None:
    assert evaluate(f"significant(x, {digits})", {"x": value}) == rounded
    assert (
        evaluate(f"floor(significant(2 * x, {digits}) / 2)", {"x": value})
        == Fraction(f"{2 * value:.{digits - 1}e}") // 2
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "#",
        "1 +",
        "(1",
        "1 2",
        "a; b",
        "a\nb",
        "a = 1",
        "a := 1",
        "a.b",
        "a.__class__",
        "().__class__",
        "a[0]",
        "[a]",
        "{a: 1}",
        "(a, b)",
        "'a'",
        "b'a'",
        "f'{a}'",
        "1.5",
        "1e3",
        "1j",
        "True",
        "None",
        "...",
        "-a",
        "+a",
        "~a",
        "not a",
        "a ** 2",
        "2 ** 99999999",
        "a % b",
        "a @ b",
        "a << 2",
        "a | b",
        "a and b",
        "a < b",
        "a if b else 1",
        "lambda: 1",
        "lambda x: x",
        "[x for x in a]",
        "__import__('os')",
        "__import__",
        "open('x')",
        "exec('1')",
        "import os",
        "print(a)",
        "max(a, b)",
        "abs(a)",
        "int(a)",
        "floor.real",
        "floor(a).real",
        "(floor)(*a)",
        "floor(x=a)",
        "(yield)",
        "await a",
        "\x00",
        "(" * 5000 + "1" + ")" * 5000,
        "floor(" * 5000 + "1" + ")" * 5000,
        "9" * 5000,  # more digits than Python reads
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"a": 6, "b": 4})


@pytest.mark.parametrize("text", ["a.b", "lambda: 1", "__import__('os')", "f(1)", "1.5", "1 +"])
def test_a_rulebook_finds_it_out_before_anything_is_counted(text: str) -> None:
    with pytest.raises(ExpressionError):
        check(text)


@pytest.mark.parametrize("name", ["c", "floor", "__builtins__", "evaluate", "operator"])
def test_a_quantity_that_the_call_does_not_have(name: str) -> None:
    with pytest.raises(ExpressionError, match=f"no quantity '{name}'"):
        evaluate(f"a + {name}", {"a": 1})


@pytest.mark.parametrize("text", ["floor()", "floor(1, 2)", "significant(7)", "significant(7, 0)", "double()"])
def test_a_function_with_other_arguments_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {})


@pytest.mark.parametrize("text", ["1 / 0", "1 // 0", "double(1 / 0)", "a / (a - a)"])
def test_a_division_by_zero_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"a": 3})


def test_a_very_long_sum_is_counted_or_refused() -> None:
    text = "1" + " + 1" * 2000
    with contextlib.suppress(ExpressionError):
        assert evaluate(text, {}) == 2001


QUANTITIES = {"a": 3, "b": 10**20, "c": 0, "d": 7}
OPERATORS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": lambda x, y: Fraction(x // y),
}


@st.composite
def expressions(draw: st.DrawFn, depth: int = 5) -> tuple[str, Fraction]:
    """A text, and its value by Python's own fractions."""
    kind = draw(st.sampled_from(["number", "name", "operator", "operator", "operator", "floor"]))
    if depth == 0 or kind == "number":
        number = draw(st.integers(0, 10**12))
        return str(number), Fraction(number)
    if kind == "name":
        name = draw(st.sampled_from(sorted(QUANTITIES)))
        return name, Fraction(QUANTITIES[name])
    left, x = draw(expressions(depth - 1))
    if kind == "floor":
        return f"floor({left})", Fraction(math.floor(x))
    right, y = draw(expressions(depth - 1))
    symbol = draw(st.sampled_from(sorted(OPERATORS)))
    if y == 0 and symbol in ("/", "//"):
        symbol = "-"
    return f"({left} {symbol} {right})", OPERATORS[symbol](x, y)


@settings(deadline=None, max_examples=300)
@given(expressions())
def test_every_expression_has_the_value_of_pythons_fractions(expression: tuple[str, Fraction]) -> None:
    text, value = expression
    assert evaluate(text, QUANTITIES) == math.floor(value)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40))
def test_any_text_is_a_value_or_an_error_of_expressions(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert type(evaluate(text, QUANTITIES)) is int
