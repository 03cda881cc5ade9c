"""Which tensors count: arithmetic is counted on element types that have a fraction."""

from __future__ import annotations

from reconcile.trace import TensorSpec


def has_fraction(tensor: TensorSpec) -> bool:
    """Whether elements stand for real or complex numbers, quantized ones too; integers and booleans are bookkeeping."""
    return tensor.dtype.startswith(("float", "bfloat", "complex", "quint", "qint"))
