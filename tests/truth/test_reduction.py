"""Reductions: the formulas count one operation per element, as loops execute them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import reduction as loops
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check, native_terms

CASES = 30
"""Cases of each reduction."""

CASES_OF_LAYER = 60
"""Cases of sums along an axis, embeddings, distances and normalized weights."""

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)

DIVIDED = ("mean", "var", "std")
"""Reductions that divide each result; others set out from a first element, which is counted as an operation too."""


@pytest.mark.parametrize("name", loops.FUNCTIONS)
@cases(CASES)
@given(shape=shapes, data=st.data())
def test_reduction_counts_an_operation_per_element(name: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    several = name not in ("prod", "argmax")
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=3 if several else 1, unique=True))
    if name in ("var", "std"):
        shape = tuple(size + 1 for size in shape)  # one element alone has no variance
    function = torch.linalg.vector_norm if name == "norm" else getattr(torch, name)
    results = torch.zeros(shape).sum(axes).numel()

    def terms(tally: Tally) -> Terms:
        done = tally["reduce"]
        combined = done["add"] + done["multiply"] + done["compare"]
        assert done["divide"] == (results if name in DIVIDED else 0)
        return {"reduce": combined + results}

    def call(source: torch.Tensor) -> torch.Tensor:
        return function(source, dim=axes if several else axes[0]).double()

    def run(source: Array) -> Array:
        return loops.reduced(source, axes, loops.FUNCTIONS[name])

    check(call, (values(*shape),), run, terms)


@cases(CASES_OF_LAYER)
@given(shape=shapes, by_product=st.booleans(), data=st.data())
def test_cumulated_sum_counts_an_operation_per_element(
    shape: tuple[int, ...], by_product: bool, data: st.DataObject
) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    rows = torch.zeros(shape).sum(axis).numel()

    def terms(tally: Tally) -> Terms:
        return {"reduce": tally["reduce"].total() + rows}

    function = torch.cumprod if by_product else torch.cumsum
    check(
        lambda source: function(source, axis),
        (values(*shape),),
        lambda source: loops.cumulated(source, axis, by_product=by_product),
        terms,
    )


@pytest.mark.parametrize("function", [torch.sum, torch.prod, torch.amax, torch.argmax])
def test_reduction_of_integers_is_bookkeeping(function: Callable[..., torch.Tensor]) -> None:
    assert native_terms(function, torch.arange(6).reshape(2, 3)) == {}


@cases(CASES_OF_LAYER)
@given(shape=shapes, rows=st.integers(1, 5), width=st.integers(1, 4))
def test_embedding_is_looked_up_without_arithmetic(shape: tuple[int, ...], rows: int, width: int) -> None:
    places = torch.arange(torch.zeros(shape).numel()).reshape(shape) % rows

    def run(places: Array, table: Array) -> Array:
        return table.make((*shape, width), lambda *index: table[int(places[index[:-1]].value), index[-1]])

    check(F.embedding, (places, values(rows, width)), run, lambda tally: tally.current)


@st.composite
def bags(draw: st.DrawFn, rows: int) -> list[list[int]]:
    return draw(st.lists(st.lists(st.integers(0, rows - 1), min_size=1, max_size=4), min_size=1, max_size=4))


@cases(CASES_OF_LAYER)
@given(bags=bags(5), width=st.integers(1, 4), how=st.sampled_from(["sum", "mean", "max", "weighted"]))
def test_bag_of_embeddings_counts_what_is_looked_up(bags: list[list[int]], width: int, how: str) -> None:
    places = torch.tensor([place for bag in bags for place in bag])
    starts = torch.tensor([sum(map(len, bags[:number])) for number in range(len(bags))])
    table, weights = values(5, width), values(len(places), seed=1)
    mode = "sum" if how == "weighted" else how

    def call(table: torch.Tensor, places: torch.Tensor, starts: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        given = weights if how == "weighted" else None
        return F.embedding_bag(places, table, starts, mode=mode, per_sample_weights=given)

    def run(table: Array, places: Array, starts: Array, weights: Array) -> Array:
        numbers = iter([weights[index] for index in weights])
        each = [[next(numbers) for _ in bag] for bag in bags] if how == "weighted" else None
        return loops.bags(table, bags, each, mode)

    def terms(tally: Tally) -> Terms:
        done, results = tally["reduce"], len(bags) * width
        assert done["divide"] == (results if how == "mean" else 0)
        return {"reduce": done["add"] + done["compare"] + results, "elementwise": tally["weigh"]["multiply"]}

    check(call, (table, places, starts, weights), run, terms)


@cases(CASES_OF_LAYER)
@given(
    batch=st.lists(st.integers(1, 2), max_size=1), sizes=st.tuples(*[st.integers(1, 4)] * 3), power=st.integers(1, 3)
)
def test_distance_counts_differences_and_what_is_summed(
    batch: list[int], sizes: tuple[int, int, int], power: int
) -> None:
    left, right, width = sizes

    def terms(tally: Tally) -> Terms:
        sums = torch.zeros(*batch, left, right).numel()
        return {"elementwise": tally["difference"]["subtract"], "reduce": tally["reduce"]["add"] + sums}

    check(
        lambda *rows: torch.cdist(*rows, p=float(power)),
        (values(*batch, left, width), values(*batch, right, width, seed=1)),
        lambda *rows: loops.distances(*rows, power),
        terms,
    )


@cases(CASES_OF_LAYER)
@given(shape=st.lists(st.integers(1, 4), min_size=2, max_size=3), data=st.data())
def test_normalized_weight_counts_its_norm_and_its_scaling(shape: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.sampled_from([0, len(shape) - 1]))
    lengths = values(*(size if at == axis else 1 for at, size in enumerate(shape)), seed=1)

    def terms(tally: Tally) -> Terms:
        norms = shape[axis]
        return {"reduce": tally["reduce"]["add"] + norms, "elementwise": tally["scale"]["multiply"]}

    check(
        lambda direction, length: torch._weight_norm(direction, length, axis),
        (values(*shape), lengths),
        lambda direction, length: loops.weight_norm(direction, length, axis),
        terms,
    )
