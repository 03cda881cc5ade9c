"""Which tensors count: arithmetic is counted on element types that have a fraction."""

from __future__ import annotations

from reconcile.trace import TensorSpec


def has_fraction(tensor: TensorSpec) -> bool:
    """Whether the element type is a floating or complex one; integers and booleans are bookkeeping."""
    return tensor.dtype.startswith(("float", "bfloat", "complex"))
