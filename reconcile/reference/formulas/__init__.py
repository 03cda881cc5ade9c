"""The documented formulas, by family. Importing the package registers them all."""

from reconcile.reference.formulas import (
    convolution,
    elementwise,
    fourier,
    matrix,
    movement,
    normalization,
    pooling,
    quantized,
    reduction,
    sampling,
)

__all__ = [
    "convolution",
    "elementwise",
    "fourier",
    "matrix",
    "movement",
    "normalization",
    "pooling",
    "quantized",
    "reduction",
    "sampling",
]
