"""Which parameters a rulebook says that a tool counts, and where it books them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from reconcile.rules.predict import module_rule
from reconcile.rules.rulebook import Parameters, Rulebook
from reconcile.rules.summary_rows import parameters_below, parameters_on_rows
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
    omitted = dict(_that_no_module_counts(parameters, trace))
    countable = trace.parameters.keys() - omitted
    match parameters.of:
        case "handled":
            counted = tuple(_below_handled(rulebook, trace))
        case "rows":
            counted, adjustments = _on_rows(trace, countable)
        case "ran":
            counted = tuple(_of_modules_that_ran(parameters, trace))
        case "called":
            counted = tuple(_of_calls(parameters, trace))
        case _ if parameters.shared == "each":
            counted, adjustments = _on_each_owner(trace, countable)
        case _:
            counted = tuple((owner, name) for name, owner in owners(trace).items())
    counted = tuple((layer, name) for layer, name in counted if name in countable)
    claimed = {name for _, name in counted}
    for name, owner in owners(trace).items():
        if name not in claimed and name not in omitted:
            omitted[name] = _reason(rulebook, parameters, trace, trace.modules[owner])
    return ParameterClaims(counted, omitted, adjustments)


def _that_no_module_counts(parameters: Parameters, trace: Trace) -> Iterator[tuple[str, str]]:
    """Parameters that do not count wherever they stand, each with its cause."""
    for name, parameter in trace.parameters.items():
        if parameter.packed:
            yield name, "unsupported-layer"
        elif parameters.trainable_only and not parameter.trainable:
            yield name, "frozen"


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
            yield from ((path, name) for name in parameters_below(module, trace))


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


def _on_each_owner(
    trace: Trace, countable: Collection[str]
) -> tuple[tuple[tuple[str, str], ...], dict[tuple[str, str], int]]:
    """Each parameter on every path to a module that holds it.

    A module's own number is that of all parameters at and below it, each once, less the same numbers of its children:
    what n of these hold is taken off n times.
    """
    holders: dict[str, list[str]] = {name: [] for name in trace.parameters}
    for module in trace.modules.values():
        for name in dict.fromkeys(module.parameters.values()):
            holders[name].extend(module.visits)
    adjustments: Counter[tuple[str, str]] = Counter()
    for name in countable:
        elements, paths = trace.parameters[name].elements, holders[name]
        if len(paths) > 1:
            with_it = {above for path in paths for above in _upwards(path)}
            taken_off = Counter(next(_above(path)) for path in with_it if path != ROOT)
            for path, children in taken_off.items():
                adjustments[path, "reuse"] += ((path not in paths) - children) * elements
    counted = tuple((path, name) for name, paths in holders.items() for path in paths)
    return counted, {place: delta for place, delta in adjustments.items() if delta}


def _on_rows(
    trace: Trace, countable: Collection[str]
) -> tuple[tuple[tuple[str, str], ...], dict[tuple[str, str], int]]:
    """Rows of a summary: each parameter on the nearest row at or above each of its owners.

    What a row holds otherwise is due to what its parts share; or to parts that stand in several places, so that the
    first row for them holds all, and later rows the parts once more.
    """
    elements = parameters_on_rows(trace, countable)
    on_row: dict[str, dict[str, None]] = {path: {} for path in trace.modules if path in elements}
    for module in trace.modules.values():
        on_row[_nearest(module.path, on_row)].update(dict.fromkeys(module.parameters.values()))
    adjustments: dict[tuple[str, str], int] = {}
    for row, names in on_row.items():
        booked = sum(trace.parameters[name].elements for name in names if name in countable)
        if elements[row] != booked:
            cause = "reuse" if _shares(trace.modules[row], trace) else "container"
            adjustments[row, cause] = elements[row] - booked
    return tuple((row, name) for row, names in on_row.items() for name in names), adjustments


def _shares(module: ModuleInfo, trace: Trace) -> bool:
    """Whether a module, or something below it, has another owner."""
    return (
        len(module.visits) > 1
        or any(len(trace.parameters[name].names) > 1 for name in module.parameters.values())
        or any(_shares(trace.modules[child], trace) for child in module.children)
    )


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


def _reason(rulebook: Rulebook, parameters: Parameters, trace: Trace, owner: ModuleInfo) -> str:
    """Why a parameter is not counted."""
    if owner.path == ROOT or (parameters.watch == "leaves" and owner.children):
        return "container"
    by_rules = rulebook.modules is not None and parameters.of in ("handled", "all", "rows")
    has_none = rulebook.modules is not None and module_rule(rulebook.modules, owner) is None
    return "unsupported-layer" if owner.path in trace.calls or (by_rules and has_none) else "untraced"
