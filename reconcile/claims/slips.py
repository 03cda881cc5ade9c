"""Mistakes of writing: a power of ten, a digit too few or too many, two digits changed about, another number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from reconcile.claims.hypothesis import ZEROS, printing_of
from reconcile.claims.number import PrintedNumber

POWERS = (-9, -6, -3, -2, -1, 1, 2, 3, 6, 9)
"""What a number may be wrong by: a decimal point, or one letter of a unit for another."""

FEWEST_DIGITS = 3
"""Of a number in which a digit may be missing: of fewer, too many others differ by one."""


def slips(number: PrintedNumber, count: Fraction) -> Iterator[str]:
    """Yield what may have happened to a count so that it was printed as this number, in words."""
    for power in POWERS:
        if printing_of(number, count * Fraction(10) ** power) in ("", ZEROS):
            yield f"a power of ten: {_power(power)}"
    yield from _digits(number, count)


def slips_of_columns(
    number: PrintedNumber, parameters: int, others: Mapping[str, Fraction]
) -> Iterator[tuple[str, Fraction]]:
    """Yield other numbers of the table that this one may be, in words: the parameters, or another row's.

    ``others`` are the counts of the other rows by their models, as the table counts.
    """
    if number.is_rounded(parameters):
        yield "another column's number: the parameters", Fraction(parameters)
    for model, count in others.items():
        if number.is_rounded(count):
            yield f"another row's number: that of {model}", count


def number_of_slips(number: PrintedNumber) -> int:
    """Return about how many numbers of this precision a count could have become by a slip of a power or a digit."""
    return len(POWERS) + 3 * len(number.digits)


def _digits(number: PrintedNumber, count: Fraction) -> Iterator[str]:
    printed = number.digits
    for shift in (0, -1, 1) if number.places else (0,):
        place = number.last_place * Fraction(10) ** shift
        true = str(int(count / place + Fraction(1, 2)))
        if len(true) < FEWEST_DIGITS:
            continue
        written = _written(int(true) * place / number.scale)
        if shift <= 0 and printed in _without_one(true) and not true.startswith(printed):
            yield f"a digit is missing: {written} is meant"
        if shift >= 0 and true in _without_one_of_two(printed):
            yield f"a digit is doubled: {written} is meant"
        if shift == 0 and printed in _changed_about(true):
            yield f"two digits are changed about: {written} is meant"


def _without_one(digits: str) -> set[str]:
    return {digits[:place] + digits[place + 1 :] for place in range(len(digits))}


def _without_one_of_two(digits: str) -> set[str]:
    pairs = (place for place in range(1, len(digits)) if digits[place] == digits[place - 1])
    return {digits[:place] + digits[place + 1 :] for place in pairs}


def _changed_about(digits: str) -> set[str]:
    swapped = (
        digits[: place - 1] + digits[place] + digits[place - 1] + digits[place + 1 :] for place in range(1, len(digits))
    )
    return set(swapped) - {digits}


def _written(value: Fraction) -> str:
    return f"{float(value):.12g}"


def _power(power: int) -> str:
    factor = f"{10 ** abs(power):,}"
    return f"the number is {factor} times as {'large' if power > 0 else 'small'}"
