"""Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec


@formula("fourier_transform", "aten._fft_c2c")
def fourier_transform(self: TensorSpec, dim: Sequence[int]) -> Terms:
    """The mixed-radix algorithm of Cooley and Tukey over each of the axes ``dim``.

    On an axis of N points, split by a prime p into p transforms of N/p points, every point is a sum of p terms:
    N·(p − 1) additions of complex numbers, and so N·Σ(p − 1) over the prime factors of N, which is N·log₂(N) for
    powers of 2. The usual 5·N·log₂(N) operations on real numbers are 5 per such addition.
    Unit: additions of complex numbers. Source: Cooley and Tukey, "An algorithm for the machine calculation of complex
    Fourier series", 1965, equation 12; torch.fft.fft's documentation.
    """
    return {"fft": sum(_additions(self, axis) for axis in dim)}


@formula("fourier_transform", "aten._fft_r2c")
def fourier_transform_of_real_numbers(self: TensorSpec, dim: Sequence[int]) -> Terms:
    """The same algorithm for real numbers.

    The last axis of ``dim`` costs half, for half the points are conjugates of the others; the axes before it are
    transformed on the N/2 + 1 points that are left of it.
    Unit: additions of complex numbers. Source: torch.fft.rfftn's documentation.
    """
    last = dim[-1]
    half = _with_length(self, last, self.shape[last] // 2 + 1)
    return {"fft": _additions(self, last) // 2 + sum(_additions(half, axis) for axis in dim[:-1])}


@formula("fourier_transform", "aten._fft_c2r")
def fourier_transform_to_real_numbers(self: TensorSpec, dim: Sequence[int], last_dim_size: int) -> Terms:
    """The transform of real numbers, backwards.

    Unit: additions of complex numbers. Source: torch.fft.irfftn's documentation.
    """
    last = dim[-1]
    full = _with_length(self, last, last_dim_size)
    return {"fft": _additions(full, last) // 2 + sum(_additions(self, axis) for axis in dim[:-1])}


def _with_length(tensor: TensorSpec, axis: int, length: int) -> TensorSpec:
    shape = list(tensor.shape)
    shape[axis] = length
    return TensorSpec(tuple(shape), tensor.dtype)


def _additions(tensor: TensorSpec, axis: int) -> int:
    return tensor.elements * sum(prime - 1 for prime in _prime_factors(tensor.shape[axis]))


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors + [number] * (number > 1)
