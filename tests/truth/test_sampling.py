"""Interpolations: the formulas count those that loops take."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.ops import deform_conv2d, roi_align

from tests.truth import executed
from tests.truth import sampling as loops
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 40
"""Cases of each mode of interpolation, and of sampling in a grid for each number of axes."""

CASES_OF_LAYER = 80
"""Cases of deformed convolutions and of averages of regions."""

AXES = {"nearest": 3, "nearest-exact": 3, "linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
"""Number of axes of each mode, the most where several are possible."""

sizes = st.integers(1, 3)


def terms(tally: Tally) -> Terms:
    return {"resample": loops.interpolations(tally)}


@pytest.mark.parametrize("mode", AXES)
@cases(CASES)
@given(outer=st.tuples(sizes, sizes), align=st.booleans(), data=st.data())
def test_resizing_counts_an_interpolation_per_output(
    mode: str, outer: tuple[int, int], align: bool, data: st.DataObject
) -> None:
    axes = data.draw(st.integers(1, 3)) if "nearest" in mode else AXES[mode]
    size = tuple(data.draw(st.integers(1, 4)) for _ in range(axes))
    target = [data.draw(st.integers(1, 6 if axes < 3 else 3)) for _ in range(axes)]
    aligned = None if "nearest" in mode else align

    def call(source: torch.Tensor) -> torch.Tensor:
        return F.interpolate(source, target, mode=mode, align_corners=aligned)

    check(call, (values(*outer, *size),), lambda source: loops.resized(source, target, mode, align), terms)


@pytest.mark.parametrize("axes", [2, 3])
@cases(CASES)
@given(data=st.data(), mode=st.sampled_from(["bilinear", "nearest"]), align=st.booleans())
def test_sampling_in_a_grid_counts_an_interpolation_per_output(
    axes: int, data: st.DataObject, mode: str, align: bool
) -> None:
    batch, channels = data.draw(sizes), data.draw(sizes)
    size, target = (tuple(data.draw(sizes) for _ in range(axes)) for _ in range(2))
    check(
        lambda source, grid: F.grid_sample(source, grid, mode=mode, align_corners=align),
        (values(batch, channels, *size), values(batch, *target, axes, seed=1)),
        lambda source, grid: loops.grid_sample(source, grid, mode, align),
        terms,
    )


@cases(CASES_OF_LAYER)
@given(
    groups=st.integers(1, 2),
    moved=st.integers(1, 2),
    size=st.tuples(sizes, sizes, st.integers(3, 5), st.integers(3, 5)),
    kernel=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    layout=st.tuples(st.integers(1, 2), st.integers(0, 1), st.integers(1, 2)),
    masked=st.booleans(),
    biased=st.booleans(),
)
def test_deformed_convolution_takes_samples_once_for_all_filters(
    groups: int,
    moved: int,
    size: tuple[int, int, int, int],
    kernel: tuple[int, int],
    layout: tuple[int, int, int],
    masked: bool,
    biased: bool,
) -> None:
    batch, filters, *inner = size
    stride, padding, dilation = layout
    outer = [
        len(range(0, n + 2 * padding - dilation * (taps - 1), stride)) for n, taps in zip(inner, kernel, strict=True)
    ]
    count = moved * kernel[0] * kernel[1]
    inputs = (
        values(batch, 2 * groups, *inner),
        values(batch, 2 * count, *outer, seed=1),
        values(groups * filters, 2, *kernel, seed=2),
        values(batch, count, *outer, seed=3) if masked else None,
        values(groups * filters, seed=4) if biased else None,
    )

    def call(
        source: torch.Tensor,
        offset: torch.Tensor,
        weight: torch.Tensor,
        mask: torch.Tensor | None,
        bias: torch.Tensor | None,
    ) -> torch.Tensor:
        return deform_conv2d(source, offset, weight, bias, stride, padding, dilation, mask)

    def run(source: Array, offset: Array, weight: Array, mask: Array | None, bias: Array | None) -> Array:
        return loops.deformed_convolution(source, offset, weight, mask, bias, *layout)

    def terms(tally: Tally) -> Terms:
        resample = loops.interpolations(tally)
        return {**executed.products(tally), "resample": resample, "elementwise": tally["mask"]["multiply"]}

    check(call, inputs, run, terms)


@cases(CASES_OF_LAYER)
@given(
    size=st.tuples(sizes, sizes, st.integers(2, 5), st.integers(2, 5)),
    target=st.tuples(sizes, sizes),
    scale=st.sampled_from([0.5, 1.0]),
    samples=st.integers(1, 3),
    aligned=st.booleans(),
    corners=st.lists(st.tuples(*[st.integers(-1, 5)] * 4), min_size=1, max_size=3),
)
def test_average_of_regions_counts_samples_and_their_means(
    size: tuple[int, int, int, int],
    target: tuple[int, int],
    scale: float,
    samples: int,
    aligned: bool,
    corners: list[tuple[int, int, int, int]],
) -> None:
    regions = torch.tensor(
        [
            [at % size[0], min(x, x2) + 0.3, min(y, y2) + 0.3, max(x, x2) + 0.8, max(y, y2) + 0.8]
            for at, (x, y, x2, y2) in enumerate(corners)
        ],
        dtype=torch.float64,
    )

    def terms(tally: Tally) -> Terms:
        pool = tally["pool"]
        return {"resample": loops.interpolations(tally), "pool": pool["add"] + pool["divide"]}

    check(
        lambda source, regions: roi_align(source, regions, target, scale, samples, aligned),
        (values(*size), regions),
        lambda source, regions: loops.region_average(source, regions, target, scale, samples, aligned),
        terms,
    )
