"""How numbers are written: exact integers with grouping commas, short forms with four digits, ratios and shares."""

from __future__ import annotations

_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def exact(number: int) -> str:
    """Every digit: ``4,133,742,592``."""
    return f"{number:,}"


def signed(number: int) -> str:
    """Every digit with the sign in front: ``+44,455,936``; 0 has none."""
    return f"{number:+,}" if number else "0"


def si(number: int) -> str:
    """Four digits and a prefix: ``4.134 G``. Below 1000 the number itself."""
    magnitude = abs(number)
    if magnitude < 1000:
        return str(number)
    power = min((len(str(magnitude)) - 1) // 3, len(_PREFIXES) - 1)
    digits = f"{magnitude / 1000**power:#.4g}"
    if float(digits) >= 1000 and power + 1 < len(_PREFIXES):
        power += 1
        digits = "1.000"
    return f"{'-' if number < 0 else ''}{digits} {_PREFIXES[power]}"


def signed_si(number: int) -> str:
    """Four digits and a prefix with the sign in front: ``+44.46 M``."""
    return f"+{si(number)}" if number > 0 else si(number)


def compact(number: int) -> str:
    """All digits that are not zeros at the end, and a prefix: ``2.5 G``, ``714.19 M``. For numbers that are round."""
    power = min((len(str(abs(number))) - 1) // 3, len(_PREFIXES) - 1)
    return f"{number / 1000**power:.12g} {_PREFIXES[power]}".rstrip()


def ratio(quotient: float | None) -> str:
    """Tool over reference: ``1.0109``. What is not 1 is never written as 1; a missing ratio is a dash."""
    if quotient is None:
        return "–"
    if quotient == 0:
        return "0"
    magnitude = abs(quotient)
    if magnitude < 0.1:
        return f"{quotient:#.3g}"
    if magnitude >= 10:
        return f"{quotient:.2f}" if magnitude < 100 else f"{quotient:,.1f}"
    text = f"{quotient:.4f}"
    if text != "1.0000" or quotient == 1:
        return text
    text = f"{quotient:.6f}"
    return text if text != "1.000000" else "≈1"


def percent(part: int, whole: int) -> str:
    """How much of the whole a part is: ``12.3 %``. Only nothing is ``0 %``, and only the whole is ``100 %``."""
    if whole == 0 or part == 0:
        return "0 %"
    share = 100 * part / whole
    if part == whole:
        return "100 %"
    if abs(share) < 0.05:
        return "<0.1 %"
    if 99.95 <= share < 100:
        return ">99.9 %"
    return f"{share:,.1f} %"


def quantity(number: int, unit: str) -> str:
    """A number with its unit: ``4,089,284,608 MAC``, ``1 parameter``, ``25,557,032 parameters``."""
    return plural(number, unit) if unit.islower() else f"{exact(number)} {unit}"


def with_minus(text: str) -> str:
    """With a true minus sign in place of each hyphen."""
    return text.replace("-", "−")


def typeset(number: str) -> str:
    """A number as a page shows it: with a true minus sign, and held together with its unit."""
    return with_minus(number).replace(" ", "\N{NO-BREAK SPACE}")


def plural(number: int, singular: str) -> str:
    """A number and its noun: ``1 layer``, ``53 layers``."""
    return f"{exact(number)} {singular}{'' if number == 1 else 's'}"
