"""The page of an audit in a browser: offline, without complaints, at the widths of a desktop and of a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from reconcile.claims import audit, claim_of
from reconcile.claims.counts import Counts, Network
from reconcile.report import write_audit
from tests.browser.test_report_page import WIDTHS, browser, overflow, pytestmark

__all__ = ["browser", "pytestmark"]

ROWS = (
    ("alexnet", "714", "MMACs"),
    ("alexnet", "7140", "MMACs"),
    ("<script>alert(1)</script>" + "x" * 90, "1", "GMACs"),
    ("vgg16", "0.71", "GFLOPs"),
    ("vgg16", "many", "GFLOPs"),
)


def counts_of(network: Network) -> Counts | str:
    return Counts(network.spec.name, "1x3x224x224", {"macs": 714_188_480, "twice-macs": 1_428_376_960}, {"": 7}, False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "report"
    rows = [
        claim_of({"model": model, "value": value, "unit": unit, "source": "a paper"}, f"row {number}")
        for number, (model, value, unit) in enumerate(ROWS, 1)
    ]
    write_audit(audit(rows, counts_of), folder)
    return folder


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_out_of_line_stands_first(browser: Browser, report: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((report / "index.html").as_uri())
    called_out, everything = page.locator("table.claims").all()
    expect(called_out.locator("tbody tr")).to_have_count(1)
    expect(called_out.locator("tbody tr")).to_contain_text("10 times as large")
    expect(everything.locator("tbody tr")).to_have_count(4)
    expect(page.get_by_text("row 5: the value 'many' is not a number.")).to_be_visible()
    expect(page.locator(".verdict.mislabelled").first).to_be_visible()
    assert overflow(page) == 0
    assert complaints == []
    context.close()
