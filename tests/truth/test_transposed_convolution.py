"""Transposed convolutions: the formulas count the products, those cut off, sums and biases that loops execute."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import convolution as loops
from tests.truth import executed
from tests.truth.arrays import Array, in_batch
from tests.truth.cases import cases, values
from tests.truth.terms import check

CASES = 140
"""Cases for each number of axes."""

FUNCTIONS = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

LONGEST = {1: 6, 2: 4, 3: 2}
"""The longest axis of an input, by number of axes."""


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data())
def test_transposed_convolution_counts_what_loops_execute(axes: int, data: st.DataObject) -> None:
    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(low, high)) for _ in range(axes))

    size, kernel, stride = per_axis(1, LONGEST[axes]), per_axis(1, 3 if axes < 3 else 2), per_axis(1, 3)
    padding, dilation = per_axis(0, 2), per_axis(1, 2)
    more = tuple(data.draw(st.integers(0, max(pair) - 1)) for pair in zip(stride, dilation, strict=True))
    groups, channels, filters = (data.draw(st.integers(1, 2)) for _ in range(3))
    batch = data.draw(st.sampled_from([(), (1,), (2,)]))
    biased = data.draw(st.booleans())
    source = values(*batch, groups * channels, *size)
    weight = values(groups * channels, filters, *kernel, seed=1)
    bias = values(groups * filters, seed=2) if biased else None

    def call(source: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return FUNCTIONS[axes](source, weight, bias, stride, padding, more, groups, dilation)

    def run(source: Array, weight: Array, bias: Array | None) -> Array:
        def spread(batch: Array) -> Array:
            return loops.convolve_transposed(batch, weight, bias, stride, padding, more, dilation, groups)

        return in_batch(spread, source, axes + 2)

    assume(min(loops.transposed_size(size, kernel, stride, padding, more, dilation)) > 0)
    check(call, (source, weight, bias), run, executed.products)
