"""Formulas read arguments that operators have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision.ops  # noqa: F401  # registers torchvision's operators

from reconcile.reference import registered
from reconcile.reference.registry import is_free


def arguments(operator: str) -> set[str]:
    """Names of the arguments of an operator, over all its overloads that take tensors."""
    namespace, _, name = operator.partition(".")
    packet: Any = getattr(getattr(torch.ops, namespace), name)
    return {
        argument.name for overload in packet.overloads() for argument in getattr(packet, overload)._schema.arguments
    }


@pytest.mark.parametrize("operator", sorted(registered()))
def test_an_operator_with_a_formula_exists_and_is_not_free_too(operator: str) -> None:
    assert arguments(operator)
    assert not is_free(operator)


def test_every_argument_that_a_formula_reads_is_one_of_an_operator_that_it_is_for() -> None:
    known: dict[Any, set[str]] = {}
    for operator, entries in registered().items():
        for entry in entries:
            known.setdefault(entry.function, {"output", "operator"}).update(arguments(operator))
    for entries in registered().values():
        for entry in entries:
            assert set(entry.arguments) <= known[entry.function], entry.function.__name__
