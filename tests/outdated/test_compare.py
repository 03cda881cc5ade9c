"""Each distribution is asked about once, and only an index that has answered says that there is nothing newer."""

from __future__ import annotations

import pytest

from reconcile.environments import Environment, Offer, environments_folder
from reconcile.outdated import compare_with_index, unreachable_sentences
from reconcile.outdated.compare import State
from reconcile.tools import Column, adapter, columns


@pytest.mark.parametrize(
    ("offer", "newest", "state"),
    [
        (Offer(("1.8.0", "1.7")), "1.8.0", "up to date"),
        (Offer(("1.8",)), "1.8", "up to date"),
        (Offer(("1.10", "1.8.0")), "1.10", "newer"),
        (Offer(("1.7.2",)), "1.7.2", "up to date"),  # what is installed never came from this index
        (Offer(), "", "not in the index"),
        (Offer(failure="a.test: timed out"), "", "unknown"),
        (Offer(("1.8.0",), "a.test: timed out"), "", "unknown"),  # a.test may have a newer one
        (Offer(("1.9",), "a.test: timed out"), "1.9", "newer"),
    ],
)
def test_how_a_distribution_stands(offer: Offer, newest: str, state: State) -> None:
    (row,) = compare_with_index(columns(["torchinfo==1.8.0"]), lambda _: offer)
    assert (row.distribution, row.installed, row.newest, row.state) == ("torchinfo", "1.8.0", newest, state)
    assert bool(row.failure) == (state == "unknown")


def test_a_row_for_each_version_of_a_distribution_and_one_question() -> None:
    asked: list[str] = []

    def ask(distribution: str) -> Offer:
        asked.append(distribution)
        return Offer(("0.7.5",))

    older = Environment(environments_folder() / "ptflops==0.7.2.2")
    pinned = Column("ptflops-aten==0.7.2.2", adapter("ptflops-aten"), older)
    rows = compare_with_index([*columns(["ptflops", "flop-counter"]), pinned, *columns(["torch-profiler"])], ask)
    assert sorted(asked) == ["ptflops", "torch"]
    assert [(row.distribution, [item.name for item in row.columns]) for row in rows] == [
        ("ptflops", ["ptflops-pytorch", "ptflops-aten"]),
        ("torch", ["flop-counter", "torch-profiler"]),
        ("ptflops", ["ptflops-aten==0.7.2.2"]),
    ]
    assert [row.state for row in rows if row.distribution == "ptflops"] == ["up to date", "newer"]


def test_one_sentence_for_each_reason() -> None:
    failures = {"torch": "b.test: 503"}
    chosen = columns(["thop", "ptflops", "fvcore", "torchinfo", "flop-counter"])
    rows = compare_with_index(chosen, lambda name: Offer(failure=failures.get(name, "a.test: timed out")))
    assert list(unreachable_sentences(rows)) == [
        "the package index cannot be asked about thop, ptflops, fvcore and 1 more: a.test: timed out.",
        "the package index cannot be asked about torch: b.test: 503.",
    ]
