"""Poolings: the formulas count the additions, divisions and comparisons that loops execute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import pooling as loops
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 50
"""Cases of each pooling, for each number of axes."""

AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
MAXIMUM = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
ADAPTIVE_AVERAGE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAXIMUM = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}

outer = st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple)  # channels, perhaps of a batch


def check_average(call: Callable[..., torch.Tensor], source: torch.Tensor, windows: list[loops.Windows]) -> None:
    def terms(tally: Tally) -> Terms:
        return {"pool": tally["pool"]["add"] + tally["pool"]["divide"], "pool_input": source.numel()}

    check(call, (source,), lambda lifted: loops.average(lifted, windows), terms)


def check_maximum(call: Callable[..., torch.Tensor], source: torch.Tensor, windows: list[loops.Windows]) -> None:
    def terms(tally: Tally) -> Terms:
        return {"max_pool": tally["pool"]["compare"], "pool_input": source.numel()}

    check(call, (source,), lambda lifted: loops.maximum(lifted, windows), terms)


def per_axis(data: st.DataObject, axes: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(data.draw(st.integers(low, high)) for _ in range(axes))


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data(), outer=outer)
def test_average_pool_counts_additions_and_divisions_of_its_windows(
    axes: int, data: st.DataObject, outer: tuple[int, ...]
) -> None:
    kernel, stride = per_axis(data, axes, 1, 3), per_axis(data, axes, 1, 3)
    pads = tuple(data.draw(st.integers(0, taps // 2)) for taps in kernel)
    size = tuple(data.draw(st.integers(taps, 4 if axes > 1 else 8)) for taps in kernel)
    ceil, with_padding = data.draw(st.booleans()), data.draw(st.booleans())
    windows = [loops.sliding(*axis, ceil=ceil) for axis in zip(size, kernel, stride, pads, strict=True)]
    if not with_padding:
        windows = [loops.without_padding(*axis) for axis in zip(windows, size, strict=True)]

    def call(source: torch.Tensor) -> torch.Tensor:
        return AVERAGE[axes](source, kernel, stride, pads, ceil_mode=ceil, count_include_pad=with_padding)

    check_average(call, values(*outer, *size), windows)


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data(), outer=outer)
def test_adaptive_average_pool_counts_windows_that_overlap(
    axes: int, data: st.DataObject, outer: tuple[int, ...]
) -> None:
    size, outputs = per_axis(data, axes, 1, 5), per_axis(data, axes, 1, 4)
    windows = [loops.adaptive(*axis) for axis in zip(size, outputs, strict=True)]
    target = outputs if axes > 1 else outputs[0]
    check_average(lambda source: ADAPTIVE_AVERAGE[axes](source, target), values(*outer, *size), windows)


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data(), outer=outer)
def test_max_pool_counts_comparisons_padding_included(axes: int, data: st.DataObject, outer: tuple[int, ...]) -> None:
    kernel, stride, dilation = per_axis(data, axes, 1, 3), per_axis(data, axes, 1, 3), per_axis(data, axes, 1, 2)
    pads = tuple(data.draw(st.integers(0, taps // 2)) for taps in kernel)
    spread = [far * (taps - 1) + 1 for far, taps in zip(dilation, kernel, strict=True)]
    size = tuple(data.draw(st.integers(far, max(far, 4 if axes > 1 else 8))) for far in spread)
    ceil = data.draw(st.booleans())
    windows = [loops.sliding(*axis, ceil=ceil) for axis in zip(size, kernel, stride, pads, dilation, strict=True)]

    def call(source: torch.Tensor) -> torch.Tensor:
        return MAXIMUM[axes](source, kernel, stride, pads, dilation, ceil_mode=ceil)

    check_maximum(call, values(*outer, *size), windows)


@pytest.mark.parametrize("axes", [1, 2, 3])
@cases(CASES)
@given(data=st.data(), outer=outer)
def test_adaptive_max_pool_counts_comparisons_of_windows_that_overlap(
    axes: int, data: st.DataObject, outer: tuple[int, ...]
) -> None:
    size, outputs = per_axis(data, axes, 1, 5), per_axis(data, axes, 1, 4)
    windows = [loops.adaptive(*axis) for axis in zip(size, outputs, strict=True)]
    target = outputs if axes > 1 else outputs[0]
    check_maximum(lambda source: ADAPTIVE_MAXIMUM[axes](source, target), values(*outer, *size), windows)
