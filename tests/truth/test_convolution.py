"""Convolutions: the formulas count the products, padded zeros, sums and biases that loops execute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.truth import convolution as loops
from tests.truth import executed
from tests.truth.arrays import Array, array, in_batch, permuted
from tests.truth.cases import cases, values
from tests.truth.terms import check

CASES = 240
"""Cases of padded convolutions for each number of axes."""

CASES_BY_NAME = 40
"""Cases of convolutions whose padding is a name, for each number of axes."""

CASES_BY_MODE = 20
"""Cases of each padding mode of a layer."""

CASES_OVER_TIME = 60
"""Cases of ``conv_tbc``."""

FUNCTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}

LONGEST = {1: 9, 2: 5, 3: 3}
"""The longest axis of an input, by number of axes."""


@dataclass(frozen=True)
class Case:
    """Arguments of one convolution."""

    source: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def inputs(self) -> tuple[torch.Tensor | None, ...]:
        return self.source, self.weight, self.bias


@st.composite
def convolutions(draw: st.DrawFn, axes: int, strided: bool = True, padded: bool = True) -> Case:
    stride, padding, dilation, kernel, size = [], [], [], [], []
    for _ in range(axes):
        stride.append(draw(st.integers(1, 3)) if strided else 1)
        padding.append(draw(st.integers(0, 2)) if padded else 0)
        dilation.append(draw(st.integers(1, 2)))
        kernel.append(draw(st.integers(1, 3 if axes < 3 else 2)))
        shortest = max(1, dilation[-1] * (kernel[-1] - 1) + 1 - 2 * padding[-1])
        size.append(draw(st.integers(shortest, max(shortest, LONGEST[axes]))))
    groups, channels, filters = (draw(st.integers(1, 2)) for _ in range(3))
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    bias = values(groups * filters, seed=2) if draw(st.booleans()) else None
    return Case(
        source=values(*batch, groups * channels, *size),
        weight=values(groups * filters, channels, *kernel, seed=1),
        bias=bias,
        stride=tuple(stride),
        padding=tuple(padding),
        dilation=tuple(dilation),
        groups=groups,
    )


def convolved(case: Case, surround: Callable[[Array], Array]) -> Callable[..., Array]:
    """Return the loops of a case, on an input that is surrounded by padding."""

    def run(source: Array, weight: Array, bias: Array | None = None) -> Array:
        def slide(batch: Array) -> Array:
            return loops.convolve(surround(batch), weight, bias, case.stride, case.dilation, case.groups)

        return in_batch(slide, source, len(weight.shape))

    return run


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data(), as_number=st.booleans())
def test_convolution_counts_what_loops_execute(axes: int, data: st.DataObject, as_number: bool) -> None:
    case = data.draw(convolutions(axes))
    stride = case.stride[0] if as_number and len(set(case.stride)) == 1 else case.stride
    padding = case.padding[0] if as_number and len(set(case.padding)) == 1 else case.padding

    def call(source: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return FUNCTIONS[axes](source, weight, bias, stride, padding, case.dilation, case.groups)

    slide = convolved(case, lambda source: loops.padded(source, case.padding, case.padding))
    check(call, case.inputs, slide, executed.products)


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")  # torch copies the input to pad it unevenly
@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES_BY_NAME)
@given(data=st.data(), name=st.sampled_from(["same", "valid"]))
def test_convolution_with_padding_by_name_counts_what_loops_execute(axes: int, data: st.DataObject, name: str) -> None:
    case = data.draw(convolutions(axes, strided=name == "valid", padded=False))
    spread = [far * (taps - 1) for far, taps in zip(case.dilation, case.weight.shape[2:], strict=True)]
    before = tuple(length // 2 if name == "same" else 0 for length in spread)
    after = tuple(length - length // 2 if name == "same" else 0 for length in spread)

    def call(source: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return FUNCTIONS[axes](source, weight, bias, case.stride, name, case.dilation, case.groups)

    check(call, case.inputs, convolved(case, lambda source: loops.padded(source, before, after)), executed.products)


@pytest.mark.parametrize("mode", loops.PLACES)
@pytest.mark.parametrize("layer", [nn.Conv1d, nn.Conv2d, nn.Conv3d])
@cases(CASES_BY_MODE)
@given(data=st.data())
def test_layer_that_pads_with_its_input_multiplies_no_padded_zeros(
    layer: type[nn.Conv2d], mode: str, data: st.DataObject
) -> None:
    axes = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}[layer]
    case = data.draw(convolutions(axes, padded=False))
    pads = tuple(data.draw(st.integers(0, min(2, size - 1))) for size in case.source.shape[-axes:])
    filters, channels, *kernel = case.weight.shape
    module = layer(
        channels * case.groups,
        filters,
        kernel,
        case.stride,
        pads,
        case.dilation,
        case.groups,
        bias=False,
        padding_mode=mode,
    ).double()
    module.weight.data.copy_(case.weight)

    slide = convolved(case, lambda source: loops.extended(source, pads, mode))
    check(module, (case.source,), lambda source: slide(source, array(case.weight, source.tally)), executed.products)


@cases(CASES_OVER_TIME)
@given(
    sizes=st.tuples(st.integers(3, 6), st.integers(1, 2), st.integers(1, 3)),
    kernel=st.integers(1, 3),
    filters=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_convolution_over_time_counts_what_loops_execute(
    sizes: tuple[int, int, int], kernel: int, filters: int, padding: int
) -> None:
    inputs = values(*sizes), values(kernel, sizes[2], filters, seed=1), values(filters, seed=2)

    def run(source: Array, weight: Array, bias: Array) -> Array:
        surrounded = loops.padded(permuted(source, 1, 2, 0), (padding,), (padding,))
        return permuted(loops.convolve(surrounded, permuted(weight, 2, 1, 0), bias, (1,), (1,), 1), 2, 0, 1)

    check(lambda *given: torch.conv_tbc(*given, padding), inputs, run, executed.products)
