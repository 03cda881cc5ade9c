"""Which parameters a rulebook says that a tool counts, and where it books them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconcile.rules.predict import module_rule
from reconcile.rules.rulebook import Rulebook
from reconcile.trace import ROOT, ModuleInfo, Trace


@dataclass(frozen=True, slots=True)
class ParameterClaims:
    """Parameters that a tool counts, as pairs of a layer and a parameter's first name, one parameter perhaps twice.

    ``omitted`` gives for each parameter that is not counted the cause. ``adjustments`` are elements added or taken
    off besides, by layer and cause.
    """

    counted: tuple[tuple[str, str], ...]
    omitted: Mapping[str, str]
    adjustments: Mapping[tuple[str, str], int]


def predict_parameters(rulebook: Rulebook, trace: Trace) -> ParameterClaims:
    """Return what a rulebook says of a model's parameters."""
    adjustments: dict[tuple[str, str], int] = {}
    match rulebook.parameters.of:
        case "handled":
            counted = tuple(_below_handled(rulebook, trace))
        case "rows":
            counted, adjustments = _on_rows(trace)
        case _:
            counted = tuple((owner, name) for name, owner in owners(trace).items())
    counted = tuple((layer, name) for layer, name in counted if not trace.parameters[name].packed)
    omitted = {name: "unsupported-layer" for name, parameter in trace.parameters.items() if parameter.packed}
    if rulebook.parameters.trainable_only:
        counted = tuple((layer, name) for layer, name in counted if trace.parameters[name].trainable)
        frozen = (name for name, parameter in trace.parameters.items() if not parameter.trainable)
        omitted = dict.fromkeys(frozen, "frozen") | omitted
    claimed = {name for _, name in counted}
    for name, owner in owners(trace).items():
        if name not in claimed and name not in omitted:
            omitted[name] = _reason(rulebook, trace, trace.modules[owner])
    return ParameterClaims(counted, omitted, adjustments)


def owners(trace: Trace) -> dict[str, str]:
    """Return the first owner of each parameter: the module that holds it under its first name."""
    return {name: name.rpartition(".")[0] for name in trace.parameters}


def _below_handled(rulebook: Rulebook, trace: Trace) -> Iterator[tuple[str, str]]:
    """All parameters below each module with a rule that ran, once for each owner; the model itself is none."""
    assert rulebook.modules is not None, "parameters of handled modules need rules for modules"
    for module in trace.modules.values():
        if module.path != ROOT and module.path in trace.calls and module_rule(rulebook.modules, module) is not None:
            for path in module.visits:
                yield from ((path, name) for name in _parameters_below(module, trace))


def _on_rows(trace: Trace) -> tuple[tuple[tuple[str, str], ...], dict[tuple[str, str], int]]:
    """Rows of a summary: each parameter on the nearest row at or above each of its owners.

    A row that has others below it holds its sum less theirs, and at least 0: where rows below share parameters, that
    takes off too much.
    """
    with_row = {above for path in trace.calls for above in _upwards(path)}
    rows = [path for path in trace.modules if path in with_row]
    on_row: dict[str, dict[str, None]] = {row: {} for row in rows}
    for module in trace.modules.values():
        on_row[_nearest(module.path, on_row)].update(dict.fromkeys(module.parameters.values()))
    adjustments: dict[tuple[str, str], int] = {}
    held_below: dict[str, int] = {}
    for row in reversed(rows):  # a module stands before those below it
        booked = held = _elements(on_row[row], trace)
        if row in held_below:
            held = _elements(_parameters_below(trace.modules[row], trace), trace) - held_below[row]
            if max(held, 0) != booked:
                adjustments[row, "reuse"] = max(held, 0) - booked
        if row != ROOT:
            above = _nearest(row.rpartition(".")[0], on_row)
            held_below[above] = held_below.get(above, 0) + held + held_below.get(row, 0)
    return tuple((row, name) for row, names in on_row.items() for name in names), adjustments


def _upwards(path: str) -> Iterator[str]:
    """Yield a module's path and those of all modules above it."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ROOT


def _nearest(path: str, rows: Collection[str]) -> str:
    while path not in rows:
        path = path.rpartition(".")[0]
    return path


def _elements(names: Iterable[str], trace: Trace) -> int:
    return sum(trace.parameters[name].elements for name in names)


def _parameters_below(module: ModuleInfo, trace: Trace) -> tuple[str, ...]:
    """First names of the parameters of a module and all below it, each once."""
    names: dict[str, None] = dict.fromkeys(module.parameters.values())
    for child in module.children:
        names.update(dict.fromkeys(_parameters_below(trace.modules[child], trace)))
    return tuple(names)


def _reason(rulebook: Rulebook, trace: Trace, owner: ModuleInfo) -> str:
    if owner.path == ROOT:
        return "container"
    known = rulebook.modules is None or module_rule(rulebook.modules, owner) is not None
    return "untraced" if known and owner.path not in trace.calls else "unsupported-layer"
