"""What a rulebook says of a tool, in words: what it watches, and of what, in which mode."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.rules import Functions, Modules, Operators, Parameters, Rulebook


def describe(book: Rulebook, *, one_sample: bool) -> str:
    """Return sentences on everything that a rulebook says beside its formulas.

    ``one_sample``: the tool takes one sample only.
    """
    return " ".join(f"{sentence}." for sentence in _sentences(book, one_sample=one_sample))


def _sentences(book: Rulebook, *, one_sample: bool) -> Iterator[str]:
    if book.modules is None and book.functions is None and book.operators is None:
        yield "Counts no operations"
    if book.modules is not None:
        yield from _of_modules(book.modules)
    if book.functions is not None:
        yield from _of_functions(book.functions)
    if book.operators is not None:
        yield _of_operators(book.operators)
    if one_sample:
        yield "Takes one sample"
    elif book.modules is not None and not book.modules.per_sample:
        yield "The whole batch counts"
    if book.mode is not None:
        yield _MODES[book.mode]
    if book.parameters is not None:
        yield _of_parameters(book.parameters)


_MODES = {
    "as-is": "The model runs in the mode that it is in",
    "eval": "The model runs in evaluation mode, whatever mode it is in",
    "train": "The model runs in training mode, whatever mode it is in",
}


def _of_modules(modules: Modules) -> Iterator[str]:
    leaves = "leaf modules" if modules.watch == "leaves" else "modules"
    if any(rule.bases for rule in modules.rules):
        yield f"Counts {leaves} of known types, subclasses too"
    else:
        yield f"Counts {leaves} of exactly known types; a subclass counts nothing"
    if modules.below == "counted":
        yield "What lies below a known module counts as well"
    elif modules.below == "omitted":
        yield "What lies below a known module counts nothing"
    if modules.model == "and-below":
        yield "If the model itself is a known module, what lies below counts as well"
    elif modules.model == "never":
        yield "The model itself is not looked at"
    if modules.calls == "last":
        yield "Of a module that is called again, the last call counts"
    if modules.owners != "once":
        yield _OWNERS[modules.owners]
    if modules.per_sample:
        yield "What modules count is divided by the batch"


_OWNERS = {
    "each": "A call counts once for each owner of its module",
    "squared": "A call counts as often as its module has owners, squared",
}


def _of_functions(functions: Functions) -> Iterator[str]:
    where = f"booked on {functions.booked_on}" if functions.booked_on else "booked on the module that calls them"
    yield f"Counts functions of torch, {where}"
    if not functions.nested:
        yield "A function that another one calls is not seen"
    if functions.inside == "without-rule":
        yield "Functions inside a known module that counts are left out"
    if functions.owners == "each":
        yield "A function counts once for each owner of its module"


def _of_operators(operators: Operators) -> str:
    return f"Counts {_LEVELS[operators.level]}"


_LEVELS = {
    "graph": "operators of a traced graph",
    "dispatched": "operators that torch dispatches at last",
    "every": "operators at every level, those that others call too",
}


def _of_parameters(parameters: Parameters) -> str:
    whose = {
        "all": "all parameters once" + (", on the layers of every owner" if parameters.shared == "each" else ""),
        "handled": "the parameters below known modules that ran",
        "rows": "the parameters of modules that ran, and what is left over on the modules above them",
        "ran": "the parameters of each module that ran",
        "called": "the parameters of each module for each call and each owner, without those of the model itself",
    }[parameters.of]
    named = f", if they are named {' or '.join(parameters.names)}" if parameters.names else ""
    leaves = ", of leaves only" if parameters.watch == "leaves" else ""
    trained = ", if they are trained" if parameters.trainable_only else ""
    return f"Of parameters, it counts {whose}{leaves}{named}{trained}"
