"""From numbers to a formula: the simplest exact form, over documented terms and sizes of tensors, that gives them all.

Forms are tried from simple to complicated, and the first that fits every case is taken:

1. nothing;
2. whole weights on documented terms;
3. whole weights on documented terms, and a constant;
4. a documented term, or twice that, or half of twice that, of which four digits are kept;
5. one product of sizes, divided by one at most, times a simple fraction, rounded down;
6. weights on documented terms, and one product of sizes;
7. two products of sizes.

All arithmetic that decides is exact. Floating point only sorts out what cannot fit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from reconcile.reference import TERMS
from reconcile.rules import evaluate

Amount: TypeAlias = "int | str"
Form = Mapping[str, Amount]
"""What is counted of each term: a weight, or an expression over quantities."""

_MOST_TERMS = 4
_LARGEST_NUMERATOR, _LARGEST_DENOMINATOR = 512, 8
_SPARE_CASES = 2
"""How many more cases than unknowns there must be: a form that merely has enough unknowns explains nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: the documented terms and the quantities of the call, and what the tool counts for it."""

    terms: Mapping[str, int]
    quantities: Mapping[str, int]
    value: int


def forms(cases: Sequence[Case], home: str, *, simple: bool = False) -> Iterator[Form]:
    """Yield forms that give the value of every case, the simplest first.

    ``home`` is the term under which a product of sizes is booked. ``simple``: none of more than one product of sizes,
    or of such a product beside documented terms; those take long, and a few cases suggest many.
    """
    if not any(case.value for case in cases):
        yield {}
        return
    values = np.array([case.value for case in cases], dtype=object)
    terms = _columns([case.terms for case in cases])
    yield from _weights_on_terms(terms, values)
    yield from _with_a_constant(terms, values)
    yield from _rounded(terms, values)
    sizes = _distinct(_columns(_everywhere([case.quantities for case in cases])))
    products = _products(sizes, 3)
    yield from ({home: _scaled(weight, text)} for weight, text in _one_product(products, sizes, values))
    if simple:
        return
    yield from _with_terms(terms, _products(sizes, 4), values, home)
    yield from _two_products(_products(sizes, 2), values, home)


Columns: TypeAlias = "dict[str, npt.NDArray[np.object_]]"


def _columns(rows: Sequence[Mapping[str, int]]) -> Columns:
    """The values of each name over all cases, where there is one other than 0."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: np.array([row.get(name, 0) for row in rows], dtype=object) for name in names}
    return {name: column for name, column in found.items() if any(column)}


def _everywhere(rows: Sequence[Mapping[str, int]]) -> list[Mapping[str, int]]:
    """The rows with the names alone that all of them have."""
    return [{name: row[name] for name in rows[0] if all(name in other for other in rows)} for row in rows]


def _distinct(columns: Columns) -> Columns:
    """One name of those that are always equal, the first; none for what is the same throughout."""
    seen: set[tuple[int, ...]] = set()
    found: Columns = {}
    for name, column in columns.items():
        if tuple(column) not in seen and len(set(column)) > 1:
            seen.add(tuple(column))
            found[name] = column
    return found


def _weights_on_terms(terms: Columns, values: npt.NDArray[np.object_]) -> Iterator[Form]:
    for number in range(1, min(_MOST_TERMS, len(terms), len(values) - _SPARE_CASES) + 1):
        fitting = []
        for names in itertools.combinations(terms, number):
            weights = _exact_weights([terms[name] for name in names], values)
            if weights is not None and all(weight.denominator == 1 for weight in weights):
                fitting.append(dict(zip(names, map(int, weights), strict=True)))
        yield from sorted(fitting, key=_complexity)


def _complexity(weights: Mapping[str, int]) -> tuple[int, int]:
    """Small weights first; then terms that others do not stand in for, which come last among the terms."""
    return sum(map(abs, weights.values())), sum(map(_ORDER.index, weights))


_ORDER = sorted(TERMS, key=lambda term: term in ("first_add", "padding_mac", "statistics"))


def _with_a_constant(terms: Columns, values: npt.NDArray[np.object_]) -> Iterator[Form]:
    """One or two documented terms, and the same number more or less for each call."""
    each = np.ones(len(values), dtype=object)
    for number in range(1, min(2, len(terms), len(values) - _SPARE_CASES - 1) + 1):
        for names in itertools.combinations(terms, number):
            weights = _exact_weights([*(terms[name] for name in names), each], values)
            if weights is not None and _BESIDE not in names and all(weight.denominator == 1 for weight in weights):
                *on_terms, constant = map(int, weights)
                more = str(constant) if constant > 0 else f"0 - {-constant}"
                yield dict(zip(names, on_terms, strict=True)) | {_BESIDE: more}


def _rounded(terms: Columns, values: npt.NDArray[np.object_]) -> Iterator[Form]:
    """What a tool reads of a text with four digits."""
    for name, column in terms.items():
        twice = f"2 * {name}"
        for text in (
            f"significant({name}, 4)",
            f"significant({twice}, 4)",
            f"significant({twice}, 4) / 2",
            f"significant({twice} + 1, 4)",  # numpy counts one more than it does
        ):
            if all(evaluate(text, {name: int(one)}) == value for one, value in zip(column, values, strict=True)):
                yield {name: text}


