"""What changed between two runs, in sections of sentences and tables: for the terminal, Markdown and the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconcile.changes import Comparison
from reconcile.changes.reasons import Reasons
from reconcile.changes.result import CostChange, NumberChange, StatusChange
from reconcile.report.numbers import exact, percent, plural, signed

Entry = str | int
"""A text, or a number that is shown with all its digits."""

Item = TypeVar("Item")

NO_REASON = "nothing that determines it has changed"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows under titles, after a caption that may be empty; columns with numbers stand to the right."""

    titles: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A kind of change: what there is to say of it, shortest first. ``is_alarm``: somebody has to look at it."""

    title: str
    sentence: str
    grids: tuple[Grid, ...]
    is_alarm: bool = False


def headline(found: Comparison) -> str:
    """What changed, in one sentence."""
    if found.is_empty:
        verdicts = f" and {plural(found.same_verdicts, 'verdict')}" if found.same_verdicts else ""
        versions = "; ".join(f"{name} {_to(was, now)}" for name, was, now in found.versions if name != "revision")
        though = f", though these are other versions: {versions}" if versions else ""
        same = f"{plural(found.same_numbers, 'number')}{verdicts} the same"
        return f"Nothing changed since {found.before.title}: {same}{though}."
    parts = [
        (len(found.columns.new) + len(found.columns.gone), "column that only one run has"),
        (len(found.models.new) + len(found.models.gone), "model that only one run has"),
        (len(found.rules), "rule"),
        (len(found.numbers), "number"),
        (len({change.model for change in found.counts}), "native count"),
        (len(found.statuses), "status"),
        (len(found.explanations), "explanation"),
        (len(found.metrics), "metric"),
        (len(found.verdicts), "verdict"),
        (found.claims_new + found.claims_gone, "claim that only one run has"),
        (len(found.costs), "cost"),
    ]
    said = ", ".join(_plural(number, noun) for number, noun in parts if number)
    return f"Changed since {found.before.title}: {said}. {plural(found.same_numbers, 'number')} stayed the same."


def sections(found: Comparison) -> tuple[Section, ...]:
    """All that changed, what somebody has to look at first."""
    return tuple(_sections(found))


def because(reasons: Reasons) -> str:
    """Why, in words; several reasons that cannot be told apart stand side by side."""
    return "; ".join(reason.words for reason in reasons) or NO_REASON


def made_of(change: NumberChange) -> str:
    """What a change consists of: ``reference +5, bias -3, unexplained +1``."""
    if not change.is_balanced:
        return ""
    parts = {"reference": change.reference_delta, **change.causes, "unexplained": change.residual}
    return ", ".join(f"{name} {signed(delta)}" for name, delta in parts.items() if delta)


def _sections(found: Comparison) -> Iterator[Section]:
    if found.alarms:
        sentence = f"{plural(len(found.alarms), 'change')} that somebody has to look at."
        grid = _grid(("What",), ((alarm,) for alarm in found.alarms))
        yield Section("To look at", sentence, (grid,), is_alarm=True)
    if not found.is_empty:
        yield from _what_is_new(found)
    for items, section in (
        (found.rules, _rules),
        (found.numbers, _numbers),
        (found.counts, _counts),
        (found.statuses, _statuses),
        (found.explanations, _explanations),
        (found.metrics, _metrics),
        ((*found.verdicts, *range(found.claims_new + found.claims_gone)), _verdicts),
        (found.costs, _costs),
        (found.remarks, _remarks),
    ):
        if items:
            yield section(found)


def _grid(titles: tuple[str, ...], rows: Iterable[tuple[Entry, ...]], caption: str = "") -> Grid:
    return Grid(titles, tuple(rows), caption)


def _what_is_new(found: Comparison) -> Iterator[Section]:
    versions = (*found.versions, *found.settings)
    rows: list[tuple[Entry, ...]] = [(name, was or "–", now or "–") for name, was, now in versions]
    rows += [(f"column {name}", "–", "new") for name in found.columns.new]
    rows += [(f"column {name}", "there", "gone") for name in found.columns.gone]
    rows += [(f"model {key.model}, {key.input}", "–", "new") for key in found.models.new]
    rows += [(f"model {key.model}, {key.input}", "there", "gone") for key in found.models.gone]
    rows += [
        (f"input of {pair.after.model}", pair.before.input, pair.after.input)
        for pair in found.models.both
        if pair.before != pair.after
    ]
    if rows:
        yield Section("What the runs were made with", "", (_grid(("What", "Then", "Now"), rows),))


def _rules(found: Comparison) -> Section:
    groups = _grouped(found.rules, lambda item: (item.tool, because(item.reasons)))
    tools = len({tool for tool, _ in groups})
    sentence = "One column counts by other rules." if tools == 1 else f"{tools} columns count by other rules."
    grids = (
        _grid((f"What {tool} counts otherwise",), ((item.sentence,) for item in items), f"{tool}, because: {why}")
        for (tool, why), items in groups.items()
    )
    return Section("Rules", sentence, tuple(grids))


def _counts(found: Comparison) -> Section:
    groups = _grouped(found.counts, lambda item: (because(item.reasons),))
    grids = (
        _grid(
            ("Model", "What", "Then", "Now", "Change"),
            (
                (item.model.model, item.metric, item.before, item.after, _change(item.before, item.after))
                for item in items
            ),
            f"Because: {why}",
        )
        for (why,), items in groups.items()
    )
    models = len({item.model for item in found.counts})
    sentence = f"The native counter says something else of {plural(models, 'model')}."
    return Section("Native counts", sentence, tuple(grids))


def _explanations(found: Comparison) -> Section:
    number = len(found.explanations)
    sentence = f"{plural(number, 'number')} that stayed the same {'is' if number == 1 else 'are'} explained otherwise."
    titles = ("Model", "Metric", "Causes, now less then", "Unexplained then", "Unexplained now")
    groups = _grouped(found.explanations, lambda item: (item.tool, because(item.reasons)))
    grids = (
        _grid(
            titles,
            (
                (
                    item.model.model,
                    item.metric,
                    ", ".join(f"{cause} {signed(delta)}" for cause, delta in item.causes.items()),
                    item.residual_before,
                    item.residual_after,
                )
                for item in items
            ),
            f"{tool}, because: {why}",
        )
        for (tool, why), items in groups.items()
    )
    return Section("Explanations", sentence, tuple(grids))


def _metrics(found: Comparison) -> Section:
    rows = (
        (item.tool, item.metric, "new" if item.is_new else "gone", item.models, because(item.reasons))
        for item in found.metrics
    )
    grid = _grid(("Column", "Metric", "What", "Models", "Because"), rows)
    return Section("Metrics", "What columns report beside what they did.", (grid,))


def _costs(found: Comparison) -> Section:
    rows = ((item.tool or "all columns", item.what, *_amounts(item)) for item in found.costs)
    return Section("Time and memory", "", (_grid(("Column", "What", "Then", "Now", "Change"), rows),))


def _remarks(found: Comparison) -> Section:
    return Section("Not compared", "", (_grid(("What",), ((remark,) for remark in found.remarks)),))


def _numbers(found: Comparison) -> Section:
    groups = _grouped(found.numbers, lambda item: (item.tool, item.metric, because(item.reasons)))
    overview = (
        (tool, metric, len(items), _range([_share(item.before, item.after) for item in items]), why)
        for (tool, metric, why), items in groups.items()
    )
    details = (
        _grid(
            ("Model", "Then", "Now", "Change", "Made of"),
            (
                (item.model.model, item.before, item.after, _change(item.before, item.after), made_of(item))
                for item in sorted(items, key=lambda item: -abs(_share(item.before, item.after)))
            ),
            f"{tool}, {metric}, because: {why}",
        )
        for (tool, metric, why), items in groups.items()
    )
    models = len({change.model for change in found.numbers})
    sentence = f"{plural(len(found.numbers), 'number')} of {plural(models, 'model')} moved."
    return Section("Numbers", sentence, (_grid(("Column", "Metric", "Models", "By", "Because"), overview), *details))


def _statuses(found: Comparison) -> Section:
    def key(item: StatusChange) -> tuple[str, str, str, str]:
        return item.tool, item.before, item.after, because(item.reasons)

    rows: list[tuple[Entry, ...]] = []
    for (tool, before, after, why), items in _grouped(found.statuses, key).items():
        names = ", ".join(item.model.model for item in items[:_NAMED])
        more = f" and {exact(len(items) - _NAMED)} more" if len(items) > _NAMED else ""
        rows.append((tool, f"{before} → {after}", len(items), names + more, items[0].error, why))
    come = sum(item.has_come for item in found.statuses)
    gone = sum(item.after == "ok" for item in found.statuses)
    sentence = f"{plural(come, 'cell')} lost {'its' if come == 1 else 'their'} number, {exact(gone)} got one."
    titles = ("Column", "Status", "Cells", "Models", "In the tool’s words", "Because")
    return Section("Failures", sentence, (_grid(titles, rows),))


_NAMED = 6


def _verdicts(found: Comparison) -> Section:
    rows = tuple(
        (
            item.claim.model,
            f"{item.claim.value} {item.claim.unit}",
            item.claim.source,
            _verdict(item.before.verdict, item.before.measure),
            _verdict(item.after.verdict, item.after.measure),
            because(item.reasons),
        )
        for item in found.verdicts
    )
    parts = [
        (len(found.verdicts), "published number is judged otherwise", "published numbers are judged otherwise"),
        (found.claims_new, "is new", "are new"),
        (found.claims_gone, "is gone", "are gone"),
    ]
    sentence = ", ".join(f"{exact(n)} {one if n == 1 else many}" for n, one, many in parts if n)
    grid = Grid(("Model", "Printed", "Source", "Then", "Now", "Because"), rows)
    return Section("Verdicts", f"{sentence}.", (grid,) if rows else ())


def _verdict(verdict: str, measure: str) -> str:
    return f"{verdict}, {measure}" if measure else verdict


def _amounts(item: CostChange) -> tuple[str, str, str]:
    unit = "s" if item.what == "seconds" else "MB"
    return f"{item.before:,.1f} {unit}", f"{item.after:,.1f} {unit}", f"{item.after / item.before:.2f} times"


def _grouped(items: Iterable[Item], key: Callable[[Item], tuple[str, ...]]) -> dict[tuple[str, ...], list[Item]]:
    found: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found


def _share(before: int, after: int) -> float:
    """By what share of itself a number grew; infinite from 0."""
    return (after - before) / abs(before) if before else float("inf")


def _change(before: int, after: int) -> str:
    return _percent(_share(before, after))


def _range(shares: Sequence[float]) -> str:
    low, high = min(shares), max(shares)
    return _percent(low) if _percent(low) == _percent(high) else f"{_percent(low)} to {_percent(high)}"


def _percent(share: float) -> str:
    if share == float("inf"):
        return "from 0"
    if share == 0:
        return "0 %"
    text = percent(max(1, round(abs(share) * 1_000_000)), 1_000_000)
    return f"{'+' if share > 0 else '-'}{text}"


def _to(was: str, now: str) -> str:
    return f"{was or '–'} → {now or '–'}"


def _plural(number: int, noun: str) -> str:
    first, *rest = noun.split(" that ")
    if first == "status":
        return f"{exact(number)} status{'' if number == 1 else 'es'}"
    words = plural(number, first)
    return " that ".join((words, *rest))
