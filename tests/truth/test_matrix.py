"""Linear layers and matrix products: the formulas count the products, sums and addends that loops execute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import executed
from tests.truth import matrix as loops
from tests.truth.arrays import Array, array
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import check, native_terms

CASES = 100
"""Cases of linear layers, of matrix products and of bilinear layers."""

CASES_OF_FUNCTION = 30
"""Cases of each function with an addend, and of each form of a contraction."""

sizes = st.integers(1, 4)
leading = st.lists(st.integers(1, 3), max_size=3).map(tuple)


@cases(CASES)
@given(rows=leading, size=st.tuples(sizes, sizes), biased=st.booleans())
def test_linear_counts_what_loops_execute(rows: tuple[int, ...], size: tuple[int, int], biased: bool) -> None:
    inputs = values(*rows, size[1]), values(*size, seed=1), values(size[0], seed=2) if biased else None
    check(F.linear, inputs, loops.linear, executed.products)


@st.composite
def factors(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Two tensors that can be multiplied: vectors, matrices, or batches whose leading axes broadcast."""
    n, m, p = draw(sizes), draw(sizes), draw(sizes)
    batch = draw(leading)
    left, right = (
        tuple(draw(st.sampled_from([1, size])) for size in batch[draw(st.integers(0, len(batch))) :]) for _ in range(2)
    )
    first = draw(st.sampled_from([(m,), (*left, n, m)]))
    second = draw(st.sampled_from([(m,), (*right, m, p)]))
    return values(*first), values(*second, seed=1)


@cases(CASES)
@given(inputs=factors())
def test_matmul_counts_what_loops_execute(inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
    check(torch.matmul, inputs, loops.matmul, executed.products)


@pytest.mark.parametrize("function", [torch.mm, torch.bmm, torch.mv, torch.dot])
@cases(CASES_OF_FUNCTION)
@given(b=sizes, n=sizes, m=sizes, p=sizes)
def test_product_of_a_fixed_form_counts_what_loops_execute(
    function: Callable[..., torch.Tensor], b: int, n: int, m: int, p: int
) -> None:
    left, right = {
        torch.mm: ((n, m), (m, p)),
        torch.bmm: ((b, n, m), (b, m, p)),
        torch.mv: ((n, m), (m,)),
        torch.dot: ((m,), (m,)),
    }[function]
    check(function, (values(*left), values(*right, seed=1)), loops.matmul, executed.products)


@pytest.mark.parametrize("function", [torch.addmm, torch.baddbmm, torch.addmv, torch.addbmm])
@cases(CASES_OF_FUNCTION)
@given(b=sizes, n=sizes, m=sizes, p=sizes)
def test_product_with_addend_counts_the_addend_as_a_bias(
    function: Callable[..., torch.Tensor], b: int, n: int, m: int, p: int
) -> None:
    addend, left, right = {
        torch.addmm: ((p,), (n, m), (m, p)),
        torch.baddbmm: ((b, 1, p), (b, n, m), (b, m, p)),
        torch.addmv: ((n,), (n, m), (m,)),
        torch.addbmm: ((n, p), (b, n, m), (b, m, p)),
    }[function]
    multiplied = loops.sum_of_matmuls if function is torch.addbmm else loops.matmul

    def run(addend: Array, left: Array, right: Array) -> Array:
        return loops.plus(multiplied(left, right), addend)

    check(function, (values(*addend), values(*left, seed=1), values(*right, seed=2)), run, executed.products)


@pytest.mark.parametrize("form", ["ij,jk->ik", "ij,kj->ik", "bij,bjk->bik", "bhid,bhjd->bhij", "bhij,bhjd->bhid"])
@cases(CASES_OF_FUNCTION)
@given(data=st.data())
def test_einsum_counts_the_products_of_a_contraction(form: str, data: st.DataObject) -> None:
    names, kept = form.split("->")
    left, right = names.split(",")
    size = {name: data.draw(st.integers(2, 4) if name not in kept else sizes) for name in sorted(set(left + right))}
    inputs = values(*(size[name] for name in left)), values(*(size[name] for name in right), seed=1)

    def run(first: Array, second: Array) -> Array:
        return loops.contract(first, left, second, right, kept)

    check(lambda *factors: torch.einsum(form, *factors), inputs, run, executed.products)


def test_einsum_over_an_axis_of_length_one_counts_the_same_products_as_elementwise() -> None:
    # There is nothing to sum, so torch multiplies elements: what else would be mac and first_add.
    tally = Tally()
    inputs = values(3, 1), values(1, 2)
    loops.matmul(*(array(one, tally) for one in inputs))
    terms = native_terms(lambda *factors: torch.einsum("ij,jk->ik", *factors), *inputs)
    assert terms == {"elementwise": tally["products"]["multiply"]}


@pytest.mark.parametrize("function", [torch.mm, torch.matmul])
def test_sum_of_no_products_saves_no_addition(function: Callable[..., torch.Tensor]) -> None:
    assert native_terms(function, values(2, 0), values(0, 3)) == {}


@cases(CASES)
@given(rows=leading, size=st.tuples(sizes, sizes, sizes), biased=st.booleans())
def test_bilinear_counts_what_loops_execute(rows: tuple[int, ...], size: tuple[int, int, int], biased: bool) -> None:
    filters, first, second = size
    inputs = (
        values(*rows, first),
        values(*rows, second, seed=1),
        values(*size, seed=2),
        values(filters, seed=3) if biased else None,
    )
    check(F.bilinear, inputs, loops.bilinear, executed.products)