def _products(sizes: Columns, factors: int) -> Columns:
    """Products of one to so many sizes, simple ones first; one name of those that are always equal."""
    found: Columns = {}
    seen: set[tuple[int, ...]] = set()
    for number in range(1, factors + 1):
        for names in itertools.combinations_with_replacement(sizes, number):
            if number > 2 and len(set(names)) < number:
                continue
            column = math.prod((sizes[name] for name in names[1:]), start=sizes[names[0]])
            if tuple(column) not in seen:
                seen.add(tuple(column))
                found[" * ".join(names)] = column
    return found


def _one_product(
    products: Columns, divisors: Columns, values: npt.NDArray[np.object_]
) -> Iterator[tuple[Fraction, str]]:
    """A product of sizes times a fraction, rounded down; then one that is divided by a size as well."""
    multiples = list(_multiples(products, values))
    yield from sorted(multiples, key=lambda multiple: multiple[0].denominator)  # the order stands among equals
    names = list(products)
    matrix = np.array([products[name] for name in names], dtype=float)
    target = values.astype(float)
    for name, divisor in divisors.items():
        if not names or not all(divisor):
            continue
        distance = np.abs(matrix / divisor.astype(float) - target).max(axis=1)
        for place in np.flatnonzero(distance < 1 + 1e-6 * float(np.abs(target).max())):
            text = names[place]
            quotients = [one // other for one, other in zip(products[text], divisor, strict=True)]
            if name not in text.split(" * ") and quotients == list(values):
                yield Fraction(1), f"{text} // {name}"


def _multiples(products: Columns, values: npt.NDArray[np.object_]) -> Iterator[tuple[Fraction, str]]:
    largest = int(np.argmax(values))
    for text, column in products.items():
        if not column[largest]:
            continue
        weight = Fraction(int(values[largest]), int(column[largest]))
        if _is_simple(weight) and all(weight * one == value for one, value in zip(column, values, strict=True)):
            yield weight, text


def _with_terms(terms: Columns, products: Columns, values: npt.NDArray[np.object_], home: str) -> Iterator[Form]:
    for number in range(1, min(3, len(terms), len(values) - _SPARE_CASES - 1) + 1):
        for names in itertools.combinations(terms, number):
            others = {name: terms[name] for name in names}
            for text, weights in _fitting(products, list(others.values()), values):
                *on_terms, weight = weights
                if weight > 0 and all(item.denominator == 1 for item in on_terms):
                    place = home if home not in others else _BESIDE
                    if place not in others:
                        yield dict(zip(names, map(int, on_terms), strict=True)) | {place: _scaled(weight, text)}


_BESIDE = "elementwise"
"""The term for a product of sizes beside a weight on its home term."""


def _two_products(products: Columns, values: npt.NDArray[np.object_], home: str) -> Iterator[Form]:
    if len(values) < 2 + _SPARE_CASES:
        return
    for first, column in products.items():
        for second, (one, other) in _fitting(products, [column], values):
            if one > 0:
                yield {home: f"{_scaled(one, first)} {'+' if other > 0 else '-'} {_scaled(abs(other), second)}"}


def _fitting(
    products: Columns, given: Sequence[npt.NDArray[np.object_]], values: npt.NDArray[np.object_]
) -> Iterator[tuple[str, tuple[Fraction, ...]]]:
    """Yield the products that give the values together with the columns that are given, and all weights."""
    names = list(products)
    matrix = np.array([np.stack([*given, products[name]], axis=1) for name in names], dtype=float)
    scale = np.abs(matrix).max(axis=1, keepdims=True)
    scale[scale == 0] = 1
    target = values.astype(float)
    weights = np.einsum("bij,j->bi", np.linalg.pinv(matrix / scale), target)
    wrong = np.abs(np.einsum("bji,bi->bj", matrix / scale, weights) - target).max(axis=1)
    for place in np.flatnonzero(wrong < 1e-6 * max(1.0, float(np.abs(target).max()))):
        exact = _exact_weights([*given, products[names[place]]], values)
        if exact is not None and all(weight and _is_simple(weight) for weight in exact):
            yield names[place], exact


def _exact_weights(
    columns: Sequence[npt.NDArray[np.object_]], values: npt.NDArray[np.object_]
) -> tuple[Fraction, ...] | None:
    """Solve for weights exactly; None where there is no solution, more than one, or one of the weights is 0."""
    rows = [[Fraction(int(column[place])) for column in columns] for place in range(len(values))]
    rows = [[*row, Fraction(int(value))] for row, value in zip(rows, values, strict=True)]
    for place in range(len(columns)):
        pivot = next((number for number in range(place, len(rows)) if rows[number][place]), None)
        if pivot is None:
            return None
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [entry / rows[place][place] for entry in rows[place]]
        for number, row in enumerate(rows):
            if number != place and row[place]:
                rows[number] = [entry - row[place] * above for entry, above in zip(row, rows[place], strict=True)]
    if any(row[-1] for row in rows[len(columns) :]):
        return None
    weights = tuple(row[-1] for row in rows[: len(columns)])
    return weights if all(weights) else None


def _is_simple(weight: Fraction) -> bool:
    return abs(weight.numerator) <= _LARGEST_NUMERATOR and weight.denominator <= _LARGEST_DENOMINATOR


def _scaled(weight: Fraction, text: str) -> str:
    if weight == 1:
        return text
    scaled = text if weight.numerator == 1 else f"{weight.numerator} * {text}"
    return scaled if weight.denominator == 1 else f"{scaled} / {weight.denominator}"
