"""What a rulebook says that a tool counts in a trace: claims, each on one call."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor
from typing import Literal

from reconcile.reference import Terms, find_atoms
from reconcile.rules.expression import evaluate_exactly
from reconcile.rules.quantities import plain_argument, quantities
from reconcile.rules.rulebook import Functions, Modules, Operators, Rule, Rulebook
from reconcile.trace import ROOT, Call, ModuleInfo, TensorSpec, Trace, tensors

Via = Literal["module", "function", "operator"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a tool counts for one call, by a rule.

    ``layers`` are where the tool books it: on the first of these that it reports. ``counts`` gives for each term what
    is counted, ``weighted`` the terms whose count is a plain weight times the documented term. ``adjustments`` are
    what it adds or takes off besides, by cause: a second owner, the division by the batch. ``causes`` are the rule's
    own causes by term. ``fraction`` is what the counts have lost, each rounded down.
    """

    rule: Rule
    call: Call
    via: Via
    layers: tuple[str, ...]
    counts: Mapping[str, int]
    weighted: frozenset[str] = frozenset()
    adjustments: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)
    fraction: Fraction = Fraction(0)

    @property
    def value(self) -> int:
        """What the tool counts for the call in all."""
        return sum(self.counts.values()) + sum(self.adjustments.values())


def predict(rulebook: Rulebook, trace: Trace) -> tuple[Claim, ...]:
    """Return the claims of a rulebook on a trace, in order of execution within each thing that the tool watches.

    Raises:
        ExpressionError: A rule uses a quantity that a call does not have.
    """
    modules, functions, operators = rulebook.modules, rulebook.functions, rulebook.operators
    of_modules = tuple(_module_claims(modules, trace)) if modules is not None else ()
    of_functions = tuple(_function_claims(functions, modules, trace)) if functions is not None else ()
    of_operators = tuple(_operator_claims(operators, trace)) if operators is not None else ()
    if modules is not None and modules.per_sample:
        samples = _batch(trace)
        of_functions = _cut_off_once(of_functions, Fraction(sum(claim.value for claim in of_modules), samples))
        of_modules = tuple(_per_sample(of_modules, samples))
    return (*of_modules, *of_functions, *of_operators)


def module_rule(modules: Modules, module: ModuleInfo) -> Rule | None:
    """Return the first rule that fits a module's type, or None."""
    return next((rule for rule in modules.rules if _fits_module(rule, module)), None)


def _module_claims(modules: Modules, trace: Trace) -> Iterator[Claim]:
    """Modules with a rule, and what lies below one if the tool looks there."""
    pending = [trace.root]
    while pending:
        call = pending.pop()
        if call.kind == "module":
            module = trace.modules[call.path]
            rule = _watched_rule(modules, module)
            if rule is not None:
                closed = _is_closed(modules, module)
                measured = call if closed and modules.below == "included" else _without_modules(call)
                claim = replace(_claim(rule, "module", measured, call.stack, trace), call=call)
                if modules.first_sample:
                    claim = replace(claim, adjustments=_of_the_first_sample(claim))
                if modules.calls == "last" and call.number + 1 < trace.calls[call.path]:
                    yield _superseded(claim)
                else:
                    yield from _booked_on_owners(claim, modules, module)
                if closed:
                    continue
        pending.extend(reversed(call.children))


def _is_closed(modules: Modules, module: ModuleInfo) -> bool:
    """Whether nothing below a module with a rule has a count of its own."""
    return modules.below != "counted" and not (module.path == ROOT and modules.model == "and-below")


def _watched_rule(modules: Modules, module: ModuleInfo) -> Rule | None:
    if (modules.watch == "leaves" and module.children) or (modules.model == "never" and module.path == ROOT):
        return None
    return module_rule(modules, module)


