"""An audit as a web page: what is out of line first, then every number, and how far numbers and counts are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reconcile.claims import VERDICTS, Audit, AuditedClaim
from reconcile.report.html import render

MEANINGS = {
    "confirmed": "right, as labelled",
    "mislabelled": "right, in the other unit: multiply-adds called FLOPs, or the other way about",
    "convention": "right under a convention or a tool that counts other things too",
    "input": "right for another input than the one that is stated, or the model's own",
    "variant": "right for another network that goes by the name",
    "slip": "a mistake of writing",
    "approximate": "near, within five per cent",
    "unexplained": "nothing that was tried fits",
    "not-countable": "there is no such model here, or it cannot be counted",
}

_EDGES = (0.1, 0.45, 0.55, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.8, 2.2, 10.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """How many printed numbers are so many times the count."""

    label: str
    number: int
    share: float


def audit_page(audit: Audit) -> str:
    """The page of an audit; it needs nothing but itself."""
    found = audit.verdicts
    called_out = [row for row in audit.claims if row.is_out_of_line]
    return render(
        "audit.html.j2",
        audit=audit,
        verdicts=[(name, found[name], MEANINGS[name]) for name in VERDICTS if found.get(name)],
        called_out=sorted(called_out, key=lambda row: -VERDICTS.index(row.finding.verdict)),
        bins=_bins(audit.claims),
    )


def _bins(rows: Sequence[AuditedClaim]) -> tuple[Bin, ...]:
    """The ratios of printed numbers to what was counted by the best hypothesis."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    bounds = [0.0, *_EDGES, float("inf")]
    numbers = [sum(low <= ratio < high for ratio in ratios) for low, high in pairwise(bounds)]
    labels = [f"below {_EDGES[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(_EDGES))]
    labels.append(f"{_EDGES[-1]:g} and more")
    most = max(numbers, default=0) or 1
    return tuple(Bin(label, n, n / most) for label, n in zip(labels, numbers, strict=True) if n)
