"""The native counter: a trace and a convention give a count, by layer, operator and term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reconcile.errors import CoverageError
from reconcile.reference.convention import Convention
from reconcile.reference.memory import Memory, memory
from reconcile.reference.registry import Terms, has_formula, is_free, terms_of
from reconcile.trace import Call, Depth, Detail, Trace, tensors
from reconcile.zoo import Mode


def _depth(operator: str) -> Depth:
    if has_formula(operator):
        return "whole"
    return "nothing" if is_free(operator) else "parts"


COUNTING = Detail(functions=False, depth=_depth)
"""The detail that a count needs of a trace: operators that a formula counts, without what they consist of."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One operator call that a formula counts: the outermost in the tree that has one, once for each that it has."""

    call: Call
    kind: str
    terms: Terms

    @property
    def layer(self) -> str:
        """Path of the module in which it ran."""
        return self.call.path

    @property
    def output_elements(self) -> int:
        """Elements of the first tensor that it puts out."""
        return next(tensors(self.call.output)).elements


@dataclass(frozen=True)
class ReferenceCount:
    """What the native counter found. Values are in the convention's unit.

    ``uncovered`` are operators that have no formula and consist of none that has, with how often each ran.
    """

    trace: Trace
    convention: Convention
    atoms: tuple[Atom, ...]
    uncovered: Mapping[str, int]

    def in_mode(self, mode: Mode | Literal["as-is"] | None) -> ReferenceCount:
        """Return the count of the model in a mode, as far as it was traced in that; else this one."""
        traced = self.trace.in_evaluation if mode == "eval" else None
        return self if traced is None or mode == self.trace.mode else self._in_evaluation

    @cached_property
    def _in_evaluation(self) -> ReferenceCount:
        assert self.trace.in_evaluation is not None, "asked for where there is one"
        return count_trace(self.trace.in_evaluation, self.convention)

    @cached_property
    def total(self) -> int:
        """The count of the whole model."""
        return sum(self.by_layer().values())

    @cached_property
    def parameters(self) -> int:
        """Number of parameters, a shared one once, packed ones of quantized layers among them."""
        return sum(parameter.elements for parameter in self.trace.parameters.values())

    @cached_property
    def trainable_parameters(self) -> int:
        """Number of parameters that are trained."""
        return sum(parameter.elements for parameter in self.trace.parameters.values() if parameter.trainable)

    @cached_property
    def activations(self) -> int:
        """Elements that convolutions, linear layers and matrix products put out, those of fused attention left out.

        Source: Radosavovic et al., arXiv:2003.13678, section 3.2, for convolutions; fvcore/nn/activation_count.py for
        the layers beside them.
        """
        return sum(self.activations_by_layer().values())

    @cached_property
    def memory(self) -> Memory:
        """Memory of the forward pass, in bytes."""
        return memory(self.trace)

    def value(self, atom: Atom) -> int:
        """What one operator call counts."""
        return self.convention.value(atom.kind, atom.terms)

    def by_layer(self) -> dict[str, int]:
        """Return what ran in each module itself, not in its children, by path in order of execution."""
        return self._grouped(lambda atom: atom.layer)

    def parameters_by_layer(self) -> dict[str, int]:
        """Return each module's own parameters by path, a shared one at its first owner."""
        totals: Counter[str] = Counter()
        for parameter in self.trace.parameters.values():
            totals[parameter.name.rpartition(".")[0]] += parameter.elements
        return dict(totals)

    def activations_by_layer(self) -> dict[str, int]:
        """Return :attr:`activations` of each module itself, by path in order of execution."""
        totals: Counter[str] = Counter()
        for atom in activation_atoms(self):
            totals[atom.layer] += atom.output_elements
        return dict(totals)

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


def activation_atoms(count: ReferenceCount) -> tuple[Atom, ...]:
    """Return the operators whose first outputs are activations, in order of execution."""
    return tuple(atom for atom in count.atoms if atom.kind in _WITH_ACTIVATIONS)


_WITH_ACTIVATIONS = ("convolution", "transposed_convolution", "linear", "matmul")


def require_coverage(count: ReferenceCount) -> None:
    """Check that a count leaves nothing out.

    Raises:
        CoverageError: An operator has no formula, or a module never ran; names each.
    """
    left_out = what_is_left_out(count.uncovered, count.trace.uncalled)
    if left_out:
        raise CoverageError(f"{left_out}.")


def what_is_left_out(uncovered: Mapping[str, int], uncalled: Collection[str]) -> str:
    """Say which operators have no formula, and which modules never ran; an empty text where there are none."""
    parts = []
    if uncovered:
        parts.append("there is no formula for " + ", ".join(f"{name} (×{times})" for name, times in uncovered.items()))
    if uncalled:
        parts.append(f"these modules never ran: {', '.join(uncalled)}")
    return "; ".join(parts)


def count_trace(trace: Trace, convention: Convention) -> ReferenceCount:
    """Count a trace under a convention.

    Raises:
        UnlistedKindError: The convention refuses kinds of layers that it does not list, and one ran.
    """
    atoms, uncovered = find_atoms(trace.root)
    modules = (trace.modules[path] for path in trace.calls)
    convention.require_listed([atom.kind for atom in atoms], [module.type for module in modules if module.is_leaf])
    return ReferenceCount(trace, convention, tuple(atoms), dict(sorted(uncovered.items())))


def find_atoms(root: Call) -> tuple[list[Atom], Counter[str]]:
    """Return the counted operators of a tree in order of execution, and how often operators without a formula ran."""
    atoms: list[Atom] = []
    uncovered: Counter[str] = Counter()
    pending = [root]
    while pending:
        call = pending.pop()
        if call.kind == "operator":
            found = terms_of(call)
            if found is not None:
                atoms.extend(Atom(call, kind, terms) for kind, terms in found.items())
                continue
            if is_free(call.name):
                continue
            if not call.children:
                uncovered[call.name] += 1
        pending.extend(reversed(call.children))
    return atoms, uncovered
