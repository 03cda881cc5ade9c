"""The numbers that a rule may use for a call: sizes of its tensors, of its parameters, and its documented terms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod

from reconcile.reference import TERMS
from reconcile.trace import Call, TensorSpec, Trace, Value, tensors


def quantities(call: Call, trace: Trace, terms: Mapping[str, int]) -> dict[str, int]:
    """Return the quantities of a call by name.

    For ``input`` (the first tensor that it is given), ``output`` (the first that it returns) and, of operators, every
    tensor argument by its name in the schema: ``_elements``, ``_batch`` (first axis), ``_channels`` (second),
    ``_positions`` (product of all further axes), ``_last`` (last axis), ``_rows`` (product of all but the last),
    ``_lead`` (product of the first two). Of modules: ``weight_elements``, ``bias_elements`` and, for parameters that
    have other names (``weight_ih_l0``), ``other_weight_elements`` and ``other_bias_elements``; numbers among their
    attributes by name, tuples as ``_product``. Of functions: ``first``, ``second`` and ``third`` for the tensors that
    they are given, and whole numbers among their arguments by name. ``terms`` come under their own names. Where there
    is no tensor, its sizes are 0.
    """
    given = next(tensors((*call.inputs, *call.named.values())), _NOTHING)
    returned = next(tensors(call.output), _NOTHING)
    found = dict.fromkeys(TERMS, 0) | dict(_sizes("input", given)) | dict(_sizes("output", returned))
    if call.kind == "module":
        found.update(_of_module(call, trace))
    elif call.kind == "operator":
        for name, value in call.named.items():
            if isinstance(value, TensorSpec):
                found.update(_sizes(name, value))
    else:
        given_tensors = tensors((*call.inputs, *call.named.values()))
        for name, tensor in zip(("first", "second", "third"), given_tensors, strict=False):
            found.update(_sizes(name, tensor))
        found.update({name: value for name, value in arguments(call).items() if type(value) is int})
    return found | dict(terms)


_NOTHING = TensorSpec((0,), "")


def arguments(call: Call) -> Mapping[str, Value]:
    """Return the arguments of a call by name; of a function that calls one operator, the operator's too."""
    if call.kind == "function" and len(call.children) == 1 and call.children[0].kind == "operator":
        return {**call.children[0].named, **call.named}
    return call.named


def plain_argument(call: Call, name: str) -> Value:
    """Return an argument of a call for a condition; the letters of an einsum's equation in order of appearance."""
    value = arguments(call).get(name)
    if name == "equation" and isinstance(value, str):
        return _canonical_equation(value)
    return value


def _sizes(name: str, tensor: TensorSpec) -> Iterator[tuple[str, int]]:
    shape = tensor.shape
    yield f"{name}_elements", tensor.elements
    yield f"{name}_batch", shape[0] if shape else 1
    yield f"{name}_channels", shape[1] if len(shape) > 1 else 1
    yield f"{name}_positions", prod(shape[2:])
    yield f"{name}_last", shape[-1] if shape else 1
    yield f"{name}_rows", prod(shape[:-1])
    yield f"{name}_lead", prod(shape[:2])
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


def _canonical_equation(equation: str) -> str:
    letters = dict.fromkeys(re.findall("[A-Za-z]", equation))
    table = {ord(letter): chr(ord("a") + place) for place, letter in enumerate(letters)}
    return equation.replace(" ", "").translate(table)
