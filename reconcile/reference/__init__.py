"""Terms, documented formulas, conventions, and the native counter."""

from reconcile.reference.convention import DEFAULT_CONVENTION, Convention, convention_names, load_convention
from reconcile.reference.counter import (
    COUNTING,
    Atom,
    ReferenceCount,
    activation_atoms,
    count_trace,
    find_atoms,
    require_coverage,
    what_is_left_out,
)
from reconcile.reference.memory import LayerMemory, Memory, element_bytes, written_bytes
from reconcile.reference.registry import Terms, any_dimension, registered, terms_of
from reconcile.reference.terms import TERMS

__all__ = [
    "COUNTING",
    "DEFAULT_CONVENTION",
    "TERMS",
    "Atom",
    "Convention",
    "LayerMemory",
    "Memory",
    "ReferenceCount",
    "Terms",
    "activation_atoms",
    "any_dimension",
    "convention_names",
    "count_trace",
    "element_bytes",
    "find_atoms",
    "load_convention",
    "registered",
    "require_coverage",
    "terms_of",
    "what_is_left_out",
    "written_bytes",
]
