"""The elementary terms: exact integers that an operator contributes, each with what it counts.

A convention gives every term a weight; a count is the sum of weight times term. What a formula counts is arithmetic
on numbers; single elements of integer and boolean type are bookkeeping (positions, masks) and count 0.
"""

from __future__ import annotations

TERMS = {
    "mac": "products that are accumulated: convolution, linear, matrix product, attention",
    "first_add": "the addition that a sum of n products does not need: one per sum",
    "bias": "one addition per output that has a bias",
    "padding_mac": "the part of mac that multiplies padded zeros or, transposed, whose product is cut off",
    "normalize": "elements of a normalization's input: each is shifted and divided",
    "statistics": "elements over which a normalization computes its mean and variance",
    "affine": "elements that a normalization scales and shifts by learned parameters",
    "activation": "elements to which an activation function is applied",
    "softmax": "elements of a softmax",
    "softmax_row": "sums that a softmax divides by: one per row",
    "pool": "elements averaged, summed over all windows",
    "pool_input": "elements of a pooling's input",
    "max_pool": "comparisons of a maximum pooling: one less than the window's elements, over all windows",
    "elementwise": "results of an operation on single elements: sum, product, exponential, ...",
    "reduce": "elements that are summed or otherwise reduced over axes",
    "resample": "interpolated values",
    "compare": "comparisons of single elements",
    "fft": "additions of complex numbers in a Fourier transform",
}
"""Every term and what it counts."""
