"""The pages of changes and of all weeks in a browser: from disk, offline, at the widths of a desktop and of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from reconcile.changes import HISTORY, Comparison, compare_runs, keep, read_record
from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.report import write_changes, write_changes_into, write_report, write_weeks
from reconcile.rules import find_rulebook
from reconcile.run.result import Cell, Run
from tests.browser.test_report_page import Opened, browser, overflow, pytestmark

__all__ = ["browser", "pytestmark"]

WIDTHS = (1400, 390)
INPUT = "1x3x224x224 float32"
SCRIPT = "<script>alert(1)</script>"
LONG = "a_model_with_a_name_that_does_not_end_" + "x" * 80
MODELS = ("resnet50", SCRIPT, LONG, *(f"model_{number}" for number in range(22)))
REFERENCE = 4_089_184_256
TOOLS = ("thop", "fvcore", "<b>tool</b>")


def number(metric: str, value: int) -> Reconciliation:
    reference = REFERENCE if metric == "compute" else 25_557_032
    units = ("MAC", "MAC") if metric == "compute" else ("parameter", "parameter")
    layer = LayerDifference("conv1", "Conv2d", 1, value, reference, {"normalization": value - reference})
    return Reconciliation(metric, units[0], value, "macs", units[1], reference, (layer,))


def week(place: int, thop: str, torch: str, by: int, lost: str = "", script: str = "") -> Run:
    """The run of a week: thop says ``by`` more of every model, and gives no number for one."""
    measured = {"compute": number("compute", REFERENCE), "params": number("params", 25_557_032)}
    cells = []
    for position, model in enumerate(MODELS):
        said = {**measured, "compute": number("compute", REFERENCE + by * (position + 1))}
        if model == lost:
            cells.append(Cell(model, INPUT, "thop", thop, "failed", error=f"RuntimeError: {SCRIPT} " + "x" * 120))
        else:
            cells.append(Cell(model, INPUT, "thop", thop, "ok", said, 2.0, 300.0))
        cells += [Cell(model, INPUT, tool, "1", "ok", measured, 1.0, 300.0) for tool in TOOLS[1:]]
    manifest = {
        "run_id": f"2025010{place}T000000Z-week",
        "started": f"2025-01-0{place}T00:00:00+00:00",
        "versions": {"torch": torch, "torchvision": "0.24.0", SCRIPT: f"{SCRIPT}{script}"},
        "tools": {"thop": thop, "fvcore": "1", "<b>tool</b>": "1"},
        "models": [{"name": model, "input": INPUT, "mode": "eval", "reference": REFERENCE} for model in MODELS],
    }
    book = find_rulebook("thop")
    assert book is not None
    assert book.modules is not None
    if by:
        fewer = book.modules.model_copy(update={"rules": book.modules.rules[1:]})
        book = book.model_copy(update={"modules": fewer})
    references = tuple(ModelReference(model, INPUT, REFERENCE, 25_557_032) for model in MODELS)
    return Run(manifest["run_id"], "macs", "MAC", TOOLS, references, tuple(cells), manifest, {"thop": book})


WEEKS = (
    week(1, "0.1.1.post2209072238", "2.9.0", 0),
    week(2, "0.1.1.post2209072238", "2.9.0", 0),
    week(3, "0.2.0", "2.9.0", 1_000_000),
    week(4, "0.2.0", "2.10.0", 1_000_000, lost="resnet50", script="2"),
    week(5, "0.3.0", "2.10.0", 300_000_000),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five weeks, and a comparison of the first with the fourth."""
    weeks = tmp_path_factory.mktemp("weeks") / "weekly"
    history = weeks / HISTORY
    before, found = None, None
    for run in WEEKS:
        place = weeks / run.run_id
        write_report(run, place)
        record = read_record(place)
        found = None if before is None else compare_runs(before, record)
        keep(place, history, lambda kept, found=found, place=place: add(kept, found, place))
        before = record
    broken = keep(weeks / WEEKS[0].run_id, history)
    broken.rename(history / "broken")
    (history / "broken" / "cells.parquet").write_bytes(b"PAR1")
    keep(weeks / WEEKS[0].run_id, history)
    assert found is not None
    write_weeks(weeks, history, found, record.title)
    first, fourth = (read_record(weeks / run.run_id) for run in (WEEKS[0], WEEKS[3]))
    write_changes(
        compare_runs(replace(first, remarks=(f"the rulebook of {SCRIPT}",)), fourth), weeks.parent / "changes"
    )
    return weeks.parent


def add(kept: Path, found: Comparison | None, place: Path) -> None:
    if found is not None:
        write_changes_into(kept, found, report=f"../../{place.name}/index.html", back="../../index.html")


PageName = Literal["changes", "trend", "week"]
PLACES = {
    "changes": "changes/index.html",
    "trend": "weekly/index.html",
    "week": f"weekly/history/{WEEKS[3].run_id}/index.html",
}


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def opened(browser: Browser, width: int) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_offline(True)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    opened.page.on("request", lambda sent: opened.requests.append(sent.url))
    yield opened
    assert opened.complaints == []
    assert {url.partition(":")[0] for url in opened.requests} == {"file"}
    context.close()


