from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from reconcile.diff.result import LayerDifference, Reconciliation
from reconcile.jobs.result import ModelReference
from reconcile.report import write_report
from reconcile.run.result import Cell, Run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip  # one entry a line would fill the page
WIDTHS = (1400, 400)

# On a developer's machine a browser is a courtesy; where CI is set, its absence is a failure.
pytestmark = pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="no Chromium is installed")


TOOLS = ("thop", "fvcore", "ptflops-pytorch", "<b>tool</b>")
MODELS = ("pkg.mod:net", "<script>alert(1)</script>", "a_model_with_a_name_that_does_not_end_" + "x" * 80)


def three_models() -> Run:
    conv = LayerDifference("conv1", "Conv2d", 1, 4_089_284_608, 4_089_284_608, {})
    norm = LayerDifference("bn1", "BatchNorm2d", 1, 44_455_936, 0, {"normalization": 44_455_936})
    differs = Reconciliation("compute", "MAC", 4_133_740_544, "macs", "MAC", 4_089_284_608, (conv, norm))
    params = Reconciliation("params", "parameter", 7, "parameters", "parameter", 7, ())
    measured = {"compute": differs, "params": params}
    cells = [
        Cell(model, "1x3x224x224", tool, "1", "ok", measured)
        if tool != "fvcore"
        else Cell(model, "1x3x224x224", tool, "1", "failed", error="No.")
        for model in MODELS
        for tool in TOOLS
    ]
    references = tuple(ModelReference(model, "1x3x224x224", 4_089_284_608, 7) for model in MODELS)
    return Run("run-1", "macs", "MAC", TOOLS, references, tuple(cells), {"command": ["reconcile", "run", "x" * 300]})


@dataclass
class Opened:
    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "report"
    write_report(three_models(), folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=WIDTHS)
def opened(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    context.set_offline(True)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda sent: opened.requests.append(sent.url))
    opened.page.goto((report / "index.html").as_uri())
    yield opened
    assert opened.complaints == []
    assert {url.partition(":")[0] for url in opened.requests} == {"file"}
    context.close()


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_the_matrix_has_a_row_per_model_and_fits(opened: Opened) -> None:
    matrix = opened.page.locator("table.matrix[data-metric=compute]")
    expect(matrix).to_be_visible()
    expect(matrix.locator("tbody tr")).to_have_count(len(MODELS))
    expect(matrix.locator("tbody tr").first.locator("td.cell")).to_have_count(len(TOOLS))
    assert overflow(opened.page) == 0


def test_a_cell_leads_to_its_waterfall(opened: Opened) -> None:
    opened.page.locator("table.matrix[data-metric=compute] td.cell a").first.click()
    opened.page.wait_for_url("**/models/*.html#thop")
    drawing = opened.page.locator("#thop svg.waterfall")
    expect(drawing).to_be_visible()
    box = drawing.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert box["height"] > 100
    opened.page.locator("#thop details summary").first.click()
    expect(opened.page.locator("#thop table.layers").first).to_be_visible()
    assert overflow(opened.page) == 0


def test_the_switch_shows_the_parameters(opened: Opened) -> None:
    opened.page.get_by_text("Parameters", exact=True).first.click()
    expect(opened.page.locator("table.matrix[data-metric=params]")).to_be_visible()
    expect(opened.page.locator("table.matrix[data-metric=compute]")).to_be_hidden()
    assert overflow(opened.page) == 0


def test_the_filter_hides_other_models(opened: Opened) -> None:
    rows = opened.page.locator("table.matrix[data-metric=compute] tbody tr:visible")
    opened.page.get_by_label("Filter models").fill("PKG.mod")
    expect(rows).to_have_count(1)
    opened.page.get_by_label("Filter models").fill("nothing like it")
    expect(rows).to_have_count(0)
    expect(opened.page.locator("#nothing")).to_be_visible()


def test_the_first_column_stays_when_the_matrix_scrolls(browser: Browser, report: Path) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto((report / "index.html").as_uri())
    first = page.locator("table.matrix[data-metric=compute] tbody th").first
    before = first.bounding_box()
    moved = page.locator(".matrix-box").first.evaluate("box => { box.scrollLeft = 200; return box.scrollLeft; }")
    after = first.bounding_box()
    assert moved > 0
    assert before is not None
    assert after is not None
    assert after["x"] == before["x"]
    page.close()


def test_a_pair_of_tools_leads_to_its_causes(opened: Opened) -> None:
    opened.page.get_by_text("how often each two tools agree").click()
    opened.page.wait_for_url("**/agreement.html")
    opened.page.locator("#compute").get_by_text("Flipped", exact=True).click()
    matrix = opened.page.locator("#compute table.heat:visible")
    expect(matrix).to_have_count(1)
    expect(matrix.locator("tbody tr")).to_have_count(len(TOOLS))  # without the one that fails, with the reference
    matrix.locator("td.cell a").first.click()
    expect(opened.page.locator("tr:target")).to_be_in_viewport()
    assert overflow(opened.page) == 0
