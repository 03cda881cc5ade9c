"""One probe under one tool: what the tool counts, and all that a formula may be made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from reconcile.jobs.result import MeasuredCell
from reconcile.jobs.worker import measure_as_documented
from reconcile.learn.battery import UNUSED, VARIANTS
from reconcile.learn.structure import FORMS, NETWORKS
from reconcile.learn.taken_over import totals_not_learned
from reconcile.rules import (
    Functions,
    Operators,
    arguments,
    plain_argument,
    quantities,
    terms_below,
    visible_functions,
    visible_operators,
)
from reconcile.tools import Measurement, Metric
from reconcile.trace import Call, Trace, Value, trace_spec
from reconcile.zoo import Mode, ModelSpec, resolve

Level = Literal["every", "graph", "dispatched"]
LEVELS: tuple[Level, ...] = ("every", "graph", "dispatched")
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
    module; ``compute`` tells whether it counts operations at all. ``parameters`` is how many it finds, None where it
    counts none. ``batch`` is the length of the first input. ``error`` is the tool's own sentence where it gives no
    number. There is a ``trace`` where the learner is shown nothing else. ``not_learned`` is what it returned of other
    metrics.
    """

    subject: str
    setting: str
    variant: int
    batch: int = 1
    compute: bool = True
    on_modules: int = 0
    elsewhere: int = 0
    booked_elsewhere: str = ""
    parameters: int | None = None
    module: Seen | None = None
    functions: tuple[Seen, ...] = ()
    outer_functions: tuple[Seen, ...] = ()
    every: tuple[Seen, ...] = ()
    graph: tuple[Seen, ...] = ()
    dispatched: tuple[Seen, ...] = ()
    error: str = ""
    trace: Trace | None = None
    not_learned: Mapping[Metric, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All that the tool counts."""
        return self.on_modules + self.elsewhere


class Place(NamedTuple):
    """A probe in one size; cut out of one image, or as it is."""

    subject: str
    setting: str
    variant: int
    one_image: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool returned for a structural probe, with the probe's trace; None where it has no such metric.

    ``on_modules`` is what of ``compute`` it books on modules, ``parameters_on`` are its parameters by layer. ``error``
    is the tool's own sentence where it gives no number.
    """

    trace: Trace | None = None
    compute: int | None = None
    on_modules: int = 0
    parameters: int | None = None
    parameters_on: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    not_learned: Mapping[Metric, int] = field(default_factory=dict)


def observe(tool: str, subject: str, setting: str, variant: int) -> Observation:
    """Trace a probe, then run the tool on it as documented; on one image, if it takes no other input."""
    for one_image in (False, True):
        spec = probe_spec(subject, setting, variant, one_image=one_image)
        trace = trace_spec(spec)[0]
        cell = measure_as_documented(spec, tool)
        if cell.status != "unsupported":
            break
    return _observation(Place(subject, setting, variant, one_image), trace, cell)


def observe_in_sizes(
    tool: str, subject: str, setting: str, variants: Sequence[int], one_image: bool
) -> dict[int, Observation]:
    """Observe a probe in several sizes, in one process; return by variant what the tool takes.

    All are traced before the tool runs for the first time. After a size at which it raises none is observed any more:
    it may have left things behind.
    """
    specs = {variant: probe_spec(subject, setting, variant, one_image=one_image) for variant in variants}
    traces = {variant: trace_spec(spec)[0] for variant, spec in specs.items()}
    found: dict[int, Observation] = {}
    for variant, spec in specs.items():
        cell = measure_as_documented(spec, tool)
        if cell.status != "unsupported":
            found[variant] = _observation(Place(subject, setting, variant, one_image), traces[variant], cell)
            if cell.status != "ok":
                break
    return found


def _observation(place: Place, trace: Trace, cell: MeasuredCell) -> Observation:
    subject, setting, variant, one_image = place
    if not cell.measurements:
        return Observation(subject, setting, variant, error=cell.error)
    found, parameters = cell.measurements.get("compute"), cell.measurements.get("params")
    on_modules = 0 if found is None else _on_modules(found)
    child = next((call for call in trace.root.children if call.kind == "module"), None)
    functions, outer, every, graph, dispatched = (
        tuple(_seen(call, trace) for call in calls)
        for calls in (
            visible_functions(Functions(rules=[]), trace.root),
            visible_functions(Functions(nested=False, rules=[]), trace.root),
            *(visible_operators(Operators(level=level, fused=FUSED, rules=[]), trace.root) for level in LEVELS),
        )
    )
    return Observation(
        subject=subject,
        setting=setting,
        variant=variant,
        batch=1 if one_image else VARIANTS[variant].batch,
        compute=found is not None,
        on_modules=on_modules,
        elsewhere=0 if found is None else found.total - on_modules,
        booked_elsewhere="" if found is None else next(_places_beside_modules(found), ""),
        parameters=None if parameters is None else parameters.total,
        module=None if child is None else _seen(child, trace),
        functions=functions,
        outer_functions=outer,
        every=every,
        graph=graph,
        dispatched=dispatched,
        trace=trace if variant in UNUSED else None,
        not_learned=totals_not_learned(cell.measurements),
    )


def observe_past_hooks(tool: str, subject: str, setting: str) -> Outcome:
    """Run the tool on a probe that calls its module's forward method, on which no hook is."""
    given: Mapping[str, str | int] = {"subject": subject, "setting": setting, "variant": 0, "past_hooks": True}
    return _outcome(tool, [_spec("battery", "probe", "eval", **given, one_image=form) for form in (False, True)])


def observe_structure(tool: str, name: str, batch: int) -> Outcome:
    """Trace a structural probe, then run the tool on it as documented."""
    mode = NETWORKS[name][1]
    return _outcome(tool, [_spec("structure", "network", mode, name=name, batch=batch, form=form) for form in FORMS])


def _outcome(tool: str, forms: Sequence[ModelSpec]) -> Outcome:
    """What the tool returns for the first form of a model that it takes."""
    for spec in forms:
        trace = trace_spec(spec)[0]
        cell = measure_as_documented(spec, tool)
        if cell.status != "unsupported":
            break
    compute, parameters = cell.measurements.get("compute"), cell.measurements.get("params")
    return Outcome(
        trace=trace if cell.measurements else None,
        compute=None if compute is None else compute.total,
        on_modules=0 if compute is None else _on_modules(compute),
        parameters=None if parameters is None else parameters.total,
        parameters_on={} if parameters is None else parameters.layers,
        error=cell.error,
        not_learned=totals_not_learned(cell.measurements),
    )


def probe_spec(subject: str, setting: str, variant: int, *, one_image: bool = False) -> ModelSpec:
    """Return a probe of the battery as a model that an import path names."""
    return _spec("battery", "probe", "eval", subject=subject, setting=setting, variant=variant, one_image=one_image)


def _spec(place: str, function: str, mode: Mode, **arguments: str | int) -> ModelSpec:
    """The probe as a model that an import path names."""
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return resolve(f"reconcile.learn.{place}:{function}({given})", mode=mode)


def _places_beside_modules(found: Measurement) -> Iterator[str]:
    yield from (layer for layer, value in found.layers.items() if value and layer.startswith("("))


def _on_modules(found: Measurement) -> int:
    return sum(value for layer, value in found.layers.items() if not layer.startswith("("))


def _seen(call: Call, trace: Trace) -> Seen:
    terms = terms_below(call)
    whole = {name: size for name, size in quantities(call, trace, terms).items() if isinstance(size, int)}
    if call.kind == "module":
        module = trace.modules[call.path]
        return Seen(module.type, terms, whole, dict(module.attributes))
    facts = {name: plain_argument(call, name) for name in arguments(call)}
    return Seen(call.name, terms, whole, facts)
