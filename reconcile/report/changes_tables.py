"""What changed between two runs as a table: a row for each change."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.changes import Comparison
from reconcile.changes.reasons import Reasons
from reconcile.report.changes_sections import because, made_of
from reconcile.report.tables import Row, Table

CHANGE_COLUMNS = (
    "before_run", "after_run", "kind", "model", "input", "tool", "metric", "before", "after", "delta", "made_of",
    "reasons", "because", "note",
)  # fmt: skip  # a list of names


def changes_table(found: Comparison) -> Table:
    """A row for each change: its kind, where, what was then and is now, and why.

    ``reasons`` are codes, ``because`` is the same in words; where nothing that determines it changed, there is none.
    """
    runs = (found.before.run_id, found.after.run_id)
    return Table(CHANGE_COLUMNS, tuple((*runs, *row) for row in _rows(found)))


def _rows(found: Comparison) -> Iterator[Row]:
    yield from _new_and_gone(found)
    yield from _found(found)


def _new_and_gone(found: Comparison) -> Iterator[Row]:
    """What the two runs were made with."""
    for name, was, now in found.versions:
        yield _row("version", note=name, before=was, after=now)
    for name, was, now in found.settings:
        yield _row("setting", note=name, before=was, after=now)
    for tool in found.columns.gone:
        yield _row("column", tool=tool, before="there", after="gone")
    for tool in found.columns.new:
        yield _row("column", tool=tool, before="", after="new")
    for place in found.models.gone:
        yield _row("model", *place, before="there", after="gone")
    for place in found.models.new:
        yield _row("model", *place, before="", after="new")
    for pair in found.models.both:
        if pair.before != pair.after:
            yield _row("input", *pair.after, before=pair.before.input, after=pair.after.input)


def _found(found: Comparison) -> Iterator[Row]:
    """What came of them."""
    for rule in found.rules:
        yield _row("rule", tool=rule.tool, why=(rule.reasons,), note=rule.sentence)
    for number in found.numbers:
        yield _row(
            "number", *number.model, number.tool, number.metric, number.before, number.after, number.delta,
            made_of(number), (number.reasons,),
        )  # fmt: skip  # as the columns stand
    for count in found.counts:
        delta = count.after - count.before
        yield _row("count", *count.model, "", count.metric, count.before, count.after, delta, why=(count.reasons,))
    for status in found.statuses:
        yield _row(
            "status", *status.model, status.tool, before=status.before, after=status.after, why=(status.reasons,),
            note=status.error,
        )  # fmt: skip  # as above
    for item in found.explanations:
        made = ", ".join(f"{cause} {delta:+,}" for cause, delta in item.causes.items())
        residuals = item.residual_before, item.residual_after
        yield _row("explanation", *item.model, item.tool, item.metric, *residuals, None, made, (item.reasons,))
    for metric in found.metrics:
        states = ("", "new") if metric.is_new else ("there", "gone")
        yield _row("metric", "", "", metric.tool, metric.metric, *states, why=(metric.reasons,))
    for verdict in found.verdicts:
        claim = verdict.claim
        printed = f"{claim.value} {claim.unit}, {claim.source} {claim.where}".strip()
        states = verdict.before.verdict, verdict.after.verdict
        yield _row("verdict", claim.model, claim.input, "", "", *states, why=(verdict.reasons,), note=printed)
    for cost in found.costs:
        yield _row("cost", tool=cost.tool, metric=cost.what, before=round(cost.before, 3), after=round(cost.after, 3))


def _row(
    kind: str,
    model: str = "",
    input: str = "",  # noqa: A002  # the name of the column
    tool: str = "",
    metric: str = "",
    before: str | int | float = "",
    after: str | int | float = "",
    delta: int | None = None,
    made: str = "",
    why: tuple[Reasons, ...] = (),
    note: str = "",
) -> Row:
    codes = " ".join(dict.fromkeys(reason.code for reasons in why for reason in reasons))
    words = "; ".join(because(reasons) for reasons in why if reasons)
    return (kind, model, input, tool, metric, before, after, delta, made, codes, words, note)
