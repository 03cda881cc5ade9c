"""What an einsum's equation says of its sizes: which letters are summed, and how many products there are in all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Literal

Shape = tuple[int, ...]


def canonical_equation(equation: str) -> str:
    """Return an equation with its letters in the order of the alphabet, as they appear, and without spaces."""
    letters = dict.fromkeys(re.findall("[A-Za-z]", equation))
    table = {ord(letter): chr(ord("a") + place) for place, letter in enumerate(letters)}
    return equation.replace(" ", "").translate(table)


def summation(equation: str, shapes: Sequence[Shape]) -> Literal["shared", "other"]:
    """Return whether two operands are multiplied as matrices are: all that is summed stands in both, and something is.

    A letter of length 1 does not count. Of more or fewer operands, or with an ellipsis, nothing else is known.
    """
    operands, result = _sides(equation)
    if len(shapes) != 2 or "..." in equation:
        return "shared"
    long = [
        {letter for letter, size in zip(*sides, strict=True) if size > 1}
        for sides in zip(operands, shapes, strict=True)
    ]
    summed = (long[0] | long[1]) - set(result)
    return "shared" if summed and summed <= long[0] & long[1] else "other"


def products(equation: str, shapes: Sequence[Shape], *, of_one: bool = True) -> int:
    """Return the product of the lengths of all letters, each once; 0 with an ellipsis.

    Without ``of_one``, letters that are summed in one operand alone are left out.
    """
    if "..." in equation:
        return 0
    operands, result = _sides(equation)
    sizes: dict[str, int] = {}
    for letters, shape in zip(operands, shapes, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    times = Counter(
        letter
        for letters, shape in zip(operands, shapes, strict=True)
        for letter, size in zip(letters, shape, strict=True)
        if size > 1
    )
    return prod(size for letter, size in sizes.items() if of_one or letter in result or times[letter] > 1)


def has_sums(equation: str) -> bool:
    """Whether any letter is summed, of whatever length."""
    operands, result = _sides(equation)
    return not set("".join(operands)) <= set(result)


def _sides(equation: str) -> tuple[list[str], str]:
    """The letters of each operand and of the result, which are those that stand once where it is not written."""
    given, arrow, result = equation.replace(" ", "").replace("...", "").partition("->")
    letters = given.replace(",", "")
    return given.split(","), result if arrow else "".join(sorted(one for one in letters if letters.count(one) == 1))
