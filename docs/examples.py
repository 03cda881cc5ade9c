"""Examples in the pages: commands with what they print. `python -m docs.generate` runs them again.

An example is a fenced block. In one of ``console`` the first line is a command, ``$ reconcile ...``, whose output may
be cut by ``| head -n N``; the rest is what it prints on a terminal of 120 columns. One of ``pycon`` is a session of
Python.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from doctest import DocTestParser
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from reconcile.cli import main

_TOP = Path(__file__).parent.parent

PAGES = (_TOP / "README.md", _TOP / "docs" / "stories.md", _TOP / "docs" / "audit.md")

_BLOCK = re.compile(r"(?<=^```)(?P<language>console|pycon)\n(?P<example>.*?)\n```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\$ reconcile (?P<arguments>[^|]+?)( \| head -n (?P<lines>\d+))?")


def examples(page: str) -> list[str]:
    """Return the examples of a page, in its order."""
    return [block["example"] for block in _BLOCK.finditer(page)]


def with_fresh_examples(page: str) -> str:
    """Return a page with what its examples print now."""
    return _BLOCK.sub(lambda block: f"{block['language']}\n{run_again(block['example'])}\n```", page)


def run_again(example: str) -> str:
    """Return an example with what it prints now.

    Raises:
        ValueError: It is neither a command nor a session, or the command fails.
    """
    with _terminal():
        if example.startswith(">>> "):
            return "\n".join(_session(example))
        return "\n".join(_command(example.partition("\n")[0]))


def _command(line: str) -> Iterator[str]:
    found = _COMMAND.fullmatch(line)
    if found is None:
        raise ValueError(f"'{line}' is no command of the form $ reconcile ... [| head -n N].")
    printed = StringIO()
    with redirect_stdout(printed):
        status = main(shlex.split(found["arguments"]))
    if status:
        raise ValueError(f"'{line}' ends with status {status}.")
    lines = printed.getvalue().rstrip().splitlines()
    yield line
    yield from (text.rstrip() for text in lines[: int(found["lines"] or len(lines))])


def _session(example: str) -> Iterator[str]:
    names: dict[str, Any] = {}
    lines = example.splitlines()
    for part in DocTestParser().get_examples(example):
        printed = StringIO()
        with redirect_stdout(printed):
            code = compile(part.source, "<example>", "single", dont_inherit=True)
            exec(code, names)  # noqa: S102  # the page's own words
        yield lines[part.lineno]
        yield from takewhile(lambda line: line.startswith("..."), lines[part.lineno + 1 :])
        yield from (text.rstrip() for text in printed.getvalue().splitlines())


@contextmanager
def _terminal() -> Iterator[None]:
    """A terminal of a fixed width, without colours."""
    with patch.dict(os.environ, COLUMNS="120"):
        os.environ.pop("FORCE_COLOR", None)
        yield
