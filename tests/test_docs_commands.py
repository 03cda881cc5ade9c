"""Every command line of reconcile in the pages names a command that is there, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click
import pytest

from reconcile.cli import app

TOP = Path(__file__).parent.parent
PAGES = [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md"), TOP / "reports" / "README.md"]

_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`(reconcile\s[^`]+)`(?!`)")


def command_lines(page: str) -> Iterator[list[str]]:
    """The words of each command of reconcile: in blocks for a shell, behind the prompt, and in the running text."""
    for language, block in re.findall(r"^```(sh|console)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        lines = block.splitlines()
        for line in lines if language == "sh" else [line[2:] for line in lines if line.startswith("$ ")]:
            yield from commands(line)
    for span in _SPAN.findall(_BLOCK.sub("", page)):
        yield from commands(" ".join(span.split()))


def commands(line: str) -> Iterator[list[str]]:
    """The words after each ``reconcile`` of a shell's line, which may be a pipe or a loop."""
    tokens = shlex.shlex(line, posix=True, punctuation_chars=True)
    tokens.whitespace_split = True
    for is_punctuation, found in groupby(tokens, lambda token: set(token) <= set("();<>|&")):
        words = [word for word in found if word not in ("do", "$")]
        if not is_punctuation and words[:1] == ["reconcile"]:
            yield words[1:]


def check(words: list[str]) -> None:
    """Parse a command without running it; arguments may be missing, where a page speaks of the command itself."""
    name, *rest = words
    command = app.commands.get(name)
    assert command is not None, f"there is no command '{name}'"
    context = click.Context(command, info_name=name)
    values, left, given = command.make_parser(context).parse_args(rest)
    assert not left, f"'{name}' takes no {left}"
    for option in given:
        if isinstance(option, click.Option):
            option.type_cast_value(context, values[str(option.name)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_command_line_is_understood(page: Path) -> None:
    for words in command_lines(page.read_text(encoding="utf-8")):
        try:
            check(words)
        except (AssertionError, click.UsageError) as error:
            pytest.fail(f"reconcile {shlex.join(words)}: {error}")


def test_command_lines_are_found() -> None:
    page = (
        "Say `reconcile\nlist tools`, never `reconcile.count`.\n"
        "```sh\nfor n in $(reconcile list models | cut -f1); do reconcile count $n; done  # reconcile nothing\n"
        "reconcile count 'net(a=1)' --by layer  # a comment\n```\n"
        "```console\n$ reconcile explain a --tool b | head -n 3\nreconcile is no command here\n```\n"
    )
    assert [" ".join(words) for words in command_lines(page)] == [
        "list models", "count $n", "count net(a=1) --by layer", "explain a --tool b", "list tools",
    ]  # fmt: skip  # one entry a line would fill the page


def test_a_page_may_speak_of_a_command_without_its_arguments() -> None:
    for line in ("list", "explain", "run", "count --by layer"):
        check(line.split())


@pytest.mark.parametrize(
    "line",
    ["cuont a", "count a --bye layer", "count a --by layers", "count a b", "count a --convention", "run --jobs x"],
)
def test_what_is_not_understood_fails(line: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check(line.split())
