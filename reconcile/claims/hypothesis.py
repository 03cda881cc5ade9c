"""What a printed number may be: a count by some measure, of some network on some input, printed in some way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log

from reconcile.claims.number import PrintedNumber
from reconcile.claims.unit import Kind

VERDICTS = (
    "confirmed",
    "mislabelled",
    "convention",
    "input",
    "variant",
    "slip",
    "approximate",
    "unexplained",
    "not-countable",
)
"""From the best to the worst, with ``not-countable`` for a model that is not here."""


PLAIN: Mapping[Kind, tuple[str, ...]] = {"MAC": ("macs",), "FLOP": ("twice-macs", "flops", "exact-flops")}
"""The conventions that a unit says by itself."""

SEARCHED = ("macs", "twice-macs")
"""Those that are looked for on other inputs and networks, and behind slips; and what the table counts by."""


@dataclass(frozen=True)
class Hypothesis:
    """One thing that a number may be.

    ``count`` is what would have been printed, in units of one: that of ``measure`` on ``model`` and ``input``, and
    what a slip made of it. ``variant``, ``slip`` and ``printing`` say in words what is out of the ordinary, empty where
    nothing is. ``is_stated_input`` is whether the input is the stated one, or the model's own where none is stated.
    """

    measure: str
    kind: Kind
    model: str
    input: str
    count: Fraction
    is_stated_input: bool = True
    variant: str = ""
    slip: str = ""
    printing: str = ""

    @property
    def words(self) -> str:
        """What it says, in one line."""
        network = self.variant or self.model
        remarks = "".join(f", {remark}" for remark in (self.slip, self.printing) if remark)
        return f"{self.measure} of {network} at {self.input}: {int(self.count):,}{remarks}"

    def verdict(self, labelled: Kind) -> str:
        """Return what the claim is if this is what it is, under the kind of unit that it is labelled with."""
        if self.slip:
            return "slip"
        if self.variant:
            return "variant"
        if not self.is_stated_input:
            return "input"
        if self.measure in PLAIN[labelled]:
            return "confirmed"
        return "mislabelled" if self.measure in plain_measures(labelled) else "convention"

    def rank(self, labelled: Kind, usual: str) -> tuple[int, int, int]:
        """Return its place among others, less first: by verdict, then by how it is printed, then by measure.

        ``usual`` is the measure of the table that the claim stands in.
        """
        order = plain_measures(labelled)
        if self.measure == usual:
            measure = 0
        elif self.measure in order:
            measure = 1 + order.index(self.measure)
        else:
            measure = 1 + len(order) + (self.kind != labelled)
        printing = ("", ZEROS, CUT_OFF).index(self.printing)
        return VERDICTS.index(self.verdict(labelled)), printing, measure


def plain_measures(labelled: Kind) -> tuple[str, ...]:
    """Return the conventions that a unit says by itself, then those of the other unit."""
    return (*PLAIN[labelled], *PLAIN["FLOP" if labelled == "MAC" else "MAC"])


CUT_OFF = "its further digits are cut off, not rounded"
ZEROS = "its zeros at the end only fill their places"


def printing_of(number: PrintedNumber, count: Fraction) -> str | None:
    """Return how a count may have been printed as this number: empty for rounded; None if it cannot have been."""
    if number.is_rounded(count):
        return ""
    if any(number.is_rounded(count, zeros) for zeros in range(1, number.insignificant_zeros + 1)):
        return ZEROS
    return CUT_OFF if number.is_cut_off(count) else None


def chance(number: PrintedNumber, counts: Iterable[Fraction | float]) -> float:
    """Return the share of random numbers of this precision that at least one of the counts would fit.

    Random numbers are drawn evenly by ratio from half to twice the printed value.
    """
    value = float(number.value)
    half = float(number.last_place) / 2 * (2 if number.approximate else 1)
    if number.insignificant_zeros:
        half *= 10**number.insignificant_zeros
    low, high = log(value / 2), log(value * 2)
    spans = []
    for count in counts:
        middle = float(count)
        # Digits stay as many, so that a place is as large a part of a random number as of this one.
        wide = middle * half / value
        start, end = log(max(middle - wide, 1e-9)), log(middle + wide)
        if end > low and start < high:
            spans.append((max(start, low), min(end, high)))
    return _covered(spans) / (high - low)


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        if end > reached:
            total += end - max(start, reached)
            reached = end
    return total
