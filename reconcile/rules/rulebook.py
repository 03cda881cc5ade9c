"""A rulebook: one tool's own convention as data, in configs/rulebooks/. What it watches, which rules it has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from reconcile.configs import StrictModel, data_folder, load
from reconcile.errors import ReconcileError, did_you_mean
from reconcile.reference import TERMS
from reconcile.rules.causes import CAUSES
from reconcile.rules.expression import ExpressionError, check

Amount = int | str
"""How much of a term a tool counts: a weight (times the documented term), or an expression over quantities."""


class Rule(StrictModel):
    """What a tool counts for some layers.

    ``names`` are exact types, functions or operators; ``bases`` are types whose subclasses are meant too;
    ``class_name_contains`` is a part of the class's own name. The first rule that fits a call holds; a rule that names
    nothing fits every call. ``where`` lists, for an argument of an operator or function or an attribute of a module,
    the values for which the rule holds; of a parameter of a module, true if it has that.
    ``inside`` are operators; if there are any, the rule holds only for what one of them consists of.
    ``counts`` says for each term what the tool counts, ``causes`` gives a difference another cause than the term's.
    """

    names: list[str] = Field(default_factory=list)
    bases: list[str] = Field(default_factory=list)
    class_name_contains: str | None = None
    where: dict[str, list[str | bool | int | None]] = Field(default_factory=dict)
    inside: list[str] = Field(default_factory=list)
    counts: dict[str, Amount] = Field(default_factory=dict)
    causes: dict[str, str] = Field(default_factory=dict)

    @field_validator("counts")
    @classmethod
    def _check_counts(cls, counts: dict[str, Amount]) -> dict[str, Amount]:
        for term, amount in counts.items():
            if term not in TERMS:
                raise ValueError(f"unknown term '{term}'{did_you_mean(term, TERMS)}")
            if isinstance(amount, str):
                try:
                    check(amount)
                except ExpressionError as error:
                    raise ValueError(str(error)) from None
        return counts

    @field_validator("causes")
    @classmethod
    def _check_causes(cls, causes: dict[str, str]) -> dict[str, str]:
        for term, cause in causes.items():
            if term not in TERMS:
                raise ValueError(f"unknown term '{term}'{did_you_mean(term, TERMS)}")
            if cause not in CAUSES:
                raise ValueError(f"unknown cause '{cause}'{did_you_mean(cause, CAUSES)}")
        return causes


class Modules(StrictModel):
    """What a tool sees of modules.

    ``watch``: every module, or leaves only. ``owners``: a module with several owners is counted once; once for each
    owner; or, hooked once for each owner and reported under each, as often as owners squared. ``calls``: each call of a
    module counts, or the last one alone. ``below``: what a module with a rule calls that is a module itself is part of
    what the rule counts (``included``), counts nothing (``omitted``), or counts by its own rule. ``model``: if the
    model itself has a rule, it is treated as any module; or counted beside all that lies below it; or not counted.
    ``per_sample``: the sum is divided by the length of the first input, and cut off to a whole number once, with what
    functions count. ``first_sample``: of what a module is given,
    the first sample counts, whatever the batch is, and whatever the model makes of it.
    """

    watch: Literal["all", "leaves"] = "all"
    owners: Literal["once", "each", "squared"] = "once"
    calls: Literal["all", "last"] = "all"
    below: Literal["included", "omitted", "counted"] = "included"
    model: Literal["as-any", "and-below", "never"] = "as-any"
    per_sample: bool = False
    first_sample: bool = False
    rules: list[Rule]


class Functions(StrictModel):
    """Functions that a tool replaces while it runs, and the name under which it books them.

    Without a name, it books them on the module that calls them. ``owners``: a call inside a module with several owners
    is counted once, or once for each owner. ``nested``: functions that other functions call are seen as well.
    ``kept``: functions are seen, too, that a program kept under a name of its own before the tool replaced them.
    ``inside``: functions count inside all modules, or only where no module that is running has a rule that counts.
    """

    booked_on: str = ""
    owners: Literal["once", "each"] = "once"
    nested: bool = True
    kept: bool = False
    inside: Literal["all", "without-rule"] = "all"
    rules: list[Rule]


class Operators(StrictModel):
    """What a tool sees of operators.

    ``level``: the outermost operators, as a traced graph holds them; those that torch dispatches at last; or every
    one, from the outermost to the last.
    ``opened`` are operators of which even a traced graph holds the parts. ``fused`` are operators and layers that run
    as one where torch can, so that the tool does not see what they consist of; some only without ``gradients``, for
    which the tool runs the model or not.
    """

    level: Literal["graph", "dispatched", "every"]
    opened: list[str] = Field(default_factory=list)
    fused: list[str] = Field(default_factory=list)
    gradients: bool = True
    rules: list[Rule]


class Parameters(StrictModel):
    """Which parameters a tool counts.

    ``of``: all, each once; those below modules that have a rule and ran (``handled``); those of the rows of a
    summary: modules that ran, and what is left over on the modules above them (``rows``); those that modules which ran
    hold themselves, one that two modules hold twice (``ran``); or the same once more for each call and each owner,
    and without those of the model itself (``called``). ``shared``: where one of all that has several owners stands: on
    the first owner alone; or on each, less what is too much on the module above them. ``watch``: of every module, or
    of leaves only. ``names``: only those that their module calls so; all, if none is named.
    """

    of: Literal["all", "handled", "rows", "ran", "called"]
    shared: Literal["first", "each"] = "first"
    watch: Literal["all", "leaves"] = "all"
    names: list[str] = Field(default_factory=list)
    trainable_only: bool = False

    @model_validator(mode="after")
    def _check_shared(self) -> Parameters:
        if self.shared == "each" and self.of != "all":
            raise ValueError(f"'shared: each' is for 'of: all', not for 'of: {self.of}'")
        return self


class Activations(StrictModel):
    """Operators of which a tool counts the elements of the first output.

    It sees them as ``operators`` says, and the parts of those that are ``opened`` here. ``unless`` lists, for an
    argument of an operator, the values for which it counts nothing.
    """

    names: list[str]
    opened: list[str] = Field(default_factory=list)
    unless: dict[str, list[str | bool | int | None]] = Field(default_factory=dict)


class InputMemory(StrictModel):
    """What a tool adds for the model's inputs, and the name under which it books that.

    ``sizes``: the sizes of several inputs are added; or those of one sample of each are multiplied, and that by the
    batch. ``overhead`` are bytes that it adds for each tensor.
    """

    booked_on: str = "(input)"
    sizes: Literal["sum", "product"] = "sum"
    overhead: int = 0


class Memory(StrictModel):
    """Which bytes a tool counts: of what modules put out, of inputs, of parameters.

    ``watch``: every module, or leaves only; ``model``: whether the model itself is one of them; ``skipped``: types that
    are not, nor their subclasses; ``without_parameters``: whether modules that have no parameters are. ``calls`` and
    ``owners``: as for modules, each or the last call, once or once for each owner.

    ``element_bytes`` is what every element takes, where that is not what its type takes. ``tensors``: of an output of
    several tensors, all count; or the first, of names that of the last; or the product of their sizes. ``first_axis``:
    is part of the size; or is left out; or is as a summary prints it, -1 in a list of tensors, and for a tensor alone
    the batch, or -1 if that is 1, where the sum loses its sign. ``times`` is how often an output counts, 2 with its
    gradient. ``precision``: sizes are exact, or have the 24 binary digits of single precision.

    ``parameters`` says of which the bytes are added, ``input`` what is added for inputs; nothing where it is missing.
    """

    watch: Literal["all", "leaves"] = "all"
    model: Literal["as-any", "never"] = "as-any"
    skipped: list[str] = Field(default_factory=list)
    without_parameters: Literal["counted", "omitted"] = "counted"
    calls: Literal["all", "last"] = "all"
    owners: Literal["once", "each"] = "once"
    element_bytes: int | None = None
    tensors: Literal["all", "first", "product"] = "all"
    first_axis: Literal["kept", "dropped", "printed"] = "kept"
    times: int = 1
    precision: Literal["exact", "single"] = "exact"
    input: InputMemory | None = None
    parameters: Parameters | None = None


class Rulebook(StrictModel):
    """The convention of one tool in one version.

    ``unit`` is empty for a tool that counts no operations; ``parameters``, ``activations`` and ``memory`` are missing
    for one that counts none.
    ``mode`` is the one in which the tool runs a model: the model's own (``as-is``), or one that it forces; missing
    where nobody has looked. ``without_formula`` are layers for which no formula was found, with numbers that the tool
    returned.
    """

    tool: str
    versions: list[str]
    unit: Literal["MAC", "FLOP", ""]
    description: str
    mode: Literal["as-is", "eval", "train"] | None = None
    modules: Modules | None = None
    functions: Functions | None = None
    operators: Operators | None = None
    parameters: Parameters | None = None
    activations: Activations | None = None
    memory: Memory | None = None
    without_formula: dict[str, list[int]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_activations(self) -> Rulebook:
        if self.activations is not None and self.operators is None:
            raise ValueError("'activations' are outputs of operators, and there are no 'operators'")
        return self


def rulebook_file(tool: str) -> Path | None:
    """Return the file with the rulebook of a column: that of the version which its name states, or else the column's.

    Where a version has no rulebook of its own, what it counts otherwise than the column's stays unexplained.
    """
    files = (data_folder() / "rulebooks" / f"{name}.yaml" for name in (tool, tool.partition("==")[0]))
    return next((file for file in files if file.is_file()), None)


@cache
def find_rulebook(tool: str) -> Rulebook | None:
    """Return the rulebook of a column, or None where there is none.

    Raises:
        ReconcileError: What is there is no rulebook.
    """
    file = rulebook_file(tool)
    return None if file is None else load(Rulebook, file)


def load_rulebook(tool: str) -> Rulebook:
    """Return the rulebook of a column.

    Raises:
        ReconcileError: There is none, or it is not one.
    """
    found = find_rulebook(tool)
    if found is None:
        known = [path.stem for path in (data_folder() / "rulebooks").glob("*.yaml")]
        raise ReconcileError(f"there is no rulebook for '{tool}'{did_you_mean(tool, known)}")
    return found
