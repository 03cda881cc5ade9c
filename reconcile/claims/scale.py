"""Powers of ten in words and letters: G, million, 10^9."""

from __future__ import annotations

import re

LETTERS = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12, "p": 10**15}

_WORDS = {
    "thousand": 10**3,
    "kilo": 10**3,
    "million": 10**6,
    "millions": 10**6,
    "mio": 10**6,
    "mega": 10**6,
    "billion": 10**9,
    "billions": 10**9,
    "bn": 10**9,
    "giga": 10**9,
    "trillion": 10**12,
    "tera": 10**12,
    "peta": 10**15,
}

_POWER = re.compile(
    r"[(\[]?\s*(?:[x×*·]\s*)?(?:10\s*\^\s*(?P<power>\d{1,2})|1?e(?P<e>\d{1,2}))\s*[)\]]?(?!\w)", re.IGNORECASE
)
_WORD = re.compile(
    rf"[(\[]?\s*(?P<word>{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![a-z])\.?\s*[)\]]?", re.IGNORECASE
)
_LETTER = re.compile(r"[(\[]?\s*(?P<letter>[kKMmGgBbTtPp])\s*[)\]]?(?![A-Za-z0-9])")


def scale_of(text: str) -> tuple[int, str]:
    """Return the power of ten with which a text begins, 1 if with none, and the rest of the text."""
    for pattern in (_POWER, _WORD, _LETTER):
        match = pattern.match(text)
        if match is not None:
            return _factor(match), text[match.end() :].strip()
    return 1, text


def scale_within(text: str) -> int:
    """Return the power of ten that stands somewhere in a text as a word or in brackets, 1 if none."""
    for start in [0, *(match.start() for match in re.finditer(r"(?<=\s)\S|[(\[]", text))]:
        factor, _ = scale_of(text[start:])
        if factor != 1:
            return factor
    return 1


def with_plain_powers(text: str) -> str:
    """Return a text with 10^9 for 10⁹."""
    return _SUPERSCRIPTS.sub(lambda match: "^" + match[0].translate(_PLAIN_DIGITS), text)


_SUPERSCRIPTS = re.compile(r"(?<=10)[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def _factor(match: re.Match[str]) -> int:
    found = match.groupdict()
    if found.get("word"):
        return _WORDS[found["word"].lower()]
    if found.get("letter"):
        return LETTERS[found["letter"].lower()]
    return int(10 ** int(found["power"] or found["e"]))
