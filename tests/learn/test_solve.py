"""Formulas from numbers: the form that made them is found, and nothing is found where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reconcile.learn.solve import Case, forms
from reconcile.rules import evaluate

SIZES = [(2, 3, 5), (3, 7, 4), (5, 4, 11), (7, 9, 6), (11, 8, 13)]
"""Rows, width and outputs of a product of matrices."""


def case(rows: int, width: int, outputs: int, value: str) -> Case:
    terms = {"mac": rows * width * outputs, "bias": rows * outputs, "first_add": rows * outputs}
    sizes = {"rows": rows, "width": width, "outputs": outputs, "one": 1, "nothing": 0}
    return Case(terms, sizes, evaluate(value, {**terms, **sizes}))


def first(value: str, number: int = 5) -> Mapping[str, int | str] | None:
    return next(forms([case(*sizes, value) for sizes in SIZES[:number]], "mac"), None)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("0 * mac", {}),
        ("mac", {"mac": 1}),
        ("2 * mac", {"mac": 2}),
        ("2 * mac + bias", {"mac": 2, "bias": 1}),
        ("2 * mac - bias", {"mac": 2, "bias": -1}),
        ("259 * bias", {"bias": 259}),
        ("rows", {"mac": "rows"}),
        ("7 * width", {"mac": "7 * width"}),
        ("rows * width", {"mac": "rows * width"}),
        ("3 * rows * width / 2", {"mac": "3 * rows * width / 2"}),
        ("rows * width // outputs", {"mac": "rows * width // outputs"}),
        ("mac + 3 * rows * width", {"mac": 1, "elementwise": "3 * rows * width"}),
        ("3 * mac - 1", {"mac": 3, "elementwise": "0 - 1"}),
        ("rows * rows + 5 * width", {"mac": "5 * width + rows * rows"}),
        ("4 * rows * rows - width", {"mac": "4 * rows * rows - width"}),
    ],
)
def test_the_form_that_made_the_numbers(value: str, form: Mapping[str, int | str]) -> None:
    if "/ 2" in value:  # a half that is not rounded away
        cases = [case(rows, 2 * width, outputs, value) for rows, width, outputs in SIZES]
        assert next(forms(cases, "mac")) == form
    else:
        assert first(value) == form


def test_a_number_of_which_four_digits_are_kept() -> None:
    value = "significant(2 * mac, 4)"
    cases = [case(101 * rows, 7 * width, outputs, value) for rows, width, outputs in SIZES]
    assert next(forms(cases, "mac")) == {"mac": value}


def test_a_bias_is_preferred_to_what_is_always_equal_to_it() -> None:
    assert first("mac + bias") == {"mac": 1, "bias": 1}


def test_numbers_without_a_form() -> None:
    cases = [
        Case({"mac": rows * width * outputs}, {"rows": rows, "width": width}, value)
        for (rows, width, outputs), value in zip(SIZES, (1009, 7, 523, 90001, 17), strict=True)
    ]
    assert list(forms(cases, "mac")) == []


def test_as_many_unknowns_as_numbers_explain_nothing() -> None:
    # Two numbers fit any two weights.
    cases = [Case({"mac": 6, "bias": 2}, {}, 31), Case({"mac": 20, "bias": 5}, {}, 77)]
    assert list(forms(cases, "mac")) == []
