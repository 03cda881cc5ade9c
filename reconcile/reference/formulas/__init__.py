"""The documented formulas, by family. Importing the package registers them all."""

from reconcile.reference.formulas import convolution, elementwise, matrix, movement, normalization, pooling, reduction

__all__ = ["convolution", "elementwise", "matrix", "movement", "normalization", "pooling", "reduction"]
