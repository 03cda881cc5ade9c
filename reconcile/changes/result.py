"""What changed between two runs, as data: every change with its reasons, and how much stayed the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconcile.changes.columns import Columns, Models
from reconcile.changes.reasons import Reasons
from reconcile.changes.record import ClaimKey, ModelKey, Verdict


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number of a column that is another.

    ``after - before = reference_delta + sum(causes) + residual``, each the later less the earlier, where both runs have
    a reference (``is_balanced``). ``residual_after`` is what is not explained now.
    """

    model: ModelKey
    tool: str
    metric: str
    unit: str
    before: int
    after: int
    reference_delta: int
    causes: Mapping[str, int]
    residual: int
    residual_after: int
    is_balanced: bool
    reasons: Reasons

    @property
    def delta(self) -> int:
        """By how much the number is larger now."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class CountChange:
    """A number of the native counter that is another."""

    model: ModelKey
    metric: str
    before: int
    after: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A cell that gives no number any more, or gives one now, or fails in another way."""

    model: ModelKey
    tool: str
    before: str
    after: str
    error: str
    reasons: Reasons

    @property
    def has_come(self) -> bool:
        """Whether there was a number, and is none."""
        return self.before == "ok"


@dataclass(frozen=True, slots=True)
class ExplanationChange:
    """A number that is the same, between the same reference, and is explained otherwise."""

    model: ModelKey
    tool: str
    metric: str
    causes: Mapping[str, int]
    residual_before: int
    residual_after: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric that a column did not report before, or does no longer, and on how many models."""

    tool: str
    metric: str
    is_new: bool
    models: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What a tool counts otherwise: a sentence with the layers, the formula then and the formula now."""

    tool: str
    sentence: str
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A published number that is judged otherwise."""

    claim: ClaimKey
    before: Verdict
    after: Verdict
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class CostChange:
    """What a column's cells take otherwise: ``what`` is seconds or megabytes. ``tool`` is empty for all together."""

    tool: str
    what: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs, in words."""

    run_id: str
    title: str


@dataclass(frozen=True)
class Comparison:
    """Two runs, all that changed between them, and how many numbers did not. ``versions`` are name, then and now."""

    before: Side
    after: Side
    versions: tuple[tuple[str, str, str], ...]
    settings: tuple[tuple[str, str, str], ...]
    columns: Columns
    models: Models
    numbers: tuple[NumberChange, ...]
    counts: tuple[CountChange, ...]
    statuses: tuple[StatusChange, ...]
    explanations: tuple[ExplanationChange, ...]
    metrics: tuple[MetricChange, ...]
    rules: tuple[RuleChange, ...]
    verdicts: tuple[VerdictChange, ...]
    claims_gone: int
    claims_new: int
    costs: tuple[CostChange, ...]
    same_numbers: int
    same_verdicts: int
    remarks: tuple[str, ...]

    @cached_property
    def is_empty(self) -> bool:
        """Whether all that both runs found is the same; versions and settings may differ without any effect."""
        changes = (self.numbers, self.counts, self.statuses, self.explanations, self.metrics, self.rules, self.verdicts)
        only_one = (self.columns.gone, self.columns.new, self.models.gone, self.models.new, self.costs)
        return not any((*changes, *only_one)) and not self.claims_gone and not self.claims_new

    @cached_property
    def alarms(self) -> tuple[str, ...]:
        """What somebody has to look at, in a sentence each; a change that has its reason is none."""
        return tuple(_alarms(self))


def _alarms(found: Comparison) -> Iterator[str]:
    for change in found.numbers:
        if not change.reasons:
            place = f"{change.tool} on {change.model.model}, {change.metric}"
            yield f"{place}: {change.before} became {change.after}, and nothing that determines it has changed."
    for count in found.counts:
        if not count.reasons:
            yield (
                f"the native {count.metric} of {count.model.model}: {count.before} became {count.after}, and nothing "
                "that determines it has changed."
            )
    for status in found.statuses:
        if status.has_come:
            yield f"{status.tool} gives no number for {status.model.model} any more: {status.error or status.after}"
    unexplained = Counter(change.tool for change in found.numbers if change.residual and change.residual_after)
    for tool, number in unexplained.items():
        yield f"{tool}: its rules do not explain {number} of the numbers that moved."
    for item in found.explanations:
        if item.residual_after and not item.residual_before:
            place = f"{item.tool} on {item.model.model}, {item.metric}"
            yield f"{place}: {item.residual_after} of the number, which is the same, is not explained any more."
    for verdict in found.verdicts:
        if verdict.after.verdict in ("slip", "unexplained") and verdict.before.verdict not in ("slip", "unexplained"):
            printed = f"{verdict.claim.value} {verdict.claim.unit}, {verdict.claim.source or 'no source'}"
            yield f"{verdict.claim.model} ({printed}) is {verdict.after.verdict} now."
