"""Operations on single elements: the formulas count the evaluations, operations and comparisons in loops."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.truth import elementwise as loops
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.numbers import Counted, Tally
from tests.truth.terms import Terms, check, native_terms

CASES = 100
"""Cases of activations, gates, binary operations, comparisons; each draws the function too."""

shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)


def activations(tally: Tally) -> Terms:
    return {"activation": tally.current["evaluate"]}


def operations(tally: Tally) -> Terms:
    return {"elementwise": tally.current.total()}


def comparisons(tally: Tally) -> Terms:
    return {"compare": tally.current["compare"]}


@cases(2 * CASES)
@given(name=st.sampled_from(sorted(loops.ACTIVATIONS)), shape=shapes)
def test_activation_counts_evaluations(name: str, shape: tuple[int, ...]) -> None:
    def run(source: Array) -> Array:
        return loops.activation(source, loops.ACTIVATIONS[name])

    check(getattr(F, name), (3 * values(*shape),), run, activations)


@cases(CASES)
@given(shape=st.lists(st.integers(1, 3), min_size=2, max_size=4).map(tuple), shared=st.booleans())
def test_parametric_relu_counts_evaluations(shape: tuple[int, ...], shared: bool) -> None:
    weight = values(1 if shared else shape[1], seed=1)
    check(F.prelu, (values(*shape), weight), loops.parametric_relu, activations)


@cases(CASES)
@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=3), data=st.data())
def test_gated_unit_counts_an_evaluation_and_a_product_per_output(shape: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    shape[axis] *= 2

    def terms(tally: Tally) -> Terms:
        return {"activation": tally.current["evaluate"], "elementwise": tally.current["multiply"]}

    check(lambda x: F.glu(x, axis), (values(*shape),), lambda x: loops.gated(x, axis), terms)


UNARY: dict[Callable[[torch.Tensor], torch.Tensor], Callable[[float], float]] = {
    torch.neg: operator.neg,
    torch.abs: abs,
    torch.exp: math.exp,
    torch.expm1: math.expm1,
    torch.sin: math.sin,
    torch.cos: math.cos,
    torch.atan: math.atan,
    torch.erf: math.erf,
    torch.floor: math.floor,
    torch.ceil: math.ceil,
    torch.trunc: math.trunc,
    torch.square: lambda x: x * x,
    torch.reciprocal: lambda x: 1 / x,
    torch.sign: lambda x: math.copysign(1.0, x),
}
"""Functions of one number."""

POSITIVE: dict[Callable[[torch.Tensor], torch.Tensor], Callable[[float], float]] = {
    torch.sqrt: math.sqrt,
    torch.rsqrt: lambda x: 1 / math.sqrt(x),
    torch.log: math.log,
    torch.log2: math.log2,
    torch.log1p: math.log1p,
}
"""Functions of one positive number."""


@cases(2 * CASES)
@given(function=st.sampled_from([*UNARY, *POSITIVE]), shape=shapes)
def test_function_of_one_number_counts_evaluations(
    function: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]
) -> None:
    plain = (UNARY | POSITIVE)[function]
    source = values(*shape) if function in UNARY else values(*shape).abs() + 0.1

    def run(lifted: Array) -> Array:
        return loops.each(lambda x: x.apply("evaluate", lambda value: float(plain(value))), lifted)

    check(function, (source,), run, operations)


def _applied(name: str, function: Callable[..., float]) -> Callable[..., Counted]:
    return lambda first, *others: first.apply(name, function, *others)


BINARY: dict[Callable[..., torch.Tensor], Callable[[Counted, Counted], Counted]] = {
    torch.add: operator.add,
    torch.sub: operator.sub,
    torch.mul: operator.mul,
    torch.div: operator.truediv,
    torch.pow: _applied("power", math.pow),
    torch.maximum: max,
    torch.minimum: min,
    torch.remainder: _applied("remainder", operator.mod),
    torch.atan2: _applied("arc", math.atan2),
    torch.hypot: _applied("hypotenuse", math.hypot),
}
"""Functions of two numbers."""


@st.composite
def broadcast(draw: st.DrawFn, count: int) -> tuple[torch.Tensor, ...]:
    """Positive tensors that broadcast to one shape."""
    whole = draw(shapes)
    return tuple(
        values(*(draw(st.sampled_from([1, size])) for size in whole[draw(st.integers(0, len(whole))) :]), seed=at).abs()
        + 0.1
        for at in range(count)
    )


@cases(2 * CASES)
@given(function=st.sampled_from(list(BINARY)), inputs=broadcast(2))
def test_function_of_two_numbers_counts_one_operation_per_element_of_the_broadcast_shape(
    function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, torch.Tensor]
) -> None:
    check(function, inputs, lambda *lifted: loops.each(BINARY[function], *lifted), operations)


@cases(CASES)
@given(inputs=broadcast(2), least=st.booleans())
def test_extreme_of_two_tensors_is_no_reduction(inputs: tuple[torch.Tensor, torch.Tensor], least: bool) -> None:
    plain = min if least else max
    check(torch.min if least else torch.max, inputs, lambda *lifted: loops.each(plain, *lifted), operations)


@cases(CASES)
@given(inputs=broadcast(3), function=st.sampled_from([torch.addcmul, torch.addcdiv]))
def test_product_with_addend_counts_two_operations(
    inputs: tuple[torch.Tensor, ...], function: Callable[..., torch.Tensor]
) -> None:
    def plain(addend: Counted, left: Counted, right: Counted) -> Counted:
        return addend + (left * right if function is torch.addcmul else left / right)

    check(function, inputs, lambda *lifted: loops.each(plain, *lifted), operations)


@cases(CASES)
@given(shape=shapes, limits=st.tuples(st.floats(-1, 0), st.floats(0, 1)))
def test_clamp_counts_one_operation_per_element(shape: tuple[int, ...], limits: tuple[float, float]) -> None:
    def run(source: Array) -> Array:
        return loops.each(_applied("clamp", lambda x: min(max(x, limits[0]), limits[1])), source)

    check(lambda x: torch.clamp(x, *limits), (values(*shape),), run, operations)


@cases(CASES)
@given(inputs=broadcast(3))
def test_where_chooses_without_arithmetic(inputs: tuple[torch.Tensor, ...]) -> None:
    chosen, *others = inputs
    condition = chosen > 0.5

    def run(mask: Array, first: Array, second: Array) -> Array:
        return loops.each(lambda yes, one, other: one if yes.value else other, mask, first, second)

    check(torch.where, (condition, *others), run, operations)


@cases(CASES)
@given(function=st.sampled_from([torch.lt, torch.gt]), inputs=broadcast(2))
def test_comparison_counts_comparisons(
    function: Callable[..., torch.Tensor], inputs: tuple[torch.Tensor, torch.Tensor]
) -> None:
    plain = operator.lt if function is torch.lt else operator.gt

    def run(left: Array, right: Array) -> Array:
        return loops.each(lambda x, y: x.tally.number(float(plain(x, y))), left, right)

    check(lambda *given: function(*given).double(), inputs, run, comparisons)


@pytest.mark.parametrize("function", [torch.add, torch.sub, torch.mul, torch.maximum, torch.floor_divide])
def test_arithmetic_on_integers_is_bookkeeping(function: Callable[..., torch.Tensor]) -> None:
    assert native_terms(function, torch.arange(1, 7).reshape(2, 3), torch.arange(1, 4)) == {}


def test_division_of_integers_has_a_result_that_counts() -> None:
    assert native_terms(torch.div, torch.arange(1, 7), torch.arange(1, 7)) == {"elementwise": 6}