def _of_the_first_sample(claim: Claim) -> dict[str, int]:
    given = next(tensors((*claim.call.inputs, *claim.call.named.values())), None)
    samples = given.shape[0] if given is not None and given.shape else 1
    full = sum(claim.counts.values())
    return {"batch": full // samples - full}


def _superseded(claim: Claim) -> Claim:
    """A claim on a call of which the tool forgets the count when the module is called again."""
    terms = terms_below(claim.call)
    nothing = dict.fromkeys((*terms, *claim.counts), 0)
    return Claim(claim.rule, claim.call, claim.via, claim.layers, nothing, causes=dict.fromkeys(nothing, "reuse"))


def _booked_on_owners(claim: Claim, modules: Modules, module: ModuleInfo) -> Iterator[Claim]:
    """A claim on a module under its first name, and what further owners make of it."""
    owners = len(module.visits)
    times = owners if modules.owners == "squared" else 1
    full = claim.value
    more = {"reuse": (times - 1) * full} if times > 1 else {}
    yield replace(claim, adjustments={**claim.adjustments, **more})
    if modules.owners != "once":
        for path in module.visits[1:]:
            yield Claim(claim.rule, claim.call, claim.via, (path,), {}, adjustments={"reuse": times * full})


def _per_sample(claims: Iterable[Claim], samples: int) -> Iterator[Claim]:
    """Divide claims by the samples: each layer's sum rounded down, and the sum over all layers."""
    sums: dict[str, int] = {}
    last: Claim | None = None
    for claim in claims:
        last = claim
        layer = claim.layers[0]
        before = sums.get(layer, 0)
        sums[layer] = before + claim.value
        less = sums[layer] // samples - before // samples - claim.value
        yield replace(claim, adjustments={**claim.adjustments, "batch": less}) if less else claim
    rest = sum(sums.values()) // samples - sum(amount // samples for amount in sums.values())
    if last is not None and rest:  # beside the last claim: one on the model itself would be one on all that it calls
        yield replace(last, layers=(ROUNDING,), counts={}, adjustments={"rounding": rest})


ROUNDING = "(rounding)"
"""Where a sum over all layers has more than the layers, each rounded down, add up to."""


def _cut_off_once(claims: tuple[Claim, ...], others: Fraction) -> tuple[Claim, ...]:
    """Book on the last claim what a sum, cut off once, has beyond the claims and the others, each rounded down."""
    rest = floor(others % 1 + sum(claim.fraction for claim in claims))
    if not rest:
        return claims
    last = claims[-1]
    return (*claims[:-1], replace(last, adjustments={**last.adjustments, "rounding": rest}))


def _function_claims(functions: Functions, modules: Modules | None, trace: Trace) -> Iterator[Claim]:
    closed = set()
    if modules is not None and functions.inside == "without-rule":
        ruled = {path: _watched_rule(modules, module) for path, module in trace.modules.items()}
        closed = {path for path, rule in ruled.items() if rule is not None and rule.counts}
    for call in visible_functions(functions, trace.root, closed):
        rule = next((rule for rule in functions.rules if call.name in rule.names and _holds(rule, call)), None)
        if rule is not None:
            layers = (functions.booked_on,) if functions.booked_on else call.stack
            claim = _claim(rule, "function", call, layers, trace)
            yield claim
            if functions.owners == "each":
                for path in trace.modules[call.path].visits[1:]:
                    yield Claim(claim.rule, call, "function", (path,), {}, adjustments={"reuse": claim.value})


def visible_functions(functions: Functions, root: Call, closed: Container[str] = ()) -> Iterator[Call]:
    """Yield the functions that a tool sees, in order of execution; none inside modules whose paths are ``closed``."""
    pending = [root]
    while pending:
        call = pending.pop()
        if call.kind == "module" and call.path in closed:
            continue
        if call.kind == "function":
            if functions.kept or not call.kept:
                yield call
            if not functions.nested:
                continue
        pending.extend(reversed(call.children))


def _operator_claims(operators: Operators, trace: Trace) -> Iterator[Claim]:
    around = _operators_around(trace.root) if any(rule.inside for rule in operators.rules) else {}
    for call in visible_operators(operators, trace.root):
        rule = _operator_rule(operators, call, around.get(id(call), frozenset()))
        if rule is not None:
            yield _claim(rule, "operator", call, call.stack, trace)


def _operator_rule(operators: Operators, call: Call, around: Set[str]) -> Rule | None:
    """Return the first rule that fits an operator, or None. One for ``add`` is for ``add_`` if that has none itself."""
    for name in dict.fromkeys((call.name, call.name.removesuffix("_"))):
        for rule in operators.rules:
            if name in rule.names and _holds(rule, call) and (not rule.inside or not around.isdisjoint(rule.inside)):
                return rule
    return None


def _operators_around(root: Call) -> dict[int, frozenset[str]]:
    """The names of the operators that each call is a part of, by the call's identity."""
    found: dict[int, frozenset[str]] = {}
    pending: list[tuple[Call, frozenset[str]]] = [(root, frozenset())]
    while pending:
        call, names = pending.pop()
        found[id(call)] = names
        inner = names | {call.name} if call.kind == "operator" else names
        pending.extend((child, inner) for child in call.children)
    return found


def visible_operators(operators: Operators, root: Call) -> Iterator[Call]:
    """Yield the operators that a tool sees, in order of execution."""
    pending = [root]
    while pending:
        call = pending.pop()
        if call.unused and operators.level == "graph":
            continue
        hides = hides_its_parts(operators, call)
        if call.kind == "operator":
            whole = operators.level == "graph" and call.name not in operators.opened
            if operators.level == "every" or whole or hides or not call.children:
                yield call
            if whole:
                continue
        elif call.kind == "size" and operators.level == "graph":
            yield call
        if not hides:
            pending.extend(reversed(call.children))


def hides_its_parts(operators: Operators, call: Call) -> bool:
    """Whether a call runs as one operator under a tool, so that it does not see what the call consists of."""
    fused = call.fusion == "always" or (call.fusion == "without-gradients" and not operators.gradients)
    return fused and call.name in operators.fused


def _claim(rule: Rule, via: Via, call: Call, layers: tuple[str, ...], trace: Trace) -> Claim:
    terms = terms_below(call)
    known = quantities(call, trace, terms)
    counts = {
        term: amount * terms.get(term, 0) if isinstance(amount, int) else evaluate_exactly(amount, known)
        for term, amount in rule.counts.items()
    }
    return Claim(
        rule,
        call,
        via,
        layers,
        counts={term: floor(count) for term, count in counts.items() if floor(count)},
        weighted=frozenset(term for term, amount in rule.counts.items() if isinstance(amount, int)),
        causes=rule.causes,
        fraction=Fraction(sum(count % 1 for count in counts.values())),
    )


def terms_below(call: Call) -> Terms:
    """Return the documented terms of a call: its own formula's, or those of what it consists of."""
    totals: dict[str, int] = {}
    for atom in find_atoms(call)[0]:
        for term, amount in atom.terms.items():
            totals[term] = totals.get(term, 0) + amount
    return totals


def _without_modules(call: Call) -> Call:
    """The call without those of other modules inside it."""
    if sum(below.kind == "module" for below in call.walk()) <= (call.kind == "module"):
        return call
    return replace(call, children=tuple(_without_modules(child) for child in call.children if child.kind != "module"))


def _fits_module(rule: Rule, module: ModuleInfo) -> bool:
    return _is_named(rule, module) and all(
        module.attributes.get(name, name in module.parameters) in allowed for name, allowed in rule.where.items()
    )


def _is_named(rule: Rule, module: ModuleInfo) -> bool:
    """Whether a rule is for the module's class."""
    if rule.class_name_contains is not None:
        return rule.class_name_contains in module.class_name
    if rule.names or rule.bases:
        is_subclass = bool(rule.bases) and any(name in rule.bases for name in (module.type, *module.bases))
        return is_subclass or module.type in rule.names
    return True


def _holds(rule: Rule, call: Call) -> bool:
    """Whether a rule's condition on arguments holds."""
    return all(plain_argument(call, name) in allowed for name, allowed in rule.where.items())


def _batch(trace: Trace) -> int:
    """Length of the one positional input; 1 where there are several or names, which a tool is given as names."""
    if len(trace.inputs) != 1 or trace.named_inputs:
        return 1
    given = trace.inputs[0]
    return given.shape[0] if isinstance(given, TensorSpec) and given.shape else 1
