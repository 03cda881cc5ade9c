"""The numbers that a rule may use for a call: sizes of its tensors, of its parameters, and its documented terms."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, zip_longest
from math import prod
from types import FunctionType

import torch

from reconcile.reference import TERMS
from reconcile.rules.einsum import canonical_equation, has_sums, products, summation
from reconcile.trace import Call, TensorSpec, Trace, Value, tensors


def quantities(call: Call, trace: Trace, terms: Mapping[str, int]) -> dict[str, int | float]:
    """Return the quantities of a call by name.

    For ``input`` (the first tensor that it is given), ``output`` (the first that it returns) and, of operators, every
    tensor argument by its name in the schema: ``_elements``, ``_batch`` (first axis), ``_channels`` (second),
    ``_positions`` (product of all further axes), ``_last`` (last axis), ``_rows`` (product of all but the last),
    ``_lead`` (product of the first two), ``_axes`` (how many axes), ``_axis1`` and so on (each from the third); of an
    operator's lists of tensors, those of the first. Of modules: ``weight_elements``, ``bias_elements`` and, for
    parameters that have other names (``weight_ih_l0``), ``other_weight_elements`` and ``other_bias_elements``; numbers
    among their attributes by name, tuples as ``_product``; ``window_elements`` for the product of a ``kernel_size``
    over all further axes of the input. Of modules and functions: ``first``, ``second`` and ``third`` for the tensors
    that they are given. Of functions: ``left_broadcast_elements``, the elements of the shape that the first two
    broadcast to if one aligns their first axes; numbers among their arguments by name, tuples as ``_axis1`` and so on,
    both as ``_product`` and, how many they are, ``_count``. Of an einsum: ``index_products``, the lengths of all its
    letters multiplied, ``shared_products``, the same but for letters that are summed in one operand alone, and
    ``sums``, 1 if any letter is summed. ``terms`` come under their own names. Without a tensor, its sizes are 0.
    """
    given = next(tensors((*call.inputs, *call.named.values())), _NOTHING)
    returned = next(tensors(call.output), _NOTHING)
    found: dict[str, int | float] = {**dict.fromkeys(TERMS, 0), **dict(_sizes("input", given))}
    found.update(_sizes("output", returned))
    if call.kind == "module":
        found.update(_of_given(call))
        found.update(_of_module(call, trace))
    elif call.kind == "operator":
        for name, value in call.named.items():
            tensor = next(tensors(value), None)
            if tensor is not None:
                found.update(_sizes(name, tensor))
    else:
        found.update(_of_given(call))
        first_two = islice(tensors((*call.inputs, *call.named.values())), 2)
        found["left_broadcast_elements"] = _aligned_from_the_left([tensor.shape for tensor in first_two])
        found.update(_numbers(arguments(call)))
    if call.name.endswith(".einsum") and (einsum := _einsum(call)) is not None:
        found |= {"index_products": products(*einsum), "sums": int(has_sums(einsum[0]))}
        found["shared_products"] = products(*einsum, of_one=False)
    return found | dict(terms)


_NOTHING = TensorSpec((0,), "")


def arguments(call: Call) -> Mapping[str, Value]:
    """Return the arguments of a call by name, of a function as far as it names them.

    Of a function that calls one operator they are the operator's too, which writes them out: ``stride`` as a tuple.
    """
    if call.kind != "function":
        return call.named
    named = {**dict(zip(_positional_names(call.name), call.inputs, strict=False)), **call.named}
    if len(call.children) == 1 and call.children[0].kind == "operator":
        named |= call.children[0].named
    return named


def plain_argument(call: Call, name: str) -> Value:
    """Return an argument of a call for a condition; the letters of an einsum's equation in order of appearance.

    Two are no arguments: ``fusion`` tells whether the call runs as one operator, ``summation`` whether an einsum sums
    as a product of matrices does (``shared``) or not (``other``).
    """
    if name == "fusion":
        return call.fusion
    if name == "summation":
        return summation(*einsum) if (einsum := _einsum(call)) is not None else None
    value = arguments(call).get(name)
    if name == "equation" and isinstance(value, str):
        return canonical_equation(value)
    return value


def _einsum(call: Call) -> tuple[str, list[tuple[int, ...]]] | None:
    """The equation of a call and the shapes of what it is given."""
    equation = arguments(call).get("equation")
    if not isinstance(equation, str):
        equation = next((value for value in call.inputs if isinstance(value, str)), None)
    shapes = [tensor.shape for tensor in tensors((*call.inputs, *call.named.values()))]
    return (equation, shapes) if isinstance(equation, str) and equation.count(",") + 1 == len(shapes) else None


@cache
def _positional_names(function: str) -> tuple[str, ...]:
    """How a function of torch that is written in Python calls its arguments."""
    found: object = torch
    for name in function.split(".")[1:]:
        found = getattr(found, name, None)
    return tuple(inspect.signature(found).parameters) if isinstance(found, FunctionType) else ()


def _of_given(call: Call) -> Iterator[tuple[str, int]]:
    given = tensors((*call.inputs, *call.named.values()))
    for name, tensor in zip(("first", "second", "third"), given, strict=False):
        yield from _sizes(name, tensor)


def _numbers(named: Mapping[str, Value]) -> Iterator[tuple[str, int | float]]:
    for name, value in named.items():
        numbers = [item for item in (value if isinstance(value, tuple) else (value,)) if type(item) in (int, float)]
        if not numbers or (isinstance(value, tuple) and len(numbers) < len(value)):
            continue
        yield f"{name}_count", len(numbers)
        yield f"{name}_product", prod(numbers)  # type: ignore[arg-type]  # checked above
        for axis, item in enumerate(numbers):
            yield (f"{name}_axis{axis + 1}" if isinstance(value, tuple) else name), item  # type: ignore[misc]  # as above


def _aligned_from_the_left(shapes: Sequence[tuple[int, ...]]) -> int:
    return prod(max(sizes) for sizes in zip_longest(*shapes, fillvalue=1))


def _sizes(name: str, tensor: TensorSpec) -> Iterator[tuple[str, int]]:
    shape = tensor.shape
    yield f"{name}_elements", tensor.elements
    yield f"{name}_batch", shape[0] if shape else 1
    yield f"{name}_channels", shape[1] if len(shape) > 1 else 1
    yield f"{name}_positions", prod(shape[2:])
    yield f"{name}_last", shape[-1] if shape else 1
    yield f"{name}_rows", prod(shape[:-1])
    yield f"{name}_lead", prod(shape[:2])
    yield f"{name}_axes", len(shape)
    for axis, size in enumerate(shape[2:]):
        yield f"{name}_axis{axis + 1}", size


def _of_module(call: Call, trace: Trace) -> Iterator[tuple[str, int]]:
    module = trace.modules[call.path]
    totals = {"weight_elements": 0, "bias_elements": 0, "other_weight_elements": 0, "other_bias_elements": 0}
    for name, qualified in module.parameters.items():
        parameter = trace.parameters[qualified]
        elements = 0 if parameter.packed else parameter.elements  # no tool sees a packed one
        if name in ("weight", "bias"):
            totals[f"{name}_elements"] += elements
        elif "weight" in name:
            totals["other_weight_elements"] += elements
        elif "bias" in name:
            totals["other_bias_elements"] += elements
    yield from totals.items()
    for name, value in module.attributes.items():
        if isinstance(value, int):
            yield name, int(value)
        elif isinstance(value, tuple) and all(type(item) is int for item in value):
            yield f"{name}_product", prod(value)  # type: ignore[arg-type]  # checked one line above
    kernel, given = module.attributes.get("kernel_size"), next(tensors(call.inputs), _NOTHING)
    if isinstance(kernel, int):
        yield "window_elements", kernel ** len(given.shape[2:])
    elif isinstance(kernel, tuple) and all(type(item) is int for item in kernel):
        yield "window_elements", prod(kernel)  # type: ignore[arg-type]  # checked one line above
