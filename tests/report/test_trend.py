"""All runs of a history in words, in a chart, as a table."""

from __future__ import annotations

import re

from reconcile.changes.trend import Point, Series, Step, Trend
from reconcile.report.trend_chart import Mark, trend_svg
from reconcile.report.trend_events import Event, events
from reconcile.report.trend_page import steps_table, trend_page


def point(week: int, version: str = "1.0", changes: dict[str, int] | None = None, torch: str = "2.9.0") -> Point:
    return Point(f"run-{week}", f"2026-01-{week:02}T05:17:00+00:00", {"thop": version}, {"torch": torch}, changes)


MOVED = Series("thop", "compute", "alexnet", "1x3x224x224", (Step(0, 100), Step(4, 110), Step(5, None)))
STEADY = Series("thop", "params", "alexnet", "1x3x224x224", (Step(0, 7),))
HISTORY = Trend(
    (
        point(1),
        point(2, changes={}),
        point(3, changes={}),
        point(4, changes={"version": 1}, torch="2.10.0"),
        point(5, version="2.0", changes={"version": 1, "rule": 2, "number": 1, "status": 1}, torch="2.10.0"),
        point(6, version="2.0", torch="2.10.0"),
        point(7, version="2.0", changes={"status": 2}, torch="2.10.0"),
        point(8, version="2.0", changes={}, torch="2.10.0"),
    ),
    (MOVED, STEADY),
)


def test_what_happened() -> None:
    assert events(HISTORY) == (
        Event("run-8", "2026-01-08", ("nothing changed",), True),
        Event("run-7", "2026-01-07", ("2 failures that came or went",), True),
        Event("run-6", "2026-01-06", ("1 number",), False),  # what it changed was not kept, but its numbers were
        Event(
            "run-5",
            "2026-01-05",
            ("thop 1.0 → 2.0", "2 rules", "1 number", "1 failure that came or went"),
            True,
        ),
        Event("run-4", "2026-01-04", ("torch 2.9.0 → 2.10.0",), True),
        Event("", "2026-01-02 to 2026-01-03", ("nothing changed in 2 runs",), False),
        Event("run-1", "2026-01-01", ("the first run",), False),
    )


def test_columns_that_come_and_go() -> None:
    first, second = point(1), Point("run-2", "2026-01-02", {"fvcore": "1.0"}, {"torch": "2.9.0"}, {})
    found = Trend((first, second), (STEADY,))
    assert events(found)[0].words == ("thop is gone", "fvcore is new")
    page = " ".join(trend_page(found, "Changed.", ()).split())
    assert "1.0 since 2026-01-01; not run after 2026-01-01." in page


def test_what_only_came_or_went_has_no_chart() -> None:
    lost = Series("thop", "compute", "alexnet", "1x3x224x224", (Step(0, 100), Step(4, None)))
    assert "<svg " not in trend_page(Trend(HISTORY.points, (lost,)), "Changed.", ())


def test_each_step_is_a_row() -> None:
    where = ("compute", "alexnet", "1x3x224x224")
    assert list(steps_table(HISTORY).rows) == [
        ("run-5", "2026-01-05T05:17:00+00:00", "thop", "2.0", *where, 100, 110),
        ("run-6", "2026-01-06T05:17:00+00:00", "thop", "2.0", *where, 110, None),
    ]


def test_the_chart_names_versions_and_dates() -> None:
    dates = [point.started for point in HISTORY.points]
    drawing = trend_svg('A "chart" <of> thop', dates, [MOVED], [Mark(0, "1.0"), Mark(4, "2.0"), Mark(4, "torch <2>")])
    assert 'aria-label="A &quot;chart&quot; &lt;of> thop"' in drawing
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert {"1.0", "2.0", "torch &lt;2&gt;", "2026-01-01", "2026-01-08"} <= set(texts)
    heights = {label: _height(drawing, label) for label in ("1.0", "2.0", "torch &lt;2&gt;")}
    assert heights["1.0"] == heights["2.0"] > heights["torch &lt;2&gt;"]  # of two at one place one stands above


def _height(drawing: str, label: str) -> float:
    found = re.search(rf"translate\([-\d.]+,([-\d.]+)\)[^>]*>{re.escape(label)}<", drawing)
    assert found is not None
    return float(found[1])


def test_the_page_follows_every_number() -> None:
    page = trend_page(HISTORY, "Nothing changed.", ["run-8"])
    assert page.count("<svg ") == 1
    assert '<a href="run-8/index.html">report</a>' in page
    assert '<a href="history/run-5/index.html">changes</a>' in page
    assert "history/run-6/index.html" not in page
    assert "1 number moved, 1 did not." in " ".join(page.split())


def test_no_run_at_all() -> None:
    page = trend_page(Trend((), (), ("run-1 is left out: <b>no</b>",)), "Nothing.", [])
    assert "0 runs" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
