"""What pip prints is read: versions as they are ordered, and an index that does not answer is no unknown name."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcile.environments import Offer, ask_index
from reconcile.environments.index import parse_answer
from tests.environments.wheels import write_wheel

EXPERIMENTAL = "WARNING: pip index is currently an experimental command. It may be removed in a future release."
NOT_KNOWN = "ERROR: No matching distribution found for counter"
POOL = "HTTPSConnectionPool(host='index.test', port=443)"


def test_versions_newest_first_without_previews() -> None:
    said = f"""{EXPERIMENTAL}
        Found link https://index.test/counter-3.0.tar.gz, version: 3.0
        counter (1.10)
        Available versions: 1.9, 2.0rc1, 1.10, 2.0.dev3, 1.10-1, newest, 1.10.0
          INSTALLED: 1.9
          LATEST:    1.10"""
    assert parse_answer(said) == Offer(("1.10.post1", "1.10", "1.9"))


def test_an_index_that_answers_may_not_know_a_name() -> None:
    page = "Could not fetch URL https://index.test/counter/: 404 Client Error: Not Found for url: https://index.test/"
    assert parse_answer(f"{EXPERIMENTAL}\n{page} - skipping\n{NOT_KNOWN}\n") == Offer()
    assert parse_answer(f"{EXPERIMENTAL}\n{NOT_KNOWN}\n") == Offer()
    assert parse_answer("Available versions: 2.0rc1\n" + NOT_KNOWN) == Offer()


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        (
            f"connection error: {POOL}: Max retries exceeded with url: /counter/ (Caused by NewConnectionError("
            "'<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f104b62b2d0>: Failed to establish a new "
            "connection: [Errno -2] Name or service not known'))",
            "Failed to establish a new connection: [Errno -2] Name or service not known",
        ),
        (f"connection error: {POOL}: Read timed out. (read timeout=5.0)", "Read timed out. (read timeout=5.0)"),
        (
            f"There was a problem confirming the ssl certificate: {POOL}: Max retries exceeded with url: /counter/ "
            """(Caused by SSLError(CertificateError("hostname 'index.test' doesn't match 'other.test'")))""",
            "hostname 'index.test' doesn't match 'other.test'",
        ),
        ("403 Client Error: Forbidden for url: https://me:secret@index.test/counter/", "403 Client Error: Forbidden"),
        ("timed out", "timed out"),
        ("x" * 1000, "x" * 159 + "…"),
    ],
)
def test_why_an_index_could_not_be_asked(reason: str, failure: str) -> None:
    line = f"Could not fetch URL https://me:secret@index.test/counter/: {reason} - skipping"
    assert parse_answer(f"{EXPERIMENTAL}\n{line}\n{NOT_KNOWN}\n") == Offer(failure=f"index.test: {failure}")


def test_what_another_place_has_is_kept_beside_the_failure() -> None:
    said = "Could not fetch URL https://a.test/c/: timed out - skipping\nAvailable versions: 2.0\n"
    assert parse_answer(said) == Offer(("2.0",), "a.test: timed out")


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("", "pip said nothing"),
        ('ERROR: unknown command "index"\n', 'unknown command "index"'),
        ("python: No module named pip\n", "python: No module named pip"),
        (
            "WARNING: The repository located at a.test is not a trusted or secure host and is being ignored. If this\n"
            + NOT_KNOWN,
            "a.test is not a trusted or secure host and is being ignored",
        ),
        ("a\x1b[31mred\x07\n", "a [31mred"),
    ],
)
def test_pip_has_the_last_word(said: str, failure: str) -> None:
    assert parse_answer(said) == Offer(failure=failure)


def test_pip_is_asked_with_its_own_settings(index: Path) -> None:
    for version in ("1.2", "1.10", "2.0rc1"):
        write_wheel(index, "counter", version, {"counter.py": ""})
    assert ask_index("counter") == Offer(("1.10", "1.2"))
    assert ask_index("conuter") == Offer()
    assert ask_index("--help").versions == ()  # a name is never an option
