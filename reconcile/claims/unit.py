"""A unit as it is printed beside a number: what is counted, in which power of ten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from reconcile.claims.scale import LETTERS, scale_within, with_plain_powers
from reconcile.errors import did_you_mean

Kind = Literal["MAC", "FLOP"]

LONGEST_TEXT = 200


class UnknownUnitError(ValueError):
    """A text that names no unit of computation. The message says so, to follow the name of the place."""


@dataclass(frozen=True)
class PrintedUnit:
    """What one of the printed number is.

    ``kind`` is what the text calls it: multiply-adds or operations; one that calls multiply-adds FLOPs, in so many
    words, says MAC. ``scale`` is the power of ten, ``share`` what the operations were divided by before they were
    printed, as in ``FLOPs/2``.
    """

    text: str
    kind: Kind
    scale: int = 1
    share: int = 1


def parse_unit(text: str) -> PrintedUnit:
    """Read a unit: ``GFLOPs``, ``MACs (G)``, ``Million Mult-Adds``, ``MMAdds``, ``FLOPs/2``, ``10^9 FLOPs``, ``#MACs``.

    The first letter of MAdds and MACs is no million: ``MMAdds`` and ``MAdds (M)`` are millions.

    Raises:
        UnknownUnitError: It names neither multiply-adds nor operations.
    """
    plain = " ".join(with_plain_powers(text[: LONGEST_TEXT + 1]).replace("#", " ").split())
    if not plain or len(plain) > LONGEST_TEXT:
        raise UnknownUnitError("has no unit" if not plain else "has a unit that is too long")
    match = _KIND.search(plain)
    if match is None:
        raise UnknownUnitError(f"has the unknown unit '{plain[:40]}'{did_you_mean(plain, KNOWN_UNITS)}".rstrip("."))
    kind: Kind = "MAC" if match["mac"] else "FLOP"
    glued = LETTERS.get((match["scale"] or "").lower(), 1)
    before, behind = plain[: match.start()], plain[match.end() :]
    share = _SHARE.match(behind)
    if share is not None:
        behind = behind[share.end() :]
    around = f"{before} ; {behind}"
    apart = scale_within(before.strip())
    if apart == 1:
        apart = scale_within(behind.strip())
    if glued != 1 and apart not in (1, glued):
        raise UnknownUnitError(f"has the unit '{plain[:40]}' with two powers of ten")
    if kind == "FLOP" and not share and _SAYS_MULTIPLY_ADDS.search(around) and not _SAYS_TWO.search(around):
        kind = "MAC"
    return PrintedUnit(plain, kind, apart if glued == 1 else glued, int(share["share"]) if share else 1)


KNOWN_UNITS = ("FLOPs", "GFLOPs", "MFLOPs", "TFLOPs", "MACs", "GMACs", "MMACs", "MAdds", "Mult-Adds", "multiply-adds")

_MULTIPLY_ADD = (
    r"m-?adds?|ma?cc?s?|fmas?"
    r"|mul(?:t|ti|tiply|tiplies)?[- ]?(?:&|and)?[- ]?(?:add|acc|accumulate|accumulation)(?:s|itions?)?"
)
_OPERATION = r"flops?(?:/s)?|floating[- ]?point[- ]?(?:op|operation)s?|ops|operations"

_KIND = re.compile(
    rf"(?<![a-z])(?P<scale>[kmgbtp])?[- ]?(?:(?P<mac>{_MULTIPLY_ADD})|(?P<flop>{_OPERATION}))(?![a-z])", re.IGNORECASE
)
_SAYS_MULTIPLY_ADDS = re.compile(rf"(?<![a-z])(?:{_MULTIPLY_ADD})(?![a-z])", re.IGNORECASE)
_SAYS_TWO = re.compile(r"2\s*[x×*]|twice|two", re.IGNORECASE)
_SHARE = re.compile(r"\s*/\s*(?P<share>[2-9])\b")
