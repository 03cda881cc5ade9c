"""The rows of a CSV file from anywhere, one by one: of any size and encoding, with what is wrong with a row."""

from __future__ import annotations

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from reconcile.errors import ReconcileError, did_you_mean, printable

LONGEST_LINE = 1_000_000
LONGEST_CELL = 10_000
"""Characters; what has more is no line or cell of a table."""

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class RawRow:
    """The cells of a row by the titles of their columns, and what is wrong with it, as the end of a sentence."""

    place: str
    cells: Mapping[str, str]
    reason: str = ""


TitlesReader = Callable[[Sequence[str], str], tuple[str, ...]]
"""Takes the titles of a file's columns and the file, and returns the titles as they are known, or refuses them."""


def csv_rows(path: Path, read_titles: TitlesReader) -> Iterator[RawRow]:
    """Yield the rows below the titles. Commas, semicolons or tabs part the cells.

    Raises:
        ReconcileError: There is no such file, it cannot be read, or it is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
        encoding = "utf-16" if start in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig"
        with path.open(encoding=encoding, errors="replace", newline="") as text:
            yield from _rows(text, path, read_titles)
    except FileNotFoundError:
        neighbours = [entry.name for entry in path.parent.glob("*.csv")] if path.parent.is_dir() else []
        raise ReconcileError(f"there is no file {path}{did_you_mean(path.name, neighbours)}") from None
    except (OSError, UnicodeError) as error:
        raise ReconcileError(f"{path} cannot be read ({error}).") from None


def _rows(text: TextIO, path: Path, read_titles: TitlesReader) -> Iterator[RawRow]:
    first = text.readline(LONGEST_LINE)
    if not first.strip():
        raise ReconcileError(f"{path} is empty: the first line holds the columns' titles.")
    counts = Counter(character for character in first if character in DELIMITERS)
    delimiter = max(DELIMITERS, key=lambda character: counts[character])
    titles = read_titles(next(csv.reader([first], delimiter=delimiter), []), str(path))
    reader = csv.reader(_lines(text), delimiter=delimiter)
    while True:
        number = reader.line_num + 2
        place = f"{path.name}, line {number}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(place, {}, f"it is not CSV ({error})")
            continue
        if any(cell.strip() for cell in cells):
            yield _row(place, titles, cells)


def _row(place: str, titles: Sequence[str], cells: Sequence[str]) -> RawRow:
    more = [*cells, *[""] * (len(titles) - len(cells))]
    named = {title: cell[:LONGEST_CELL] for title, cell in zip(titles, more, strict=False) if title}
    if len(cells) > len(titles):
        return RawRow(place, named, f"there are {len(cells)} cells for {len(titles)} columns")
    for title, cell in zip(titles, cells, strict=False):
        if len(cell) > LONGEST_CELL:
            return RawRow(
                place, named, f"the column '{printable(title)[:40]}' has more than {LONGEST_CELL:,} characters"
            )
        if "\N{REPLACEMENT CHARACTER}" in cell:
            return RawRow(place, named, f"the column '{printable(title)[:40]}' is not UTF-8")
    return RawRow(place, named)


def _lines(text: TextIO) -> Iterator[str]:
    """The lines of a file; of one that is too long only the beginning, as a whole line."""
    while line := text.readline(LONGEST_LINE):
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            yield line.replace("\0", "\N{REPLACEMENT CHARACTER}")
            continue
        while (more := text.readline(LONGEST_LINE)) and not more.endswith("\n"):
            pass
        start = line[: 2 * LONGEST_CELL].rstrip()
        yield f"{start}{_QUOTE * (start.count(_QUOTE) % 2)}\n"


_QUOTE = '"'
