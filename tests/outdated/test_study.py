"""A newer version is learned in an environment of its own, and what is there is used as before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconcile.environments import Offer, environments, make_environment
from reconcile.errors import ReconcileError
from reconcile.isolation import Workers
from reconcile.learn import Lesson
from reconcile.outdated import Standing, Study, compare_with_index, learn_newer
from reconcile.tools import ADAPTERS, column, columns
from tests.environments.wheels import write_wheel
from tests.learn.tools import Hooks
from tests.outdated.lessons import book, lesson_on, without_biases


def standings(tools: Sequence[str], newest: str) -> tuple[Standing, ...]:
    return compare_with_index(columns(tools), lambda _: Offer((newest,)))


def made() -> list[str]:
    return [item.name for item in environments()]


def test_a_newer_version_is_learned_beside_the_one_that_is_installed(index: Path) -> None:
    write_wheel(index, "torchinfo", "2.0", {"torchinfo.py": ""})
    seen: list[str] = []
    (study,) = learn_newer(standings(["torchinfo"], "2.0"), 1, seen.append, without_biases)
    assert (study.subject, study.distribution, study.installed) == ("torchinfo==2.0", "torchinfo", "1.8.0")
    assert seen == ["torchinfo==2.0"]
    assert study.known is not None
    assert study.learned is not None
    assert (study.known.versions, study.learned.versions) == (["1.8.0"], ["2.0"])
    assert study.sentences[0].startswith("torchinfo 2.0: 0 of 0 numbers at unused shapes are predicted")
    assert made() == ["torchinfo==2.0"]  # it stays, as 'reconcile environment torchinfo==2.0' would leave it
    assert column("torchinfo").version == "1.8.0"


def test_each_column_of_a_distribution_is_learned_and_one_that_cannot_be_costs_itself(index: Path) -> None:
    write_wheel(index, "ptflops", "9.0", {"ptflops.py": ""})

    def learn(tool: str, workers: Workers[Any], progress: Callable[[str], None]) -> Lesson:
        if tool.startswith("ptflops-aten"):
            raise ReconcileError(f"{tool} cannot be learned: it raises.")
        return lesson_on(book("9.0", 1))

    rows = standings(["ptflops", "flop-counter"], "9.0")
    found = tuple(learn_newer(rows, 1, learn_column=learn))
    assert [(study.subject, study.problem) for study in found] == [
        ("ptflops-pytorch==9.0", ""),
        ("ptflops-aten==9.0", "ptflops-aten==9.0 cannot be learned: it raises."),
        ("torch==9.0", ""),
    ]
    assert found[2].remark == "torch 9.0 is not learned: all environments share the one that is installed."
    assert found[2].learned is None


def test_an_environment_that_cannot_be_made_is_said_in_pips_words(index: Path) -> None:
    rows = standings(["fvcore", "torchinfo==1.8.0"], "9.0")
    write_wheel(index, "torchinfo", "9.0", {"torchinfo.py": ""})
    first, second = learn_newer(rows, 1, learn_column=without_biases)
    assert first.subject == "fvcore==9.0"
    assert first.problem.startswith("pip cannot install fvcore==9.0 over torch ")
    assert first.problem.endswith("No matching distribution found for fvcore==9.0.")
    assert (second.subject, second.problem) == ("torchinfo==9.0", "")


class Counter(Hooks):
    distribution = "counter"
    module = "counter"


@pytest.fixture
def counter(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not installed, with an environment of its older version."""
    for version in ("1.0", "2.0"):
        write_wheel(index, "counter", version, {"counter.py": ""})
    monkeypatch.setitem(ADAPTERS, "counter", Counter("counter"))
    make_environment("counter", "1.0")


def studied(tool: str) -> Study:
    there: list[list[str]] = []

    def learn(tool: str, workers: Workers[Any], progress: Callable[[str], None]) -> Lesson:
        there.append(made())
        return lesson_on(book("2.0", 1))

    (study,) = learn_newer(standings([tool], "2.0"), 1, learn_column=learn)
    assert there == [["counter==1.0", "counter==2.0"]]
    return study


@pytest.mark.usefixtures("counter")
def test_an_environment_does_not_take_the_place_of_the_older_one() -> None:
    study = studied("counter")
    assert study.sentences[-1] == "no rulebook of counter is known, so that there is nothing to compare with."
    assert study.known is None
    assert made() == ["counter==1.0"]
    assert column("counter").version == "1.0"


@pytest.mark.usefixtures("counter")
def test_an_environment_stays_where_the_version_is_named_or_it_was_there() -> None:
    studied("counter==1.0")
    assert made() == ["counter==1.0", "counter==2.0"]
    assert [row.state for row in standings(["counter"], "2.0")] == ["up to date"]


@pytest.mark.usefixtures("counter")
def test_what_was_raised_while_learning_leaves_no_environment() -> None:
    def stop(tool: str, workers: Workers[Any], progress: Callable[[str], None]) -> Lesson:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuple(learn_newer(standings(["counter"], "2.0"), 1, learn_column=stop))
    assert made() == ["counter==1.0"]


def test_a_rulebook_of_another_version_says_so(index: Path) -> None:
    write_wheel(index, "thop", "0.0.9", {"thop.py": ""})
    write_wheel(index, "thop", "9.0", {"thop.py": ""})
    make_environment("thop", "0.0.9")
    (study,) = learn_newer(standings(["thop==0.0.9"], "9.0"), 1, learn_column=of_thop)
    assert study.sentences[-1] == "the rulebook that is known is that of 0.1.1.post2209072238, not of 0.0.9."


def of_thop(tool: str, workers: Workers[Any], progress: Callable[[str], None]) -> Lesson:
    return lesson_on(book("9.0", 1))
