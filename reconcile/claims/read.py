"""Claims files, CSV or YAML, row by row: a bad row is named, and the others are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reconcile.claims.claim import BadRow, Claim
from reconcile.claims.csv_rows import RawRow, csv_rows
from reconcile.claims.number import NotANumberError, PrintedNumber, parse_number
from reconcile.claims.unit import PrintedUnit, UnknownUnitError, parse_unit
from reconcile.configs import read_yaml
from reconcile.errors import ReconcileError, did_you_mean, printable

COLUMNS = ("model", "model_here", "value", "unit", "source", "where", "input", "parameters", "checked")
"""Those that mean something; a file needs a model and a value or columns titled by units, and may have others."""

Row = Claim | BadRow


def read_claims(path: Path) -> tuple[Row, ...]:
    """Read a claims file: ``.yaml`` or ``.yml`` as a list of mappings, anything else as CSV.

    Where there is no column ``value``, each column whose title is a unit (``GFLOPs``, ``MACs (M)``) holds numbers: a
    row is a claim for each that is filled. Cells of YAML are text as it stands there: 4.10 is no 4.1.

    Raises:
        ReconcileError: There is no such file, it cannot be read, or it has no column for models or none for numbers.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        return tuple(row for raw in _yaml_rows(path) for row in _rows_of(raw))
    return tuple(row for raw in csv_rows(path, read_titles) for row in _rows_of(raw))


def read_rows(rows: Iterable[Mapping[str, object]]) -> tuple[Row, ...]:
    """Read rows that are no file's, as a data frame's; a missing value (None, NaN) is an empty cell."""
    raw = (
        RawRow(f"row {number}", {str(name): _cell(value) for name, value in row.items()})
        for number, row in enumerate(rows, 1)
    )
    return tuple(row for item in raw for row in _rows_of(item))


def _cell(value: object) -> str:
    return "" if value is None or value != value else str(value)  # noqa: PLR0124  # NaN alone is not itself


def claim_of(columns: Mapping[str, str], place: str) -> Row:
    """Make a claim of the cells of one row that has a ``value``."""
    cells = {name: cell.strip() for name, cell in columns.items()}
    try:
        return _claim(cells, place, tuple(columns.items()))
    except (NotANumberError, UnknownUnitError, _BadCellError) as error:
        return BadRow(place, tuple(columns.items()), f"{place}: {error}.")


class _BadCellError(ValueError):
    """A cell that cannot be what it stands for; the message follows the name of the row."""


def _claim(cells: Mapping[str, str], place: str, columns: tuple[tuple[str, str], ...]) -> Claim:
    if not cells.get("model"):
        raise _BadCellError("there is no model")
    number = _number(cells.get("value", ""), "value")
    number, unit = _with_unit(number, cells.get("unit", ""))
    printed = cells.get("parameters", "")
    return Claim(
        place=place,
        columns=columns,
        model=cells["model"],
        value=number,
        unit=unit,
        model_here=cells.get("model_here", ""),
        is_known_absent="model_here" in cells and not cells["model_here"],
        source=cells.get("source", ""),
        where=cells.get("where", ""),
        input=cells.get("input", ""),
        parameters=_number(printed, "parameters") if printed else None,
    )


def _number(text: str, column: str) -> PrintedNumber:
    try:
        return parse_number(text)
    except NotANumberError as error:
        raise _BadCellError(f"the {column} {error}") from None


def _with_unit(number: PrintedNumber, text: str) -> tuple[PrintedNumber, PrintedUnit]:
    """The number in units of one: the power of ten stands with it, or with its unit, or is the same in both."""
    unit = parse_unit(text or number.rest)
    beside = _unit_beside(number) if text else None
    if beside is not None and beside.kind != unit.kind:
        raise _BadCellError(f"the value says {beside.text}, the unit {unit.text}")
    scales = {number.scale, unit.scale, beside.scale if beside else 1} - {1}
    if len(scales) > 1:
        raise _BadCellError(f"the value '{number.text}' and the unit '{unit.text}' name two powers of ten")
    missing = scales.pop() // number.scale if scales else 1
    return number.scaled(missing), unit


def _unit_beside(number: PrintedNumber) -> PrintedUnit | None:
    try:
        return parse_unit(number.rest)
    except UnknownUnitError:
        return None  # a remark


def _rows_of(raw: RawRow) -> Iterator[Row]:
    cells, columns = raw.cells, tuple(raw.cells.items())
    if raw.reason:
        yield BadRow(raw.place, columns, f"{raw.place}: {raw.reason}.")
        return
    if "value" in cells:
        yield claim_of(cells, raw.place)
        return
    units = [name for name in cells if name not in COLUMNS and _is_unit(name)]
    filled = [name for name in units if cells[name].strip()]
    if not filled:
        yield BadRow(raw.place, columns, f"{raw.place}: there is no value.")
    shared = {name: cell for name, cell in cells.items() if name not in units}
    for name in filled:
        yield claim_of({**shared, "value": cells[name], "unit": name}, f"{raw.place}, column '{name}'")


@cache
def _is_unit(title: str) -> bool:
    try:
        parse_unit(title)
    except UnknownUnitError:
        return False
    return True


def read_titles(printed: Sequence[str], place: str) -> tuple[str, ...]:
    """Return the titles of a table's columns, the known ones in lower case.

    Raises:
        ReconcileError: There is no column for models or none for numbers, with the nearest title; or a title twice.
    """
    titles = tuple(title.lower() if title.lower() in COLUMNS else title for title in map(str.strip, printed))
    if "model" not in titles:
        raise ReconcileError(f"{place}: there is no column 'model'{did_you_mean('model', titles)}")
    if "value" not in titles and not any(_is_unit(title) for title in titles if title not in COLUMNS):
        raise ReconcileError(f"{place}: there is no column 'value'{did_you_mean('value', titles)}")
    twice = next((title for title in titles if title and titles.count(title) > 1), None)
    if twice is not None:
        raise ReconcileError(f"{place}: the column '{printable(twice)[:40]}' stands there twice.")
    return titles


def _yaml_rows(path: Path) -> Iterator[RawRow]:
    document = read_yaml(path, as_text=True)
    shared: dict[str, Any] = {}
    if isinstance(document, dict):
        shared = {key: value for key, value in document.items() if key != "claims"}
        document = document.get("claims")
    if not isinstance(document, list):
        raise ReconcileError(f"{path}: expected a list of claims, or a mapping with the key 'claims'.")
    for number, item in enumerate(document, 1):
        place = f"{path.name}, claim {number}"
        cells = {**shared, **item} if isinstance(item, dict) else {}
        nested = next((key for key, value in cells.items() if not isinstance(value, str)), None)
        if not isinstance(item, dict):
            yield RawRow(place, {}, "expected a mapping of keys to values")
        elif nested is not None:
            yield RawRow(place, {}, f"the key '{printable(str(nested))[:40]}' has no plain value")
        else:
            yield RawRow(place, cells)
