"""What changed between two runs as a web page."""

from __future__ import annotations

from reconcile.changes import Comparison
from reconcile.report.changes_sections import headline, sections
from reconcile.report.html import render


def changes_page(found: Comparison, report: str = "", back: str = "") -> str:
    """The page; ``report`` leads to the later run's own report, ``back`` to the page of all runs, if there are any."""
    return render(
        "changes.html.j2",
        found=found,
        headline=headline(found),
        sections=sections(found),
        report=report,
        back=back,
    )