def go(opened: Opened, folder: Path, name: PageName) -> Page:
    opened.page.goto((folder / PLACES[name]).as_uri())
    return opened.page


def open_details(page: Page) -> None:
    for details in page.locator("details").all():
        if details.get_attribute("open") is None:
            details.locator("summary").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PLACES)
def test_the_page_fits_and_its_tables_stay_in_their_cards(
    opened: Opened, folder: Path, name: PageName, scheme: Literal["light", "dark"]
) -> None:
    opened.page.emulate_media(color_scheme=scheme)
    page = go(opened, folder, name)
    assert overflow(page) == 0
    open_details(page)
    assert overflow(page) == 0
    inside = """boxes => boxes.filter(box => {
        const card = box.closest('.card').getBoundingClientRect(), own = box.getBoundingClientRect();
        return own.left < card.left || own.right > card.right + 0.5;
    }).length"""
    boxes = page.locator(".scroll")
    assert boxes.count() > 0
    assert boxes.evaluate_all(inside) == 0


def test_wide_tables_scroll_inside_their_card(opened: Opened, folder: Path, width: int) -> None:
    page = go(opened, folder, "changes")
    wider = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).length"
    if width < 640:
        assert page.locator(".scroll").evaluate_all(wider) > 0
    assert page.locator(".scroll").evaluate_all(
        "boxes => boxes.every(box => getComputedStyle(box).overflowX === 'auto')"
    )


@pytest.mark.parametrize("name", PLACES)
def test_names_are_shown_as_text(opened: Opened, folder: Path, name: PageName) -> None:
    page = go(opened, folder, name)
    open_details(page)
    assert page.locator("script").count() == 0
    assert page.locator("b").count() == 0
    if name != "week":
        expect(page.get_by_text(SCRIPT).first).to_be_visible()


@pytest.mark.parametrize("name", PLACES)
def test_links_lead_to_files_and_places_that_are_there(opened: Opened, folder: Path, name: PageName) -> None:
    page = go(opened, folder, name)
    links = page.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert links
    for link in links:
        path, _, anchor = str(link).removeprefix("file://").partition("#")
        assert Path(path).is_file(), link
        assert not anchor or page.locator(f"[id='{anchor}']").count() == 1


def test_one_goes_from_the_weeks_to_a_week_and_back(opened: Opened, folder: Path) -> None:
    page = go(opened, folder, "trend")
    row = page.locator("tr", has_text="torch 2.9.0 → 2.10.0")
    row.get_by_role("link", name="changes").click()
    expect(page.locator("h1")).to_have_text("What changed")
    expect(page.locator(".alarm")).to_contain_text("thop gives no number for resnet50 any more")
    page.get_by_role("link", name="the run’s report").click()
    page.go_back()
    page.get_by_role("link", name="All weeks").click()
    expect(page.locator("h1")).to_have_text("FLOP counters, week by week")


def test_long_tables_are_folded_and_open(opened: Opened, folder: Path) -> None:
    page = go(opened, folder, "changes")
    folded = page.locator("details", has_text="25 rows").or_(page.locator("details", has_text="24 rows"))
    expect(folded.locator("table")).to_be_hidden()
    folded.locator("summary").click()
    expect(folded.locator("table tbody tr")).to_have_count(len(MODELS) - 1)  # one lost its number
    expect(folded.locator("table")).to_be_visible()
    expect(folded.locator("table")).to_contain_text(f"{REFERENCE + 25_000_000 - 23_000_000:,}")


def test_the_weeks_tell_what_moved(opened: Opened, folder: Path) -> None:
    page = go(opened, folder, "trend")
    happened = page.locator("table").first.locator("tbody tr")
    expect(happened).to_have_count(len(WEEKS))
    expect(happened.last).to_contain_text("the first run")
    expect(happened.nth(3)).to_contain_text("nothing changed")
    expect(happened.nth(2)).to_contain_text("thop 0.1.1.post2209072238 → 0.2.0")
    expect(happened.nth(1)).to_contain_text("; 1 failure that came or went")
    expect(page.get_by_text("broken is left out")).to_be_visible()
    thop = page.locator("section#thop")
    drawing = thop.locator("svg[role=img]")
    expect(drawing).to_be_visible()
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 700  # on a phone too: it scrolls in its card
    expect(thop.locator("svg")).to_contain_text("0.2.0")
    expect(thop.locator("svg")).to_contain_text("torch 2.10.0")
    moved = thop.locator("details", has_text="that moved").first
    if moved.get_attribute("open") is None:
        moved.locator("summary").click()
    expect(moved.locator("tbody tr").first).to_contain_text(f"{REFERENCE:,}")
    expect(page.locator("section#fvcore")).to_contain_text("0 numbers moved, 50 did not")
