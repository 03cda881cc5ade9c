"""Rules for activations and memory, which are not learned: those that are known are taken over, and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from reconcile.rules import Rulebook, predict_activations, predict_memory
from reconcile.tools import Measurement, Metric
from reconcile.trace import Trace

NOT_LEARNED: tuple[Metric, ...] = ("activations", "memory")


def totals_not_learned(measurements: Mapping[Metric, Measurement]) -> dict[Metric, int]:
    """What a tool returned of the metrics that are not learned."""
    return {metric: measurements[metric].total for metric in NOT_LEARNED if metric in measurements}


def with_rules_taken_over(book: Rulebook, metrics: Collection[Metric], known: Rulebook | None) -> Rulebook:
    """Return a rulebook with the rules of one that is known for metrics that the tool has and that are not learned."""
    if known is None:
        return book
    rules: dict[str, object] = {metric: getattr(known, metric) for metric in NOT_LEARNED if metric in metrics}
    if book.operators is None:
        rules.pop("activations", None)  # they are outputs of operators
    return book.model_copy(update=rules)


def predicted_not_learned(book: Rulebook, trace: Trace) -> dict[Metric, int]:
    """What a rulebook predicts of the metrics that are not learned, where it has rules for them."""
    found: dict[Metric, int] = {}
    if book.activations is not None:
        found["activations"] = sum(elements for _, elements in predict_activations(book, trace))
    if book.memory is not None:
        found["memory"] = predict_memory(book, trace).total
    return found


def what_was_taken_over(book: Rulebook, metrics: Collection[Metric]) -> Iterator[str]:
    """Say of each metric that the tool has and that is not learned where its rules come from."""
    for metric in NOT_LEARNED:
        if metric in metrics:
            known = getattr(book, metric) is not None
            where = "they are those of the rulebook that is known" if known else "there are none"
            yield f"rules for {metric} are not learned: {where}."
