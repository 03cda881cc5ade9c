"""Which operators' outputs a rulebook says that a tool counts as activations."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.rules.predict import visible_operators
from reconcile.rules.quantities import plain_argument
from reconcile.rules.rulebook import Activations, Rulebook
from reconcile.trace import Call, Trace, tensors


def predict_activations(rulebook: Rulebook, trace: Trace) -> Iterator[tuple[Call, int]]:
    """Yield the operators that a tool counts, with the elements of their first outputs, in order of execution."""
    if rulebook.activations is not None:
        for call in operators_with_activations(rulebook, trace):
            if _counts(rulebook.activations, call):
                yield call, next(tensors(call.output)).elements


def operators_with_activations(rulebook: Rulebook, trace: Trace) -> Iterator[Call]:
    """Yield the operators that a tool sees when it counts activations, in order of execution."""
    assert rulebook.activations is not None, "it counts activations"
    assert rulebook.operators is not None, "they are outputs of operators"
    opened = [*rulebook.operators.opened, *rulebook.activations.opened]
    yield from visible_operators(rulebook.operators.model_copy(update={"opened": opened}), trace.root)


def _counts(activations: Activations, call: Call) -> bool:
    return call.name in activations.names and not any(
        plain_argument(call, name) in values for name, values in activations.unless.items()
    )
