from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reconcile.report.html import index_page, model_page, write_html
from reconcile.report.matrix import matrix_cell, matrix_rows, tone
from reconcile.report.names import slug
from reconcile.run.result import Cell, Run

from .runs import INPUT, SCRIPT, layer, parameters, reconciliation, resnet_like


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found[key] or "" for key in ("href", "src") if key in found]


def test_every_link_leads_somewhere_in_the_folder(run: Run, tmp_path: Path) -> None:
    write_html(run, tmp_path)
    for file in [tmp_path / "index.html", tmp_path / "agreement.html", *(tmp_path / "models").iterdir()]:
        for link in Page(file.read_text(encoding="utf-8")).links:
            path, _, anchor = link.partition("#")
            if path.endswith((".csv", ".json")):
                continue
            target = (file.parent / path).resolve() if path else file
            assert target.is_relative_to(tmp_path.resolve())
            assert not anchor or anchor in Page(target.read_text(encoding="utf-8")).ids


def test_no_id_stands_twice_on_a_page(run: Run) -> None:
    pages = [index_page(run), *(model_page(run, known.model, known.input) for known in run.references)]
    for page in map(Page, pages):
        assert len(page.ids) == len(set(page.ids))


def test_names_are_text_and_nothing_else(run: Run) -> None:
    pages = [index_page(run), *(model_page(run, known.model, known.input) for known in run.references)]
    for page in pages:
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page
    assert [Page(page).tags.count("script") for page in pages] == [1, 0, 0]


def test_pages_fetch_nothing(run: Run) -> None:
    for page in (index_page(run), model_page(run, "pkg.mod:net", INPUT)):
        assert set(re.findall(r"https?://[^\s\"<]+", page)) <= {"http://www.w3.org/2000/svg"}
        assert not {"link", "img", "iframe"} & set(Page(page).tags)


def test_names_that_differ_in_case_alone_have_pages_of_their_own(run: Run, tmp_path: Path) -> None:
    names = ("Net", "net", "../net", "a/b", "x" * 400)
    write_html(replace(run, references=(), cells=tuple(replace(run.cells[0], model=name) for name in names)), tmp_path)
    files = [file.name.lower() for file in (tmp_path / "models").iterdir()]
    assert len(set(files)) == len(names)
    pages = ["agreement.html", "conventions.html", "index.html", "models"]
    assert sorted(item.name for item in tmp_path.iterdir()) == pages


def test_a_page_tells_the_way_and_what_is_left(run: Run) -> None:
    page = model_page(run, "pkg.mod:net", INPUT)
    assert "+5 MAC unexplained" in page
    assert "In 44 BatchNorm2d layers." in page
    assert "Agrees: 7\N{NO-BREAK SPACE}parameters" in page
    assert "Operators without a formula" in page
    assert "Modules that never ran" in page
    assert page.count('class="waterfall"') == 1


def test_rows_and_columns_follow_the_run(run: Run) -> None:
    rows = matrix_rows(run, "compute")
    assert [row.model for row in rows] == ["pkg.mod:net", SCRIPT]
    assert [cell.text for cell in rows[0].cells] == ["1.0109", "failed", "1"]
    assert [cell.tone for cell in rows[0].cells] == ["over-2", "status", "agree"]
    assert rows[0].cells[0].residual
    assert rows[0].cells[0].href == f"models/{slug('pkg.mod:net')}.html#thop"
    assert "ValueError" in rows[0].cells[1].hint


def test_a_cell_that_is_missing_is_a_dash(run: Run) -> None:
    assert matrix_cell(None, "thop", "compute").text == "–"
    without = Cell("m", INPUT, "thop", "1", "ok", {"compute": resnet_like()})
    assert matrix_cell(without, "thop", "params").hint == "thop does not report params"


def test_a_huge_value_off_by_one_is_not_shown_as_agreeing(run: Run) -> None:
    last = matrix_rows(run, "compute")[1].cells[2]
    assert (last.text, last.tone) == ("1.0000", "under-1") or (last.text, last.tone) == ("≈1", "under-1")


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        (0, "agree"),
        (9, "over-1"),
        (11, "over-2"),
        (200, "over-3"),
        (900, "over-4"),
        (1001, "over-5"),
        (-1000, "under-5"),
    ],
)
def test_tones_follow_the_distance(delta: int, expected: str) -> None:
    assert tone(reconciliation(layer("a", "A", 1000, formula=delta))) == expected


def test_twice_as_many_operations_as_multiply_adds_are_level() -> None:
    doubled = reconciliation(layer("a", "A", 1000, unit=1000), unit="FLOP")
    assert tone(doubled) == "level"


def test_a_reference_of_zero_has_no_ratio() -> None:
    assert tone(reconciliation(layer("a", "A", 0, formula=3))) == "over-5"
    assert tone(parameters(0)) == "agree"
