"""Why a number is another: what determines it and has changed, less what the two runs themselves rule out.

A column's number on a model is determined by the tool (its version, its environment), by the model (its library, its
source, its input), by what runs both (torch, Python, this project), and by nothing else. Of what has changed, these
are ruled out:

- what makes the model, if the native counter finds the same model as before;
- the tool and what runs both, if the native counter finds another model, and the same rules explain the column's number
  on either, to the last operation.

Of several reasons that are left, each may be the one. If nothing that determines a number has changed, there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reconcile.changes.columns import ColumnPair, Columns, ModelPair
from reconcile.changes.record import ModelKey, Number, Record

ReasonCode = Literal["tool", "library", "model", "torch", "python", "configuration", "project", "machine", "limits"]
"""What may be why; docs/weekly.md says what each is."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that determines numbers and has changed, in words: ``torch 2.9.0 → 2.14.1``."""

    code: ReasonCode
    words: str


Reasons = tuple[Reason, ...]


@dataclass(frozen=True)
class Determinants:
    """What determines the numbers of two runs; ``moved`` are models of which the native counter says something else."""

    before: Record
    after: Record
    columns: Columns
    moved: Collection[ModelKey] = ()

    def of_number(self, pair: ColumnPair, model: ModelPair, was: Number, now: Number) -> Reasons:
        """Why a column says something else of a model that both runs have."""
        of_tool, of_model, shared = self.of_tool(pair), self._of_model(model), self._shared
        by_same_rules = self.before.rulebooks.get(pair.before) == self.after.rulebooks.get(pair.after) is not None
        if (of_tool or shared) and model.after not in self.moved:
            of_model = tuple(reason for reason in of_model if reason.code == "configuration")
        if of_model and model.after in self.moved and by_same_rules and was.residual == now.residual == 0:
            of_tool, shared = (), ()
        return _each_once(*of_tool, *of_model, *shared, *self._of_machine(model))

    def of_status(self, pair: ColumnPair, model: ModelPair) -> Reasons:
        """Why a column gives a number no longer, or gives one now."""
        limits = self._setting("limits", ("timeout_seconds", "memory_limit_mb"))
        return _each_once(*self.of_tool(pair), *self._of_model(model), *self._shared, *limits)

    def of_count(self, model: ModelPair, metric: str) -> Reasons:
        """Why the native counter says something else of a model; a convention is for compute alone."""
        asked = self._setting("configuration", ("convention",)) if metric == "compute" else ()
        torch = self._version("torch", "torch")
        counted = (*self._sources("counting"), *asked)
        return _each_once(*self._of_model(model), *torch, *counted, *self._of_machine(model))

    def of_metric(self, pair: ColumnPair) -> Reasons:
        """Why a column reports another metric."""
        return _each_once(*self.of_tool(pair), *self._shared)

    def of_explanation(self, pair: ColumnPair) -> Reasons:
        """Why the same number is explained otherwise."""
        rulebook: Reasons = ()
        if self.before.rulebooks.get(pair.before) != self.after.rulebooks.get(pair.after):
            rulebook = self.of_tool(pair) or (Reason("project", f"the rulebook of {pair.name}"),)
        return _each_once(*rulebook, *self._sources("explaining"))

    def of_rules(self, pair: ColumnPair) -> Reasons:
        """Why a tool counts by other rules."""
        written_anew = (Reason("project", f"the rulebook of {pair.name}"),)
        return self.of_tool(pair) or self._version("torch", "torch") or written_anew

    def of_verdict(self) -> Reasons:
        """Why a published number is judged otherwise."""
        libraries = [name for name in ("torch", "torchvision", "timm") if name in self.before.versions]
        versions = [reason for name in libraries for reason in self._version(_code_of(name), name)]
        return _each_once(*versions, *self._sources("auditing"))

    def of_tool(self, pair: ColumnPair) -> Reasons:
        """What is new about a column's tool, and how this project reads it."""
        was, now = pair.was, pair.now
        if pair.is_replaced:
            return (Reason("tool", f"{pair.before} {was.version} → {pair.after} {now.version}"),)
        found = []
        if was.version != now.version:
            found.append(Reason("tool", f"{pair.name} {was.version or 'unknown'} → {now.version or 'unknown'}"))
        elif was.contents != now.contents:
            changed = sorted({*was.contents} ^ {*now.contents})
            found.append(Reason("tool", f"the environment of {pair.name}: {', '.join(changed)}"))
        if was.adapter and now.adapter and was.adapter != now.adapter:
            found.append(Reason("project", f"the adapter of {pair.name}"))
        return tuple(found)

    def _of_model(self, model: ModelPair) -> Reasons:
        name = model.after.model
        found = list(self._version("library", "timm" if name.startswith("timm/") else "torchvision"))
        was, now = self.before.models[model.before], self.after.models[model.after]
        if was.source and now.source and was.source != now.source:
            found.append(Reason("model", f"the source of {name}"))
        if model.before.input != model.after.input:
            found.append(Reason("configuration", f"input {model.before.input} → {model.after.input}"))
        if was.mode and now.mode and was.mode != now.mode:
            found.append(Reason("configuration", f"mode {was.mode} → {now.mode}"))
        return (*found, *self._sources("zoo"), *self._setting("configuration", ("seed",)))

    def _of_machine(self, model: ModelPair) -> Reasons:
        """The processor, for a model whose control flow reads values."""
        reads_values = self.after.models[model.after].execution == "real"
        return self._setting("machine", ("processor",)) if reads_values else ()

    @cached_property
    def _shared(self) -> Reasons:
        return (
            *self._version("torch", "torch"),
            *self._version("python", "python"),
            *self._sources("measuring"),
            *self._setting("configuration", ("execution",)),
        )

    def _version(self, code: ReasonCode, name: str) -> Reasons:
        was, now = self.before.versions.get(name), self.after.versions.get(name)
        return () if was == now else (Reason(code, f"{name} {was or 'unknown'} → {now or 'unknown'}"),)

    def _setting(self, code: ReasonCode, names: tuple[str, ...]) -> Reasons:
        before, after = self.before.settings, self.after.settings
        return tuple(
            Reason(code, f"{name.replace('_', ' ')} {before[name]} → {after[name]}")
            for name in names
            if _differ(before, after, name)
        )

    def _sources(self, part: str) -> Reasons:
        """What of this project changed, if it is known by parts; else whether anything of it did."""
        before, after = self.before, self.after
        if part in before.sources and part in after.sources:
            changed = _differ(before.sources, after.sources, part)
            return (Reason("project", f"this project's {part}"),) if changed else ()
        names = ("reconcile", "revision")
        return tuple(reason for name in names for reason in self._version("project", name))[:1]


def changed_versions(before: Record, after: Record, columns: Columns) -> Iterator[tuple[str, str, str]]:
    """Yield everything of which two runs had different versions: its name, the version then, and now."""
    for name in dict.fromkeys((*before.versions, *after.versions)):
        was, now = before.versions.get(name, ""), after.versions.get(name, "")
        if was != now:
            yield name, was, now
    for pair in columns.both:
        was, now = pair.was.version, pair.now.version
        if was != now or pair.is_replaced:
            yield pair.name, was, now


def _each_once(*reasons: Reason) -> Reasons:
    return tuple(dict.fromkeys(reasons))


def _code_of(library: str) -> ReasonCode:
    return "torch" if library == "torch" else "library"


def _differ(before: Mapping[str, str], after: Mapping[str, str], name: str) -> bool:
    return name in before and name in after and before[name] != after[name]
