"""Softmax and attention: the formulas count the products, exponentials and sums that loops execute."""

from __future__ import annotations

from math import inf

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import attention as loops
from tests.truth import executed
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 100
"""Cases of softmax, of its logarithm, and of each way to give attention a mask."""

sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=4).map(tuple)


@cases(CASES)
@given(shape=shapes, data=st.data())
def test_softmax_counts_exponentials_additions_and_divisions(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))

    def terms(tally: Tally) -> Terms:
        found = executed.softmax(tally)
        assert 3 * found["softmax"] - found["softmax_row"] == tally["softmax"].total()
        return found

    check(lambda x: F.softmax(x, axis), (values(*shape),), lambda x: loops.softmax(x, axis), terms)


@cases(CASES)
@given(shape=shapes, data=st.data())
def test_logarithm_of_softmax_counts_its_elements_and_rows(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))

    def run(source: Array) -> Array:
        return loops.log_softmax(source, axis)

    check(lambda x: F.log_softmax(x, axis), (values(*shape),), run, executed.softmax)


@st.composite
def attended(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values, whose leading axes broadcast."""
    length, keys, width, out = (draw(sizes) for _ in range(4))
    batch = draw(st.lists(st.integers(1, 3), max_size=2).map(tuple))
    query, key = (tuple(draw(st.sampled_from([1, size])) for size in batch) for _ in range(2))
    return values(*query, length, width), values(*key, keys, width, seed=1), values(*key, keys, out, seed=2)


@cases(CASES)
@given(inputs=attended(), causal=st.booleans())
def test_attention_counts_every_score_of_those_masked_too(
    inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], causal: bool
) -> None:
    check(
        lambda *given: F.scaled_dot_product_attention(*given, is_causal=causal),
        inputs,
        lambda *given: loops.attend(*given, causal=causal),
        executed.attention,
    )


@cases(CASES)
@given(inputs=attended(), per_row=st.booleans())
def test_attention_adds_a_mask_that_is_given(
    inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], per_row: bool
) -> None:
    query, key, _ = inputs
    mask = values(query.shape[-2] if per_row else 1, key.shape[-2], seed=3)
    mask[:, 1:2] = -inf
    check(F.scaled_dot_product_attention, (*inputs, mask), loops.attend, executed.attention)


@cases(CASES)
@given(groups=st.integers(1, 3), each=st.integers(1, 3), size=st.tuples(sizes, sizes, sizes), causal=st.booleans())
def test_attention_with_grouped_queries_shares_keys_and_no_products(
    groups: int, each: int, size: tuple[int, int, int], causal: bool
) -> None:
    length, keys, width = size
    inputs = (
        values(2, groups * each, length, width),
        values(2, groups, keys, width, seed=1),
        values(2, groups, keys, width, seed=2),
    )
    check(
        lambda *given: F.scaled_dot_product_attention(*given, is_causal=causal, enable_gqa=True),
        inputs,
        lambda *given: loops.attend(*given, causal=causal),
        executed.attention,
    )
