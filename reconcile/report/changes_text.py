"""What changed between two runs, for a terminal and as Markdown."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reconcile.changes import Comparison
from reconcile.errors import printable
from reconcile.report.changes_sections import Entry, Grid, headline, sections
from reconcile.report.numbers import exact

_LISTED = 12
_LISTED_IN_MARKDOWN = 40


def changes_summary(found: Comparison) -> RenderableType:
    """What changed, for a terminal; long tables are cut."""
    parts: list[RenderableType] = [Text(printable(headline(found)))]
    for section in sections(found):
        style = "bold red" if section.is_alarm else "bold"
        parts += [
            "",
            Text.assemble((section.title, style), f"  {printable(section.sentence)}" if section.sentence else ""),
        ]
        for grid in section.grids:
            parts += ["", Text(printable(grid.caption), style="italic")] if grid.caption else []
            parts.append(_table(grid))
    return Group(*parts)


def changes_markdown(found: Comparison) -> str:
    """What changed, as Markdown, for the summary of a job; long tables are cut."""
    lines = [f"# {_escaped(found.after.title)}", "", _escaped(headline(found))]
    for section in sections(found):
        lines += ["", f"## {section.title}"]
        if section.sentence:
            lines += ["", _escaped(section.sentence)]
        for grid in section.grids:
            lines += ["", f"**{_escaped(grid.caption)}**"] if grid.caption else []
            lines += ["", *_markdown(grid)]
    return "\n".join(lines) + "\n"


def _table(grid: Grid) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(grid.titles):
        is_number = bool(grid.rows) and isinstance(grid.rows[0][place], int)
        table.add_column(Text(printable(title)), justify="right" if is_number else "left")
    for row in grid.rows[:_LISTED]:
        table.add_row(*(Text(printable(_shown(entry))) for entry in row))
    hidden = len(grid.rows) - _LISTED
    return table if hidden <= 0 else Group(table, Text(f"and {exact(hidden)} more", style="dim"))


def _markdown(grid: Grid) -> list[str]:
    numbers = [bool(grid.rows) and isinstance(entry, int) for entry in (grid.rows[0] if grid.rows else grid.titles)]
    lines = [
        f"| {' | '.join(map(_escaped, grid.titles))} |",
        f"| {' | '.join('---:' if is_number else '---' for is_number in numbers)} |",
    ]
    lines += [f"| {' | '.join(_escaped(_shown(entry)) for entry in row)} |" for row in grid.rows[:_LISTED_IN_MARKDOWN]]
    hidden = len(grid.rows) - _LISTED_IN_MARKDOWN
    return lines if hidden <= 0 else [*lines, "", f"And {exact(hidden)} more."]


def _shown(entry: Entry) -> str:
    return exact(entry) if isinstance(entry, int) else entry


_SPECIAL = str.maketrans(
    {
        **{character: f"\\{character}" for character in "\\`*_{}[]#|!~"},
        **{"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"},
    }
)
"""What Markdown, or the site that shows it, would take for more than text; a name may hold any of it."""


def _escaped(text: str) -> str:
    return " ".join(printable(text).translate(_SPECIAL).split())
