"""Numbers that count the arithmetic that is done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from operator import add, mul
from typing import TypeAlias

Value: TypeAlias = "float | complex"


class Tally:
    """How often each operation ran, in each part of a computation (``products``, ``bias``, ``softmax``)."""

    def __init__(self) -> None:
        self.parts: dict[str, Counter[str]] = {}
        self.current: Counter[str] = Counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what runs inside under this name; parts may nest, and the innermost counts."""
        outer, self.current = self.current, self.parts.setdefault(name, Counter())
        try:
            yield
        finally:
            self.current = outer

    def __getitem__(self, part: str) -> Counter[str]:
        return self.parts.get(part, Counter())

    def number(self, value: Value, *, padding: bool = False) -> Counted:
        return Counted(value, self, padding=padding)


class Counted:
    """A number whose operations are counted; ``padding`` marks a zero that stands outside of the input."""

    __slots__ = ("padding", "tally", "value")

    def __init__(self, value: Value, tally: Tally, *, padding: bool = False) -> None:
        self.value = value
        self.tally = tally
        self.padding = padding

    def __add__(self, other: Counted) -> Counted:
        self.tally.current["add"] += 1
        return Counted(self.value + other.value, self.tally)

    def __sub__(self, other: Counted) -> Counted:
        self.tally.current["subtract"] += 1
        return Counted(self.value - other.value, self.tally)

    def __mul__(self, other: Counted) -> Counted:
        self.tally.current["multiply"] += 1
        if self.padding or other.padding:
            self.tally.current["multiply_padding"] += 1
        return Counted(self.value * other.value, self.tally)

    def __truediv__(self, other: Counted) -> Counted:
        self.tally.current["divide"] += 1
        return Counted(self.value / other.value, self.tally)

    def __lt__(self, other: Counted) -> bool:
        self.tally.current["compare"] += 1
        return self.value < other.value

    def __gt__(self, other: Counted) -> bool:
        self.tally.current["compare"] += 1
        return self.value > other.value

    def apply(self, operation: str, function: Callable[..., Value], *others: Counted) -> Counted:
        """Evaluate a function of this number and others, counted once under the name of the operation."""
        self.tally.current[operation] += 1
        return Counted(function(self.value, *(other.value for other in others)), self.tally)


def total(numbers: Iterable[Counted]) -> Counted:
    """Add n numbers, n >= 1, by n - 1 additions."""
    return reduce(add, numbers)


def product(numbers: Iterable[Counted]) -> Counted:
    """Multiply n numbers, n >= 1, by n - 1 products."""
    return reduce(mul, numbers)
