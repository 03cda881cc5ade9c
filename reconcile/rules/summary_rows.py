"""The rows of a summary: one for each call of a module, and one for each container above it that is not shown yet.

A module has one place, its last path, wherever it is called from; how deep it stands there decides what lies below
what. A row without parts holds all parameters of its module. One with parts holds what the rows below leave over of
its parameters, and at least 0: where these share parameters among each other, or with it, that takes off too much;
where they stand apart from it, too little. A module that is called again has further rows that hold nothing; a
container holds nothing in any row if it is shown more than once, or if it is called somewhere, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from reconcile.trace import ModuleInfo, Trace


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A module, how many modules it lies below, and whether its parameters count on this row."""

    module: ModuleInfo
    depth: int
    counts: bool


def summary_rows(trace: Trace) -> tuple[SummaryRow, ...]:
    """Return the rows from the first to the last."""
    shown = list(_shown(trace))
    called = {module.path for module, is_call in shown if is_call}
    times = Counter(module.path for module, _ in shown)
    seen: set[str] = set()
    rows: list[SummaryRow] = []
    for module, is_call in shown:
        counts = module.path not in seen if is_call else module.path not in called and times[module.path] == 1
        rows.append(SummaryRow(module, len(_names(module)), counts))
        if is_call:
            seen.add(module.path)
    return tuple(rows)


def _shown(trace: Trace) -> Iterator[tuple[ModuleInfo, bool]]:
    """Each module that is called, after those above it that are not shown yet; and whether it is called."""
    placed = {module.last_path: module for module in trace.modules.values()}
    compiled = [module for module in trace.modules.values() if _COMPILED in module.bases]
    called = [trace.modules[call.path] for call in trace.root.walk() if call.kind == "module"]
    current: tuple[str, ...] = ()
    for module in (*compiled, *called):
        names = _names(module)
        for depth in range(1, len(names)):
            if current[:depth] != names[:depth]:
                yield placed[".".join(names[:depth])], False
        yield module, True
        current = names


_COMPILED = "torch.jit._script.ScriptModule"
"""Modules that take no hooks: they are shown before all others, whether they run or not."""


def parameters_on_rows(trace: Trace, countable: Collection[str]) -> dict[str, int]:
    """Return how many elements of these parameters each module has on its row, by path, the last row first."""
    found: dict[str, int] = {}
    below: list[tuple[int, int]] = []  # depth of a row, and the sum of it and all below it; the nearest last
    for row in reversed(summary_rows(trace)):
        taken = 0
        while below and below[-1][0] > row.depth:
            taken += below.pop()[1]
        value = 0
        if row.counts:
            names = parameters_below(row.module, trace)
            value = sum(trace.parameters[name].elements for name in names if name in countable)
            value -= 0 if _has_no_parts(row.module, trace) else taken
            found[row.module.path] = max(value, 0)
        below.append((row.depth, taken + value))
    return found


def parameters_below(module: ModuleInfo, trace: Trace) -> tuple[str, ...]:
    """Return the first names of the parameters of a module and all below it, each once."""
    names: dict[str, None] = {}
    seen: set[str] = set()
    pending = [module]
    while pending:
        found = pending.pop()
        if found.path not in seen:
            seen.add(found.path)
            names.update(dict.fromkeys(found.parameters.values()))
            pending.extend(trace.modules[child] for child in reversed(found.children))
    return tuple(names)


def _has_no_parts(module: ModuleInfo, trace: Trace) -> bool:
    """Whether a module has no children, or empty lists alone, which Python takes for nothing."""
    return all(_is_empty(trace.modules[child]) for child in module.children)


def _is_empty(module: ModuleInfo) -> bool:
    is_list = not _LISTS.isdisjoint((module.type, *module.bases))
    return is_list and not module.children and not module.parameters


_LISTS = frozenset(
    f"torch.nn.{name}" for name in ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
)


def _names(module: ModuleInfo) -> tuple[str, ...]:
    return tuple(module.last_path.split(".")) if module.last_path else ()
