"""One probe under one tool: what the tool counts, and all that a formula may be made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from reconcile.jobs.worker import measure_as_documented
from reconcile.learn.battery import UNUSED, VARIANTS
from reconcile.rules import Operators, plain_argument, quantities, terms_below, visible_operators
from reconcile.tools import Measurement
from reconcile.trace import Call, Trace, Value, trace_spec
from reconcile.zoo import ModelSpec, resolve

Level = Literal["graph", "dispatched"]
LEVELS: tuple[Level, ...] = ("graph", "dispatched")
FUSED = ["aten.scaled_dot_product_attention", "aten.lstm"]
"""Operators that run as one where torch can, so that nobody sees what they consist of."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that a tool may count: its name, its documented terms and quantities, and what a condition may ask for."""

    name: str
    terms: Mapping[str, int]
    quantities: Mapping[str, int]
    facts: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a tool counts for one probe, and what it may have counted.

    ``on_modules`` is what it books on modules, ``elsewhere`` what it books under ``booked_elsewhere``, which is no
    module; ``parameters`` is how many it finds. ``error`` is the tool's own sentence where it gives no number. There is
    a ``trace`` where the learner is shown nothing else.
    """

    subject: str
    setting: str
    variant: int
    on_modules: int = 0
    elsewhere: int = 0
    booked_elsewhere: str = ""
    parameters: int = 0
    module: Seen | None = None
    functions: tuple[Seen, ...] = ()
    graph: tuple[Seen, ...] = ()
    dispatched: tuple[Seen, ...] = ()
    error: str = ""
    trace: Trace | None = None

    @property
    def batch(self) -> int:
        """Length of the first input."""
        return VARIANTS[self.variant].batch

    @property
    def total(self) -> int:
        """All that the tool counts."""
        return self.on_modules + self.elsewhere


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool returned for a structural probe, with the probe's trace; None where it has no such metric."""

    trace: Trace
    compute: int | None = None
    parameters: int | None = None


def observe(tool: str, subject: str, setting: str, variant: int) -> Observation:
    """Trace a probe, then run the tool on it as documented."""
    spec = probe_spec(subject, setting, variant)
    trace = trace_spec(spec)[0]
    cell = measure_as_documented(spec, tool)
    found, parameters = cell.measurements.get("compute"), cell.measurements.get("params")
    if found is None:
        return Observation(subject, setting, variant, error=cell.error or f"{tool} counts no operations.")
    on_modules = _on_modules(found)
    child = next((call for call in trace.root.children if call.kind == "module"), None)
    functions = [call for call in trace.root.walk() if call.kind == "function"]
    graph, dispatched = (tuple(_visible(level, trace)) for level in LEVELS)
    return Observation(
        subject=subject,
        setting=setting,
        variant=variant,
        on_modules=on_modules,
        elsewhere=found.total - on_modules,
        booked_elsewhere=next((layer for layer, value in found.layers.items() if value and layer.startswith("(")), ""),
        parameters=0 if parameters is None else parameters.total,
        module=None if child is None else _seen(child, trace),
        functions=tuple(_seen(call, trace) for call in functions),
        graph=graph,
        dispatched=dispatched,
        trace=trace if variant in UNUSED else None,
    )


def observe_structure(tool: str, name: str, batch: int) -> Outcome:
    """Trace a structural probe, then run the tool on it as documented."""
    spec = _spec("structure", "network", name=name, batch=batch)
    trace = trace_spec(spec)[0]
    found = measure_as_documented(spec, tool).measurements
    compute, parameters = found.get("compute"), found.get("params")
    return Outcome(
        trace=trace,
        compute=None if compute is None else compute.total,
        parameters=None if parameters is None else parameters.total,
    )


def probe_spec(subject: str, setting: str, variant: int) -> ModelSpec:
    """Return a probe of the battery as a model that an import path names."""
    return _spec("battery", "probe", subject=subject, setting=setting, variant=variant)


def _spec(place: str, function: str, **arguments: str | int) -> ModelSpec:
    """The probe as a model that an import path names."""
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return resolve(f"reconcile.learn.{place}:{function}({given})")


def _on_modules(found: Measurement) -> int:
    return sum(value for layer, value in found.layers.items() if not layer.startswith("("))


def _visible(level: Level, trace: Trace) -> Iterator[Seen]:
    for call in visible_operators(Operators(level=level, fused=FUSED, rules=[]), trace.root):
        yield _seen(call, trace)


def _seen(call: Call, trace: Trace) -> Seen:
    terms = terms_below(call)
    if call.kind == "module":
        module = trace.modules[call.path]
        return Seen(module.type, terms, quantities(call, trace, terms), dict(module.attributes))
    facts = {name: plain_argument(call, name) for name in call.named}
    return Seen(call.name, terms, quantities(call, trace, terms), facts)
