"""What a rulebook says that a tool counts in a trace: claims, each on one call."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from reconcile.reference import Terms, find_atoms
from reconcile.rules.expression import evaluate
from reconcile.rules.quantities import plain_argument, quantities
from reconcile.rules.rulebook import Functions, Modules, Operators, Rule, Rulebook
from reconcile.trace import ROOT, Call, ModuleInfo, TensorSpec, Trace

Via = Literal["module", "function", "operator"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a tool counts for one call, by a rule.

    ``layers`` are where the tool books it: on the first of these that it reports. ``counts`` gives for each term what
    is counted, ``weighted`` the terms whose count is a plain weight times the documented term. ``adjustments`` are
    what it adds or takes off besides, by cause: a second owner, the division by the batch. ``causes`` are the rule's
    own causes by term.
    """

    rule: Rule
    call: Call
    via: Via
    layers: tuple[str, ...]
    counts: Mapping[str, int]
    weighted: frozenset[str] = frozenset()
    adjustments: Mapping[str, int] = field(default_factory=dict)
    causes: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> int:
        """What the tool counts for the call in all."""
        return sum(self.counts.values()) + sum(self.adjustments.values())


def predict(rulebook: Rulebook, trace: Trace) -> tuple[Claim, ...]:
    """Return the claims of a rulebook on a trace, in order of execution within each thing that the tool watches.

    Raises:
        ExpressionError: A rule uses a quantity that a call does not have.
    """
    claims: list[Claim] = []
    if rulebook.modules is not None:
        claims.extend(_module_claims(rulebook.modules, trace))
    if rulebook.functions is not None:
        claims.extend(_function_claims(rulebook.functions, rulebook.modules, trace))
    if rulebook.operators is not None:
        claims.extend(_operator_claims(rulebook.operators, trace))
    return tuple(claims)


def module_rule(modules: Modules, module: ModuleInfo) -> Rule | None:
    """Return the first rule that fits a module's type, or None."""
    return next((rule for rule in modules.rules if _fits_module(rule, module)), None)


def _module_claims(modules: Modules, trace: Trace) -> Iterator[Claim]:
    """Modules with a rule, and what lies below one if the tool looks there."""
    batch = _batch(trace) if modules.per_sample else 1
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
                if modules.calls == "last" and call.number + 1 < trace.calls[call.path]:
                    yield _superseded(claim)
                else:
                    yield from _booked_on_owners(claim, modules, module, batch)
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


def _superseded(claim: Claim) -> Claim:
    """A claim on a call of which the tool forgets the count when the module is called again."""
    terms = terms_below(claim.call)
    nothing = dict.fromkeys((*terms, *claim.counts), 0)
    return Claim(claim.rule, claim.call, claim.via, claim.layers, nothing, causes=dict.fromkeys(nothing, "reuse"))


def _booked_on_owners(claim: Claim, modules: Modules, module: ModuleInfo, batch: int) -> Iterator[Claim]:
    """A claim on a module under its first name, and what further owners and the batch make of it."""
    owners = len(module.visits)
    times = owners if modules.owners == "squared" else 1
    full = sum(claim.counts.values())
    adjustments = {"reuse": (times - 1) * full, "batch": times * full // batch - times * full}
    counted = {cause: delta for cause, delta in adjustments.items() if delta}
    yield Claim(claim.rule, claim.call, claim.via, claim.layers, claim.counts, claim.weighted, counted, claim.causes)
    if modules.owners != "once":
        for path in module.visits[1:]:
            yield Claim(claim.rule, claim.call, claim.via, (path,), {}, adjustments={"reuse": times * full // batch})


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
            yield call
            if not functions.nested:
                continue
        pending.extend(reversed(call.children))


def _operator_claims(operators: Operators, trace: Trace) -> Iterator[Claim]:
    for call in visible_operators(operators, trace.root):
        rule = operator_rule(operators, call)
        if rule is not None:
            yield _claim(rule, "operator", call, call.stack, trace)


def operator_rule(operators: Operators, call: Call) -> Rule | None:
    """Return the first rule that fits an operator, or None. One for ``add`` is for ``add_`` if that has none itself."""
    for name in dict.fromkeys((call.name, call.name.removesuffix("_"))):
        found = next((rule for rule in operators.rules if name in rule.names and _holds(rule, call)), None)
        if found is not None:
            return found
    return None


def visible_operators(operators: Operators, root: Call) -> Iterator[Call]:
    """Yield the operators that a tool sees, in order of execution."""
    pending = [root]
    while pending:
        call = pending.pop()
        if call.kind == "operator":
            fused = call.name in operators.fused and call.named.get("fused") is True
            whole = operators.level == "graph" and call.name not in operators.opened
            if operators.level == "every":
                yield call
                if fused:
                    continue
            elif whole or fused or not call.children:
                yield call
                continue
        pending.extend(reversed(call.children))


def _claim(rule: Rule, via: Via, call: Call, layers: tuple[str, ...], trace: Trace) -> Claim:
    terms = terms_below(call)
    known = quantities(call, trace, terms)
    counts = {
        term: amount * terms.get(term, 0) if isinstance(amount, int) else evaluate(amount, known)
        for term, amount in rule.counts.items()
    }
    weighted = frozenset(term for term, amount in rule.counts.items() if isinstance(amount, int))
    return Claim(
        rule, call, via, layers, {term: count for term, count in counts.items() if count}, weighted, causes=rule.causes
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
        module.attributes.get(name) in allowed for name, allowed in rule.where.items()
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
