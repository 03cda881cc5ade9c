"""What the package index offers: pip is asked, so that it is the index from which pip would install."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from reconcile.errors import printable

SECONDS = 60
"""How long pip may take for one distribution, whatever it waits for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the index has of one distribution.

    ``versions`` are those that can be installed here, the newest first, without pre-releases. ``failure`` says which
    place could not be asked, and why; it is empty if all answered.
    """

    versions: tuple[str, ...] = ()
    failure: str = ""


def ask_index(distribution: str) -> Offer:
    """Ask the index of this interpreter's pip, as its settings name it, which versions of a distribution there are."""
    command = (
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color", "-vv",
        "--timeout", "10", "--retries", "1", "index", "versions", "--", distribution,
    )  # fmt: skip  # a command, word by word
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter; the name is an adapter's, and comes after --
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=SECONDS,
        )  # fmt: skip  # a command, word by word
    except subprocess.TimeoutExpired:
        return Offer(failure=f"pip did not answer within {SECONDS} seconds")
    except OSError as error:
        return Offer(failure=f"pip cannot be started: {error.strerror or error}")
    return parse_answer(done.stdout + done.stderr)


def parse_answer(said: str) -> Offer:
    """Read what ``pip -vv index versions`` printed.

    pip says of an index that cannot be reached what it says of one that does not know the name, that there is no
    matching distribution; which it was stands among its further remarks.
    """
    lines = [line for line in map(printable, said.splitlines()) if line]
    versions = tuple(_versions(lines))
    failure = next(_failures(lines), "")
    if not versions and not failure and not any(_NOT_KNOWN in line for line in lines):
        failure = _shortened(_last_words(lines))
    return Offer(versions, failure)


_NOT_KNOWN = "No matching distribution found"
_AVAILABLE = "Available versions:"
_NOT_FETCHED = re.compile(r"Could not fetch URL (?P<url>\S+): (?P<reason>.*?)(?: - skipping)?")
_NOT_TRUSTED = re.compile(r"(?:WARNING: )?The repository located at (?P<host>\S+) (?P<reason>is not a trusted .*?)\..*")
_NO_SUCH_PAGE = "404 "


def _versions(lines: Iterable[str]) -> Iterator[str]:
    found: set[Version] = set()
    for line in lines:
        if line.startswith(_AVAILABLE):
            for text in line.removeprefix(_AVAILABLE).split(","):
                with suppress(InvalidVersion):  # an index may hold anything
                    found.add(Version(text.strip()))
    return (str(version) for version in sorted(found, reverse=True) if not version.is_prerelease)


def _failures(lines: Iterable[str]) -> Iterator[str]:
    """What kept pip from asking a place, with the host, but without what a URL may hold beside it: a password."""
    for line in lines:
        if (found := _NOT_FETCHED.fullmatch(line)) and not found["reason"].startswith(_NO_SUCH_PAGE):
            yield f"{_host(found['url'])}: {_shortened(_innermost(found['reason']))}"
        elif found := _NOT_TRUSTED.fullmatch(line):
            yield f"{found['host']} {_shortened(found['reason'])}"


def _host(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).hostname or "the index"
    return "the index"


def _innermost(reason: str) -> str:
    """The part that says why, of exceptions inside exceptions."""
    said = reason.partition(" for url:")[0].rpartition("(Caused by ")[2]
    quoted = re.search(r"""(["'])(.*)\1\)*$""", said)
    return re.sub(r"^.*(?:Pool\([^)]*\)| object at \w+>): ", "", quoted[2] if quoted else said)


def _last_words(lines: list[str]) -> str:
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip said nothing"])[-1]


def _shortened(text: str, limit: int = 160) -> str:
    text = text.removesuffix(".")
    return text if len(text) <= limit else text[: limit - 1] + "…"
