"""Terms, documented formulas, conventions, and the native counter."""

from reconcile.reference.convention import DEFAULT_CONVENTION, Convention, convention_names, load_convention
from reconcile.reference.counter import Atom, ReferenceCount, count_trace, find_atoms
from reconcile.reference.registry import Terms, formula_of, terms_of
from reconcile.reference.terms import TERMS

__all__ = [
    "DEFAULT_CONVENTION",
    "TERMS",
    "Atom",
    "Convention",
    "ReferenceCount",
    "Terms",
    "convention_names",
    "count_trace",
    "find_atoms",
    "formula_of",
    "load_convention",
    "terms_of",
]
