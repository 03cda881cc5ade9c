"""What a tool watches, told from the structural probes and from modules that are called past their hooks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconcile.learn.observe import Observation, Outcome, Seen
from reconcile.learn.structure import BATCHES, IN_EVALUATION, IN_TRAINING

Structure: TypeAlias = "Mapping[tuple[str, int], Outcome]"
"""What a tool returned for the structural probes, by name and batch."""

PastHooks: TypeAlias = "Mapping[tuple[str, str], Outcome]"
"""What it returned where a module is called past its hooks, by subject and setting, at the first variant."""

ToolMode: TypeAlias = 'Literal["as-is", "eval", "train"]'


@dataclass(frozen=True, slots=True)
class Watched:
    """What a tool watches; several of these, if it does several things at once.

    ``hooked`` are the probes of modules of which it counts something else where they are called past their hooks.
    ``subclasses``: whether a rule for a module holds for its subclasses. ``per_sample``: whether what it counts of
    modules is divided by the batch. ``booked_on`` is where it books functions, empty if on the module that calls them;
    ``nested`` and ``inside`` are as in a rulebook.
    """

    functions: bool
    operators: bool
    hooked: frozenset[tuple[str, str]]
    subclasses: bool
    per_sample: bool
    booked_on: str
    nested: bool = True
    inside: Literal["all", "without-rule"] = "all"

    @property
    def modules(self) -> bool:
        """Whether it watches modules."""
        return bool(self.hooked)

    def functions_of(self, item: Observation) -> tuple[Seen, ...]:
        """The functions that it sees of a probe."""
        if self.inside == "without-rule" and item.on_modules:
            return ()
        return item.functions if self.nested else item.outer_functions

    def on_functions(self, item: Observation) -> int:
        """What it counts for them."""
        if not self.modules:
            return item.total
        return item.elsewhere if self.booked_on else 0 if self.is_hooked(item) else item.total

    def is_hooked(self, item: Observation) -> bool:
        """Whether a probe's number is that of its module."""
        return (item.subject, item.setting) in self.hooked


def watched(observations: Sequence[Observation], structure: Structure, past_hooks: PastHooks) -> Iterator[Watched]:
    """Tell what a tool watches, in every way in which it may be meant.

    An operator that is called past torch's functions is not seen by a tool that replaces those; a module that is
    called past its hooks is not seen by hooks.
    """
    single, several = BATCHES
    once = count(structure, "one layer", single)
    operators = count(structure, "an operator with a layer's weights", single) > 0
    functions = not operators and any(item.module is None and item.total for item in observations)
    hooked = frozenset() if operators else frozenset(_hooked(observations, past_hooks))
    elsewhere = next((item.booked_elsewhere for item in observations if item.booked_elsewhere), "")
    as_module = structure["a subclass of a known layer", single].on_modules
    as_function = structure["a function with a layer's weights", single].on_modules
    nestings = (True, False) if functions else (True,)
    for nested, inside in itertools.product(nestings, _INSIDE if elsewhere else _INSIDE[:1]):
        yield Watched(
            functions=functions,
            operators=operators,
            hooked=hooked,
            subclasses=bool(hooked) and as_module > as_function,
            per_sample=bool(hooked) and once > 0 and once == count(structure, "one layer", several),
            booked_on=elsewhere,
            nested=nested,
            inside=inside,
        )


_INSIDE: tuple[Literal["all", "without-rule"], ...] = ("all", "without-rule")


def _hooked(observations: Sequence[Observation], past_hooks: PastHooks) -> Iterator[tuple[str, str]]:
    for item in observations:
        place = (item.subject, item.setting)
        if item.variant == 0 and place in past_hooks and past_hooks[place].on_modules != item.on_modules:
            yield place


def mode_of(structure: Structure) -> ToolMode | None:
    """Tell in which mode the tool runs a model, from one that calls more layers in training mode."""
    once, evaluated, trained = (structure[name, BATCHES[0]] for name in ("one layer", IN_EVALUATION, IN_TRAINING))
    if (evaluated.compute, evaluated.parameters) != (trained.compute, trained.parameters):
        return "as-is" if not evaluated.error and not trained.error else None
    if once.compute:
        return "eval" if evaluated.compute == once.compute else "train"
    return "eval" if once.parameters and evaluated.parameters == once.parameters else None


def count(structure: Structure, name: str, batch: int) -> int:
    """Return what the tool counts for a structural probe; 0 where it gives no number."""
    return structure[name, batch].compute or 0
