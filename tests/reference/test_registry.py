"""Formulas read arguments that operators have."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torchvision.ops  # noqa: F401  # registers torchvision's operators

from reconcile.reference import registered
from reconcile.reference.registry import free_operators, is_free


def packet(operator: str) -> Any:
    namespace, _, name = operator.partition(".")
    operators = getattr(torch.ops, namespace)
    return getattr(operators, name, None) or getattr(operators, f"{name}_", None)


def forms(operator: str) -> Iterator[set[str]]:
    """Yield the names of the arguments of each form of an operator that takes a tensor."""
    for overload in packet(operator).overloads():
        arguments = getattr(packet(operator), overload)._schema.arguments
        if any(str(argument.type) == "Tensor" for argument in arguments):
            yield {argument.name for argument in arguments}


@pytest.mark.parametrize("operator", sorted(registered()))
def test_every_form_of_an_operator_has_what_its_formulas_need(operator: str) -> None:
    assert packet(operator) is not None
    assert not is_free(operator)
    for entry in registered()[operator]:
        annotations = inspect.get_annotations(entry.function)
        needed = {name for name in entry.arguments if "None" not in annotations[name]} - {"output", "operator"}
        assert all(needed <= form for form in forms(operator)), entry.function.__name__


@pytest.mark.parametrize("operator", sorted(free_operators()))
def test_an_operator_without_arithmetic_exists(operator: str) -> None:
    assert packet(operator) is not None


@pytest.mark.parametrize("operator", sorted(registered()))
def test_every_formula_states_its_unit_and_source(operator: str) -> None:
    for entry in registered()[operator]:
        text = inspect.getdoc(entry.function) or ""
        assert "Unit: " in text
        module = inspect.getdoc(inspect.getmodule(entry.function)) or ""
        assert "Source" in text + module
