"""All that a network may be said to cost: by every convention, and by every tool's rulebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO

from reconcile.claims.unit import Kind
from reconcile.claims.variants import Change
from reconcile.configs import data_folder
from reconcile.errors import ReconcileError
from reconcile.reference import convention_names, count_trace, load_convention
from reconcile.rules import ExpressionError, load_rulebook, predict
from reconcile.tools import adapter
from reconcile.trace import Trace, trace_spec
from reconcile.zoo import InputSpec, ModelSpec


@dataclass(frozen=True)
class Measure:
    """A way to count: a convention or a tool's rulebook, and whether its numbers are multiply-adds or operations."""

    name: str
    kind: Kind
    of_tool: bool


@dataclass(frozen=True)
class Counts:
    """What one network costs on one input by each measure, and its parameters.

    ``parameters`` are all, under an empty name, and some of them under words that say which. ``reads_values`` is
    whether the count depends on values, as that of a detector does on the regions that it finds.
    """

    model: str
    input: str
    by_measure: Mapping[str, int]
    parameters: Mapping[str, int]
    reads_values: bool


@dataclass(frozen=True)
class Network:
    """A network and its input, as far as they decide about a count."""

    spec: ModelSpec
    inputs: InputSpec | None
    change: Change | None = None


CountsOf = Callable[[Network], Counts | str]
"""Counts a network, or says in a sentence why that cannot be done."""


@cache
def measures() -> Mapping[str, Measure]:
    """Return all measures by name: the conventions, then the tools' rulebooks, further versions among them."""
    conventions = {name: load_convention(name).unit for name in convention_names()}
    files = sorted((data_folder() / "rulebooks").glob("*.yaml"))
    tools = {file.stem: adapter(file.stem.partition("==")[0]).unit for file in files}
    found = [Measure(name, unit, name in tools) for name, unit in {**conventions, **tools}.items() if unit]
    return {measure.name: measure for measure in found}  # where a convention is called as a tool, the tool itself


def counting() -> CountsOf:
    """Return a function that counts networks, each once."""

    @cache
    def counts_of(network: Network) -> Counts | str:
        try:
            return _counts(network)
        except ReconcileError as error:
            return str(error)

    return counts_of


def _counts(network: Network) -> Counts:
    spec = network.spec if network.inputs is None else replace(network.spec, inputs=network.inputs)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # what a model prints while it is built
        trace, described = trace_spec(spec, change=network.change)
    by_measure = {}
    for measure in measures().values():
        value = _value(measure, trace)
        if value is not None:
            by_measure[measure.name] = value
    return Counts(spec.name, described, by_measure, _parameters(trace), trace.execution == "real")


def _parameters(trace: Trace) -> Mapping[str, int]:
    everything = trace.parameters.values()
    idle = tuple(f"{path}." for path in trace.uncalled)
    return {
        "": sum(parameter.elements for parameter in everything),
        "that are trained": sum(parameter.elements for parameter in everything if parameter.trainable),
        "of what runs": sum(parameter.elements for parameter in everything if not parameter.name.startswith(idle)),
    }


def _value(measure: Measure, trace: Trace) -> int | None:
    """The count by one measure, None where it has none for this network."""
    try:
        if measure.of_tool:
            return sum(claim.value for claim in predict(load_rulebook(measure.name), trace))
        return count_trace(trace, load_convention(measure.name)).total
    except (ExpressionError, ReconcileError):
        return None
