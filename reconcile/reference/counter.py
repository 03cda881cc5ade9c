"""The native counter: a trace and a convention give a count, by layer, operator and term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconcile.reference import formulas  # noqa: F401  # registers every formula
from reconcile.reference.convention import Convention
from reconcile.reference.registry import Terms, formula_of, is_free, terms_of
from reconcile.trace import Call, Trace


@dataclass(frozen=True, slots=True)
class Atom:
    """One operator call that a formula counts: the outermost in the tree that has a formula."""

    call: Call
    kind: str
    terms: Terms

    @property
    def layer(self) -> str:
        """Path of the module in which it ran."""
        return self.call.path


@dataclass(frozen=True)
class ReferenceCount:
    """What the native counter found. Values are in the convention's unit.

    ``uncovered`` are operators that have no formula and consist of none that has, with how often each ran.
    """

    trace: Trace
    convention: Convention
    atoms: tuple[Atom, ...]
    uncovered: Mapping[str, int]

    @cached_property
    def total(self) -> int:
        """The count of the whole model."""
        return sum(self.by_layer().values())

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, a shared one once."""
        return sum(parameter.elements for parameter in self.trace.parameters.values())

    def value(self, atom: Atom) -> int:
        """What one operator call counts."""
        return self.convention.value(atom.kind, atom.terms)

    def by_layer(self) -> dict[str, int]:
        """Return what ran in each module itself, not in its children, by path in order of execution."""
        return self._grouped(lambda atom: atom.layer)

    def by_operator(self) -> dict[str, int]:
        """Return the count of each operator (``aten.conv2d``)."""
        return self._grouped(lambda atom: atom.call.name)

    def by_term(self) -> dict[str, int]:
        """Return what each term adds, weighted."""
        totals: Counter[str] = Counter()
        for atom in self.atoms:
            for term, amount in atom.terms.items():
                totals[term] += self.convention.weight(atom.kind, term) * amount
        return dict(totals)

    def _grouped(self, key: Callable[[Atom], str]) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for atom in self.atoms:
            totals[key(atom)] += self.value(atom)
        return dict(totals)


def count_trace(trace: Trace, convention: Convention) -> ReferenceCount:
    """Count a trace under a convention.

    Raises:
        UnlistedKindError: The convention refuses kinds of layers that it does not list, and one ran.
    """
    atoms, uncovered = find_atoms(trace.root)
    convention.require_listed((atom.kind, atom.layer) for atom in atoms)
    return ReferenceCount(trace, convention, tuple(atoms), dict(sorted(uncovered.items())))


def find_atoms(root: Call) -> tuple[list[Atom], Counter[str]]:
    """Return the counted operators of a tree in order of execution, and how often operators without a formula ran."""
    atoms: list[Atom] = []
    uncovered: Counter[str] = Counter()
    pending = [root]
    while pending:
        call = pending.pop()
        if call.kind == "operator":
            entry = formula_of(call.name)
            if entry is not None:
                kind, terms = terms_of(entry, call)
                atoms.append(Atom(call, kind, terms))
                continue
            if is_free(call.name):
                continue
            if not call.children:
                uncovered[call.name] += 1
        pending.extend(reversed(call.children))
    return atoms, uncovered
