"""Examples in the pages: commands with what they print. `python -m docs.generate` runs them again.

An example is a fenced block. In one of ``console`` the first line is a command, ``$ reconcile ...``, whose output may
be cut by ``| head -n N``; the rest is what it prints on a terminal of 120 columns. One of ``pycon`` is a session of
Python. A block with the name of a file after its language, ``python small.py``, is that file: the examples of a page
run in a folder of their own that holds all of its files. Where one of them is ``pyproject.toml``, it is installed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from doctest import DocTestParser
from importlib import invalidate_caches
from io import StringIO
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from docs.installed import run_installed
from reconcile.cli import main

_TOP = Path(__file__).parent.parent

PAGES = (
    _TOP / "README.md",
    *(
        _TOP / "docs" / f"{name}.md"
        for name in ("adapters", "audit", "conventions", "counting", "extending", "stories", "theory")
    ),
)
"""The pages whose examples run."""

_BLOCK = re.compile(r"(?<=^```)(?P<language>console|pycon)\n(?P<example>.*?)\n```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```\w+ (?P<name>[\w-]+\.\w+)\n(?P<text>.*?\n)```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\$ reconcile (?P<arguments>[^|]+?)( \| head -n (?P<lines>\d+))?")


def examples(page: str) -> list[str]:
    """Return the examples of a page, in its order."""
    return [block["example"] for block in _BLOCK.finditer(page)]


def files(page: str) -> dict[str, str]:
    """Return the files that a page holds, by name."""
    return {block["name"]: block["text"] for block in _FILE.finditer(page)}


def with_fresh_examples(page: str) -> str:
    """Return a page with what its examples print now."""
    beside = files(page)
    return _BLOCK.sub(lambda block: f"{block['language']}\n{run_again(block['example'], beside)}\n```", page)


def run_again(example: str, beside: Mapping[str, str] | None = None) -> str:
    """Return an example with what it prints now, where ``beside`` it lie the files of its page.

    Raises:
        ValueError: It is neither a command nor a session, or the command fails.
    """
    with _terminal(), _folder(beside or {}):
        if example.startswith(">>> "):
            return "\n".join(_session(example))
        return "\n".join(_command(example.partition("\n")[0]))


def _command(line: str) -> Iterator[str]:
    found = _COMMAND.fullmatch(line)
    if found is None:
        raise ValueError(f"'{line}' is no command of the form $ reconcile ... [| head -n N].")
    words = shlex.split(found["arguments"])
    status, printed = run_installed(words) if Path("pyproject.toml").exists() else _run_here(words)
    if status:
        raise ValueError(f"'{line}' ends with status {status}.")
    lines = printed.rstrip().splitlines()
    yield line
    yield from (text.rstrip() for text in lines[: int(found["lines"] or len(lines))])


def _run_here(words: Sequence[str]) -> tuple[int, str]:
    printed = StringIO()
    with redirect_stdout(printed):
        return main(words), printed.getvalue()


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
def _folder(beside: Mapping[str, str]) -> Iterator[None]:
    """A working directory with files, whose modules are forgotten afterwards."""
    with TemporaryDirectory() as folder, chdir(folder), patch.object(sys, "path", [str(Path.cwd()), *sys.path]):
        for name, text in beside.items():
            Path(name).write_text(text, encoding="utf-8")
        invalidate_caches()
        try:
            yield
        finally:
            for name in beside:
                sys.modules.pop(Path(name).stem, None)


@contextmanager
def _terminal() -> Iterator[None]:
    """A terminal of a fixed width, without colours."""
    with patch.dict(os.environ, COLUMNS="120"):
        os.environ.pop("FORCE_COLOR", None)
        yield
