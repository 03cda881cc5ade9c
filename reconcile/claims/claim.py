"""A published number: what a source says that a model costs."""

from __future__ import annotations

from dataclasses import dataclass

from reconcile.claims.number import PrintedNumber
from reconcile.claims.unit import PrintedUnit


@dataclass(frozen=True)
class Claim:
    """One number of one row of a claims file.

    ``place`` is its row in words, for messages. ``columns`` are the file's own cells as they stand there. ``model`` is
    the printed name and ``model_here`` what the file says that it is here, empty if it says nothing;
    ``is_known_absent`` that it says there is none. ``value`` is in units of one of the unit. ``input`` is as stated,
    empty if it is not.
    """

    place: str
    columns: tuple[tuple[str, str], ...]
    model: str
    value: PrintedNumber
    unit: PrintedUnit
    model_here: str = ""
    is_known_absent: bool = False
    source: str = ""
    where: str = ""
    input: str = ""
    parameters: PrintedNumber | None = None

    @property
    def table(self) -> tuple[str, str]:
        """What one hypothesis should hold for: the numbers of one source in one unit."""
        return self.source, self.unit.text


@dataclass(frozen=True)
class BadRow:
    """A row that is no claim, with a sentence that says why."""

    place: str
    columns: tuple[tuple[str, str], ...]
    reason: str
