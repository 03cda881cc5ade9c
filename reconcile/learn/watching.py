"""What a tool watches, told from the structural probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reconcile.learn.observe import Observation, Outcome
from reconcile.learn.structure import BATCHES

Structure: TypeAlias = "Mapping[tuple[str, int], Outcome]"
"""What a tool returned for the structural probes, by name and batch."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a tool watches; several of these, if it does several things at once.

    ``subclasses``: whether a rule for a module holds for its subclasses. ``per_sample``: whether what it counts of
    modules is divided by the batch. ``booked_on`` is where it books functions, empty if on the module that calls them.
    """

    modules: bool
    functions: bool
    operators: bool
    subclasses: bool
    per_sample: bool
    booked_on: str


def watched(observations: Sequence[Observation], structure: Structure) -> Watched:
    """Tell what a tool watches.

    A module that is called past its hooks is not seen by hooks; an operator that is called past torch's functions is
    not seen by a tool that replaces those.
    """
    single, several = BATCHES
    once = count(structure, "Once", single)
    if once:
        modules = count(structure, "CalledThroughForward", single) < once
    else:
        modules = any(item.module is not None and item.on_modules for item in observations)
    operators = count(structure, "OperatorCalled", single) > 0
    functions = not operators and any(item.module is None and item.total for item in observations)
    elsewhere = next((item.booked_elsewhere for item in observations if item.booked_elsewhere), "")
    return Watched(
        modules=modules,
        functions=functions,
        operators=operators,
        subclasses=modules and count(structure, "Subclassed", single) > count(structure, "WeightUsed", single),
        per_sample=modules and once > 0 and once == count(structure, "Once", several),
        booked_on=elsewhere,
    )


def count(structure: Structure, name: str, batch: int) -> int:
    """Return what the tool counts for a structural probe; 0 where it gives no number."""
    return structure[name, batch].compute or 0
