"""Which parameters a rulebook says that a tool counts, and where it books them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from reconcile.rules.predict import module_rule
from reconcile.rules.rulebook import Parameters, Rulebook
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
    parameters = rulebook.parameters
    if parameters is None:
        return ParameterClaims((), {}, {})
    match parameters.of:
        case "handled":
            counted = tuple(_below_handled(rulebook, trace))
        case "rows":
            counted, adjustments = _on_rows(trace)
        case "ran":
            counted = tuple(_of_modules_that_ran(parameters, trace))
        case "called":
            counted = tuple(_of_calls(parameters, trace))
        case _:
            counted = tuple((owner, name) for name, owner in owners(trace).items())
    counted = tuple((layer, name) for layer, name in counted if not trace.parameters[name].packed)
    omitted = {name: "unsupported-layer" for name, parameter in trace.parameters.items() if parameter.packed}
    if parameters.trainable_only:
        counted = tuple((layer, name) for layer, name in counted if trace.parameters[name].trainable)
        frozen = (name for name, parameter in trace.parameters.items() if not parameter.trainable)
        omitted = dict.fromkeys(frozen, "frozen") | omitted
    claimed = {name for _, name in counted}
    for name, owner in owners(trace).items():
        if name not in claimed and name not in omitted:
            omitted[name] = _reason(rulebook, parameters, trace, trace.modules[owner])
    return ParameterClaims(counted, omitted, adjustments)


def owners(trace: Trace) -> dict[str, str]:
    """Return the first owner of each parameter: the module that holds it under its first name."""
    return {name: name.rpartition(".")[0] for name in trace.parameters}


def _below_handled(rulebook: Rulebook, trace: Trace) -> Iterator[tuple[str, str]]:
    """All parameters below each module with a rule that ran, once for each owner; the model itself is none."""
    assert rulebook.modules is not None, "parameters of handled modules need rules for modules"
    by_path = {path: module for module in trace.modules.values() for path in module.visits}
    handled = {
        path
        for path, module in by_path.items()
        if path != ROOT and module.path in trace.calls and module_rule(rulebook.modules, module) is not None
    }
    for path, module in by_path.items():
        if path in handled and not any(above in handled for above in _above(path)):
            yield from ((path, name) for name in _parameters_below(module, trace))


def _of_modules_that_ran(parameters: Parameters, trace: Trace) -> Iterator[tuple[str, str]]:
    """What each module that ran holds itself, on that module."""
    for module in trace.modules.values():
        if module.path in trace.calls and not (parameters.watch == "leaves" and module.children):
            for own, name in module.parameters.items():
                if not parameters.names or own in parameters.names:
                    yield module.path, name


def _of_calls(parameters: Parameters, trace: Trace) -> Iterator[tuple[str, str]]:
    """The same for each call of a module below the model, and each of its owners."""
    for path, name in _of_modules_that_ran(parameters, trace):
        if path != ROOT:
            yield from [(path, name)] * (trace.calls[path] * len(trace.modules[path].visits))


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


def _above(path: str) -> Iterator[str]:
    """Yield the paths of all modules above one, the nearest first."""
    yield from islice(_upwards(path), 1, None)


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


def _reason(rulebook: Rulebook, parameters: Parameters, trace: Trace, owner: ModuleInfo) -> str:
    """Why a parameter is not counted."""
    if owner.path == ROOT or (parameters.watch == "leaves" and owner.children):
        return "container"
    by_rules = rulebook.modules is not None and parameters.of in ("handled", "all", "rows")
    has_none = rulebook.modules is not None and module_rule(rulebook.modules, owner) is None
    return "unsupported-layer" if owner.path in trace.calls or (by_rules and has_none) else "untraced"
