"""Comparing two runs: every number, count, status, explanation, rule, verdict and cost that both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from reconcile.changes.columns import ColumnPair, ModelPair, pair_columns, pair_models
from reconcile.changes.costs import compare_costs
from reconcile.changes.reasons import Determinants, changed_versions
from reconcile.changes.record import Number, NumberKey, Record
from reconcile.changes.result import (
    Comparison,
    CountChange,
    ExplanationChange,
    MetricChange,
    NumberChange,
    RuleChange,
    Side,
    StatusChange,
    VerdictChange,
)
from reconcile.rules import changed_rules

Cell = tuple[ColumnPair, ModelPair, str, Number, Number]
"""A column and a model that both runs have, a metric, and what was said of it then and now."""


def compare_runs(before: Record, after: Record) -> Comparison:
    """Return everything that changed from one run to another."""
    columns, models = pair_columns(before, after), pair_models(before, after)
    cells = tuple(_cells(before, after, columns.both, models.both))
    moved = {pair.after for pair in models.both if any(_changed_counts(before, after, pair))}
    determined = Determinants(before, after, columns, moved)
    verdicts = before.verdicts or {}, after.verdicts or {}
    both_audited = before.verdicts is not None and after.verdicts is not None
    return Comparison(
        before=_side(before),
        after=_side(after),
        versions=tuple(changed_versions(before, after, columns)),
        settings=tuple(_changed_settings(before.settings, after.settings)),
        columns=columns,
        models=models,
        numbers=tuple(_number_changes(cells, determined)),
        counts=tuple(_count_changes(before, after, models.both, determined)),
        statuses=tuple(_status_changes(cells, determined)),
        explanations=tuple(_explanation_changes(cells, determined)),
        metrics=tuple(_metric_changes(before, after, determined)),
        rules=tuple(_rule_changes(before, after, determined)),
        verdicts=tuple(_verdict_changes(before, after, determined)),
        claims_gone=len(verdicts[0].keys() - verdicts[1].keys()) if both_audited else 0,
        claims_new=len(verdicts[1].keys() - verdicts[0].keys()) if both_audited else 0,
        costs=tuple(compare_costs(cells)),
        same_numbers=sum(was.value is not None and was.value == now.value for _, _, _, was, now in cells),
        same_verdicts=sum(verdicts[1].get(claim) == verdict for claim, verdict in verdicts[0].items()),
        remarks=(*before.remarks, *after.remarks),
    )


def _side(record: Record) -> Side:
    return Side(record.run_id, record.title)


def _cells(
    before: Record, after: Record, columns: tuple[ColumnPair, ...], models: tuple[ModelPair, ...]
) -> Iterator[Cell]:
    metrics = dict.fromkeys(key.metric for key in (*before.numbers, *after.numbers))
    for model in models:
        for column in columns:
            for metric in metrics:
                was = before.numbers.get(NumberKey(*model.before, column.before, metric))
                now = after.numbers.get(NumberKey(*model.after, column.after, metric))
                if was is not None and now is not None:
                    yield column, model, metric, was, now


def _changed_settings(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after and before[name] != after[name]:
            yield name.replace("_", " "), before[name], after[name]


def _changed_counts(before: Record, after: Record, pair: ModelPair) -> Iterator[tuple[str, int, int]]:
    was, now = before.models[pair.before].counts, after.models[pair.after].counts
    for metric, count in now.items():
        if metric in was and was[metric] != count:
            yield metric, was[metric], count


def _number_changes(cells: tuple[Cell, ...], determined: Determinants) -> Iterator[NumberChange]:
    for column, model, metric, was, now in cells:
        if was.value is None or now.value is None or was.value == now.value:
            continue
        references = was.reference, now.reference
        causes = _difference(was.causes, now.causes)
        reference_delta = (references[1] or 0) - (references[0] or 0)
        residual = (now.residual or 0) - (was.residual or 0)
        yield NumberChange(
            model=model.after,
            tool=column.name,
            metric=metric,
            unit=now.unit,
            before=was.value,
            after=now.value,
            reference_delta=reference_delta,
            causes=causes,
            residual=residual,
            residual_after=now.residual or 0,
            is_balanced=None not in references
            and now.value - was.value == reference_delta + sum(causes.values()) + residual,
            reasons=determined.of_number(column, model, was, now),
        )


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What each cause makes more, largest first."""
    deltas = {cause: after.get(cause, 0) - before.get(cause, 0) for cause in dict.fromkeys((*after, *before))}
    ranked = sorted(deltas.items(), key=lambda item: -abs(item[1]))
    return {cause: delta for cause, delta in ranked if delta}


def _count_changes(
    before: Record, after: Record, models: tuple[ModelPair, ...], determined: Determinants
) -> Iterator[CountChange]:
    for model in models:
        for metric, was, now in _changed_counts(before, after, model):
            yield CountChange(model.after, metric, was, now, determined.of_count(model, metric))


def _status_changes(cells: tuple[Cell, ...], determined: Determinants) -> Iterator[StatusChange]:
    seen = set()
    for column, model, _, was, now in cells:
        place = column, model
        if place not in seen and was.status != now.status:
            seen.add(place)
            error = now.error or was.error
            reasons = determined.of_status(column, model)
            yield StatusChange(model.after, column.name, was.status, now.status, error, reasons)


def _explanation_changes(cells: tuple[Cell, ...], determined: Determinants) -> Iterator[ExplanationChange]:
    for column, model, metric, was, now in cells:
        is_same = was.value is not None and (was.value, was.reference) == (now.value, now.reference)
        known = was.residual is not None and now.residual is not None
        if is_same and known and (was.residual != now.residual or was.causes != now.causes):
            yield ExplanationChange(
                model.after,
                column.name,
                metric,
                _difference(was.causes, now.causes),
                was.residual or 0,
                now.residual or 0,
                determined.of_explanation(column),
            )


def _metric_changes(before: Record, after: Record, determined: Determinants) -> Iterator[MetricChange]:
    """Metrics that a column reports in one run only, of cells with numbers in both."""
    reported = [_reported(record) for record in (before, after)]
    for column in determined.columns.both:
        then, now = reported[0].get(column.before, Counter()), reported[1].get(column.after, Counter())
        for metric in dict.fromkeys((*then, *now)):
            if then and now and bool(then[metric]) != bool(now[metric]):
                models = then[metric] or now[metric]
                yield MetricChange(column.name, metric, bool(now[metric]), models, determined.of_metric(column))


def _reported(record: Record) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for key, number in record.numbers.items():
        if number.value is not None:
            found.setdefault(key.tool, Counter())[key.metric] += 1
    return found


def _rule_changes(before: Record, after: Record, determined: Determinants) -> Iterator[RuleChange]:
    for column in determined.columns.both:
        then, now = before.rulebooks.get(column.before), after.rulebooks.get(column.after)
        if then is not None and now is not None:
            for sentence in changed_rules(then, now):
                yield RuleChange(column.name, sentence, determined.of_rules(column))


def _verdict_changes(before: Record, after: Record, determined: Determinants) -> Iterator[VerdictChange]:
    then = before.verdicts or {}
    for claim, now in (after.verdicts or {}).items():
        was = then.get(claim)
        if was is not None and was != now:
            yield VerdictChange(claim, was, now, determined.of_verdict())
