from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reconcile.report.agreement import agreements
from reconcile.report.heat import heats, shown_ratio
from reconcile.report.html import agreement_page
from reconcile.run.result import Run

from .agreeing import cell, small_run
from .runs import SCRIPT, nasty_run
from .test_html import Page


def page(run: Run) -> str:
    return agreement_page(run, agreements(run))


def test_cells_say_how_often_how_far_and_how_many_flips() -> None:
    equal, apart, flipped = heats(agreements(small_run())[0])
    assert [name for name, _ in equal.rows] == ["first", "second", "third", "reference"]
    assert [[item.text for item in cells] for _, cells in equal.rows] == [
        ["", "66.7", "25.0", "50.0"],
        ["66.7", "", "33.3", "33.3"],
        ["25.0", "33.3", "", "0"],
        ["50.0", "33.3", "0", ""],
    ]
    assert [item.text for item in apart.rows[0][1]] == ["", "1", "1.8857", "1.0167"]
    assert [item.text for item in flipped.rows[0][1]] == ["", "0", "16.7", "16.7"]
    assert [item.tone for item in equal.rows[0][1]] == ["none", "under-3", "under-2", "under-3"]
    assert [item.tone for item in apart.rows[0][1]] == ["none", "level", "over-4", "over-2"]
    assert [item.tone for item in flipped.rows[0][1]] == ["none", "none", "over-4", "over-4"]


def test_a_cell_tells_its_causes_and_leads_to_its_pair() -> None:
    found = heats(agreements(small_run())[0])[0].rows[0][1][2]
    assert found.hint == (
        "first and third: equal on 1 of 4 models; median ratio 1.8857, largest 2.0000; 1 of 6 pairs of models flipped; "
        "by unit 70.9 %, attention 23.6 %, unexplained 3.9 %, …"
    )
    assert found.href == "#compute-0-2"
    assert {"compute-0-2", "params-0-1"} <= set(Page(page(small_run())).ids)


@pytest.mark.parametrize("run", [small_run(), nasty_run()])
def test_every_link_of_the_page_leads_to_one_place(run: Run) -> None:
    found = Page(page(run))
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    text = page(small_run())
    assert re.findall(r"https?://", text) == []
    assert not {"link", "img", "iframe", "script"} & set(Page(text).tags)


def test_names_are_text_and_nothing_else() -> None:
    cells = (cell(SCRIPT, SCRIPT, 10, **{SCRIPT: 30}), cell(SCRIPT, "b", 20))
    text = page(replace(nasty_run(), cells=cells))
    assert SCRIPT not in text
    assert "&lt;script&gt;" in text
    assert "below" in text
    assert "script" not in Page(text).tags


def test_a_cause_that_is_not_documented_has_no_link() -> None:
    text = page(replace(small_run(), cells=(cell("first", "a", 10, bias=1), cell("second", "a", 10, homemade=1))))
    assert "index.html#cause-bias" in text
    assert "homemade" in text
    assert "#cause-homemade" not in text


def test_the_page_says_how_often_tools_agree() -> None:
    text = page(small_run()).replace("\N{NO-BREAK SPACE}", " ")
    assert "Compute is the same in 4 of 10 comparisons (40.0 %)." in text
    assert "Parameters are the same in 1 of 2 comparisons (50.0 %)." in text


@pytest.mark.parametrize("cells", [(), small_run().cells[7:8], small_run().cells[:1]])
def test_a_run_of_nothing_or_little_has_a_page(cells: tuple[object, ...]) -> None:
    text = page(replace(small_run(), cells=cells))
    assert ("No tool gave a number." in text) == (len(cells) == 0 or cells == small_run().cells[7:8])


@pytest.mark.parametrize(
    ("quotient", "expected"), [(None, "–"), (1, "1"), (float("inf"), "∞"), (1.5, "1.5000"), (700.25, "700.2")]
)
def test_ratios_as_shown(quotient: float | None, expected: str) -> None:
    assert shown_ratio(quotient) == expected
