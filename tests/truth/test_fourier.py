"""Fourier transforms: the formula counts the complex additions of the mixed-radix algorithm in loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.truth import fourier as loops
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 60
"""Cases of each transform."""

lengths = st.integers(1, 24)
planes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))


def additions(tally: Tally) -> Terms:
    """A transform of or to real numbers costs half: one half of its spectrum mirrors the other."""
    of_real = tally["real"]["add"]
    assert of_real % 2 == 0
    return {"fft": tally["complex"]["add"] + of_real // 2}


def spectrum(*shape: int) -> torch.Tensor:
    return torch.complex(values(*shape), values(*shape, seed=1))


@pytest.mark.parametrize("function", [torch.fft.fft, torch.fft.ifft])
@cases(CASES)
@given(rows=st.lists(st.integers(1, 3), max_size=1), length=lengths, first=st.booleans())
def test_transform_of_one_axis_counts_complex_additions(
    function: Callable[..., torch.Tensor], rows: list[int], length: int, first: bool
) -> None:
    axis = 0 if first or not rows else 1
    shape = (length, *rows) if axis == 0 else (*rows, length)
    check(
        lambda source: function(source, dim=axis),
        (spectrum(*shape),),
        lambda source: loops.transform(source, [axis], inverse=function is torch.fft.ifft),
        additions,
    )


@pytest.mark.parametrize(("function", "axes"), [(torch.fft.fft2, 2), (torch.fft.fftn, 3), (torch.fft.ifft2, 2)])
@cases(CASES)
@given(shape=planes)
def test_transform_of_several_axes_counts_each_line_of_each(
    function: Callable[..., torch.Tensor], axes: int, shape: tuple[int, ...]
) -> None:
    def run(source: Array) -> Array:
        return loops.transform(source, range(3 - axes, 3), inverse=function is torch.fft.ifft2)

    check(function, (spectrum(*shape),), run, additions)


@cases(CASES)
@given(rows=st.integers(1, 3), length=lengths)
def test_transform_of_real_numbers_counts_half(rows: int, length: int) -> None:
    def run(source: Array) -> Array:
        return loops.transform_of_real(source, [1])

    check(torch.fft.rfft, (values(rows, length),), run, additions)


@cases(CASES)
@given(shape=planes)
def test_transform_of_a_real_plane_counts_half_of_its_lines_and_the_columns_left(shape: tuple[int, ...]) -> None:
    def run(source: Array) -> Array:
        return loops.transform_of_real(source, [1, 2])

    check(torch.fft.rfft2, (values(*shape),), run, additions)


@cases(CASES)
@given(rows=st.integers(1, 3), length=lengths)
def test_inverse_to_real_numbers_counts_half(rows: int, length: int) -> None:
    half = torch.fft.rfft(values(rows, length))
    check(
        lambda source: torch.fft.irfft(source, length),
        (half,),
        lambda source: loops.transform_to_real(source, [1], length),
        additions,
    )


@cases(CASES)
@given(shape=planes)
def test_inverse_to_a_real_plane_counts_half_of_its_lines_and_the_columns_left(shape: tuple[int, ...]) -> None:
    half = torch.fft.rfft2(values(*shape))
    check(
        lambda source: torch.fft.irfft2(source, shape[1:]),
        (half,),
        lambda source: loops.transform_to_real(source, [1, 2], shape[2]),
        additions,
    )
