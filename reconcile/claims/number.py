"""A number as it is printed in a paper or a table: its value, and how precisely it is known.

Its digits are its precision: 4.1 stands for anything that is rounded to that, from 4.05 to 4.15.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from reconcile.claims.scale import scale_of, with_plain_powers

LONGEST_TEXT = 100
"""Characters of a cell that can be a number."""

MOST_DIGITS = 30
LARGEST_EXPONENT = 30


class NotANumberError(ValueError):
    """A text that is not one positive number. The message says why, to follow the name of the place."""


@dataclass(frozen=True)
class PrintedNumber:
    """A number, in units of one.

    ``digits`` are those that are printed, without a leading 0; ``last_place`` is what one more in the last of them
    comes to, and ``places`` of them stand behind the decimal sign. ``approximate`` is a number printed with a sign such
    as ~. ``times`` are further factors that are printed beside it and are no part of the count of one run, such as
    clips and crops of a video: ``64 x 1 x 5``. ``scale`` is the power of ten that stands with the number, ``rest``
    what stands behind that.
    """

    text: str
    digits: str
    last_place: Fraction
    places: int = 0
    approximate: bool = False
    times: tuple[int, ...] = ()
    scale: int = 1
    rest: str = ""

    @property
    def value(self) -> Fraction:
        """The printed value."""
        return int(self.digits) * self.last_place

    @property
    def insignificant_zeros(self) -> int:
        """How many zeros at the end of a whole number may stand there only to fill its places, as in 15,300."""
        return 0 if self.places else len(self.digits) - len(self.digits.rstrip("0"))

    def scaled(self, factor: int) -> PrintedNumber:
        """Return the number in a scale that stands elsewhere, as in a column's title."""
        return replace(self, last_place=self.last_place * factor, scale=self.scale * factor)

    def is_rounded(self, count: int | Fraction, zeros: int = 0) -> bool:
        """Whether a count, rounded as printed, is this number; ``zeros`` of its digits at the end fill places only."""
        place = self.last_place * 10**zeros
        return bool(abs(count - self.value) <= place / 2 * (2 if self.approximate else 1))

    def is_cut_off(self, count: int | Fraction) -> bool:
        """Whether a count whose further digits are cut off is this number."""
        return self.value <= count < self.value + self.last_place


def parse_number(text: str) -> PrintedNumber:
    """Read a number: ``4.1``, ``~4.1``, ``3.8e9``, ``3.8 x 10^9``, ``1,132.33M``, ``4,1``, ``64 x 1 x 5``, ``4.1 G``.

    A comma with three digits behind it sets off thousands, unless a 0 alone stands before it; any other is a decimal
    comma. Of a comma and a point, the last one is the decimal one.

    Raises:
        NotANumberError: It is no number, more than one, or not positive.
    """
    if len(text) > LONGEST_TEXT:
        raise NotANumberError(f"has {len(text):,} characters, too many for a number")
    plain = with_plain_powers(text.strip()).replace("\u00a0", " ").replace("\u2009", " ")
    plain = plain.replace("−", "-")
    if not plain:
        raise NotANumberError("is empty")
    match = _NUMBER.match(plain)
    if match is None:
        raise NotANumberError(f"'{_shown(text)}' is not a number")
    if match["sign"] == "-":
        raise NotANumberError(f"'{_shown(text)}' is negative")
    digits, places = _digits_and_places(match["digits"])
    exponent = int(match["e"] or match["power"] or 0)
    if len(digits) > MOST_DIGITS or abs(exponent) > LARGEST_EXPONENT:
        raise NotANumberError(f"'{_shown(text)}' has too many digits")
    times, rest = _times(plain[match.end() :].strip())
    if _SECOND_NUMBER.match(rest):
        raise NotANumberError(f"'{_shown(text)}' is more than one number")
    scale, rest = scale_of(rest)
    if rest.startswith("^") or not digits.isdecimal():
        raise NotANumberError(f"'{_shown(text)}' is not a number")
    if not digits.strip("0"):
        raise NotANumberError(f"'{_shown(text)}' is not positive")
    return PrintedNumber(
        text.strip(),
        digits.lstrip("0"),
        Fraction(10) ** (exponent - places) * scale,
        places,
        bool(match["about"]),
        times,
        scale,
        rest,
    )


_NUMBER = re.compile(
    r"""
    (?P<about>[~≈∼]|approx\.?|about|ca\.?)? \s*
    (?P<sign>[-+])?
    (?P<digits> \d{1,3}(?:[ ',.]\d{3})+(?:[.,]\d+)? (?!\d) | \d+(?:[.,]\d+)? | [.,]\d+ )
    (?: [eE](?P<e>[-+]?\d{1,3}) | \s*[x×*·]\s*10\s*\^\s*(?P<power>-?\d{1,3}) )?
    (?![\d])
    """,
    re.VERBOSE,
)

_SECOND_NUMBER = re.compile(r"[-–—/;,|±]\s*\d|\d")

_FACTOR = re.compile(r"[x×*]\s*(\d{1,5})(?![\d.,])\s*")


def _digits_and_places(text: str) -> tuple[str, int]:
    """The digits of a number, and how many of them are behind its decimal sign."""
    text = text.replace(" ", "").replace("'", "")
    decimal = _decimal_sign(text)
    whole, _, fraction = text.rpartition(decimal) if decimal else (text, "", "")
    first, *groups = re.split(r"[.,]", whole)
    if any(len(group) != 3 for group in groups):
        raise NotANumberError(f"'{_shown(text)}' is not a number")
    return first + "".join(groups) + fraction, len(fraction)


def _decimal_sign(text: str) -> str:
    signs = [character for character in text if character in ".,"]
    if not signs:
        return ""
    last = signs[-1]
    before, _, behind = text.rpartition(last)
    if len(set(signs)) > 1:
        return last
    if len(signs) > 1:
        return ""  # several of one kind set off thousands
    is_thousands = last == "," and len(behind) == 3 and before.lstrip("0") != ""
    return "" if is_thousands else last


def _times(rest: str) -> tuple[tuple[int, ...], str]:
    """Further factors, and what is behind them."""
    found = []
    while match := _FACTOR.match(rest):
        found.append(int(match[1]))
        rest = rest[match.end() :]
    return tuple(found), rest.strip()


def _shown(text: str) -> str:
    return text.strip()[:40]
