"""Normalizations: the formulas count the elements of the statistics, shifts, divisions and scalings in loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.truth import executed
from tests.truth import normalization as loops
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.terms import Mode, check, native_kinds

CASES = 60
"""Cases of each normalization."""

EPSILON = 1e-5

sizes = st.integers(1, 3)
inner = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


@cases(CASES)
@given(batch=st.integers(2, 3), channels=sizes, inner=inner, learned=st.booleans(), training=st.booleans())
def test_batch_norm_takes_statistics_from_the_batch_in_training_only(
    batch: int, channels: int, inner: tuple[int, ...], learned: bool, training: bool
) -> None:
    inputs = (
        values(batch, channels, *inner),
        values(channels, seed=1),
        values(channels, seed=2).square() + 1,
        values(channels, seed=3) if learned else None,
        values(channels, seed=4) if learned else None,
    )

    def call(source: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, *learned: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(source, mean, variance, *learned, training=training, eps=EPSILON)

    def run(source: Array, mean: Array, variance: Array, weight: Array | None, bias: Array | None) -> Array:
        recorded = {(c,): (mean[(c,)], variance[(c,)]) for c in range(channels)}
        statistics = loops.statistics_of(source, loops.channel) if training else recorded
        normalized = loops.normalize(source, loops.channel, statistics, EPSILON)
        return loops.affine(normalized, loops.channel, weight, bias)

    check(call, inputs, run, executed.normalization, mode="train" if training else "eval")


@pytest.mark.parametrize(
    ("mode", "behind", "kind"),
    [
        ("eval", nn.Conv2d(2, 2, 1), "folded_batch_norm"),
        ("eval", nn.ConvTranspose2d(2, 2, 1), "folded_batch_norm"),
        ("eval", nn.ReLU(), "batch_norm"),
        ("train", nn.Conv2d(2, 2, 1), "batch_norm"),
    ],
)
def test_batch_norm_folds_where_it_stands_behind_a_convolution_in_evaluation(
    mode: Mode, behind: nn.Module, kind: str
) -> None:
    model = nn.Sequential(behind, nn.BatchNorm2d(2))
    kinds = [found for found in native_kinds(model, torch.zeros(2, 2, 3, 3), mode=mode) if found.endswith("norm")]
    assert kinds == [kind]


@cases(CASES)
@given(outer=st.lists(sizes, max_size=2).map(tuple), inner=inner, weighted=st.booleans(), biased=st.booleans())
def test_layer_norm_counts_what_loops_execute(
    outer: tuple[int, ...], inner: tuple[int, ...], weighted: bool, biased: bool
) -> None:
    weight = values(*inner, seed=1) if weighted else None
    bias = values(*inner, seed=2) if weighted and biased else None
    row, place = loops.before_last(len(inner)), loops.last(len(inner))

    def run(source: Array, weight: Array | None, bias: Array | None) -> Array:
        normalized = loops.normalize(source, row, loops.statistics_of(source, row), EPSILON)
        return loops.affine(normalized, place, weight, bias)

    check(
        lambda source, *learned: F.layer_norm(source, inner, *learned, eps=EPSILON),
        (values(*outer, *inner), weight, bias),
        run,
        executed.normalization,
    )


@cases(CASES)
@given(outer=st.lists(sizes, max_size=2).map(tuple), inner=inner, weighted=st.booleans())
def test_rms_norm_divides_and_does_not_shift(outer: tuple[int, ...], inner: tuple[int, ...], weighted: bool) -> None:
    row, place = loops.before_last(len(inner)), loops.last(len(inner))

    def run(source: Array, weight: Array | None) -> Array:
        return loops.affine(loops.normalize_by_mean_square(source, row, EPSILON), place, weight, None)

    check(
        lambda source, weight: F.rms_norm(source, inner, weight, eps=EPSILON),
        (values(*outer, *inner), values(*inner, seed=1) if weighted else None),
        run,
        executed.normalization_by_mean_square,
    )


@cases(CASES)
@given(batch=sizes, groups=sizes, each=sizes, inner=inner, learned=st.booleans())
def test_group_norm_counts_what_loops_execute(
    batch: int, groups: int, each: int, inner: tuple[int, ...], learned: bool
) -> None:
    channels = groups * each
    # One element that deviates from its mean by rounding alone would be divided by a root of almost nothing.
    inner = (*inner, 2)

    def run(source: Array, weight: Array | None, bias: Array | None) -> Array:
        def group(index: tuple[int, ...]) -> tuple[int, int]:
            return index[0], index[1] // each

        normalized = loops.normalize(source, group, loops.statistics_of(source, group), EPSILON)
        return loops.affine(normalized, loops.channel, weight, bias)

    check(
        lambda source, *learned: F.group_norm(source, groups, *learned, eps=EPSILON),
        (
            values(batch, channels, *inner),
            values(channels, seed=1) if learned else None,
            values(channels, seed=2) if learned else None,
        ),
        run,
        executed.normalization,
    )


@cases(CASES)
@given(batch=sizes, channels=sizes, inner=inner, learned=st.booleans(), recorded=st.booleans())
def test_instance_norm_takes_statistics_from_each_sample_unless_they_are_recorded(
    batch: int, channels: int, inner: tuple[int, ...], learned: bool, recorded: bool
) -> None:
    def call(source: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, *learned: torch.Tensor) -> torch.Tensor:
        return F.instance_norm(source, mean, variance, *learned, use_input_stats=not recorded, eps=EPSILON)

    def run(source: Array, mean: Array, variance: Array, weight: Array | None, bias: Array | None) -> Array:
        def sample(index: tuple[int, ...]) -> tuple[int, ...]:
            return index[:2]

        if recorded:
            statistics = {(b, c): (mean[(c,)], variance[(c,)]) for b in range(batch) for c in range(channels)}
        else:
            statistics = loops.statistics_of(source, sample)
        return loops.affine(loops.normalize(source, sample, statistics, EPSILON), loops.channel, weight, bias)

    inputs = (
        values(batch, channels, *inner, 2),
        values(channels, seed=1),
        values(channels, seed=2).square() + 1,
        values(channels, seed=3) if learned else None,
        values(channels, seed=4) if learned else None,
    )
    check(call, inputs, run, executed.normalization)
