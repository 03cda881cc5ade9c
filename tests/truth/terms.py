"""Terms counted natively, and the check of them against what the loops did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import torch
from torch import nn

import reconcile
from tests.truth.arrays import Array, array, tensor
from tests.truth.numbers import Tally

Terms = Mapping[str, int]
Mode = Literal["eval", "train"]


class Calling(nn.Module):
    """A module that calls a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def native_terms(function: Callable[..., Any], *inputs: Any, mode: Mode = "eval") -> Terms:
    """Return the terms of a call, counted by formulas, summed over its operators; all of them have a formula."""
    module = function if isinstance(function, nn.Module) else Calling(function)
    counted = reconcile.count(module, inputs, mode=mode)
    assert not counted.uncovered, f"without a formula: {dict(counted.uncovered)}"
    terms: Counter[str] = Counter()
    for atom in counted.reference.atoms:
        terms.update(atom.terms)
    return dict(terms)


def native_kinds(function: nn.Module, *inputs: Any, mode: Mode = "eval") -> list[str]:
    """Return the kinds of the counted operators, in order of execution."""
    return [atom.kind for atom in reconcile.count(function, inputs, mode=mode).reference.atoms]


def check(
    function: Callable[..., Any],
    inputs: tuple[torch.Tensor | None, ...],
    loops: Callable[..., Array],
    executed: Callable[[Tally], Terms],
    mode: Mode = "eval",
    among: Collection[str] | None = None,
) -> None:
    """Run loops on counting numbers: their result is torch's, and what they ``executed`` is what formulas count.

    Every term is compared, or only those ``among`` some.
    """
    tally = Tally()
    found = loops(*(None if value is None else array(value, tally) for value in inputs))
    with torch.no_grad():
        torch.testing.assert_close(tensor(found), function(*inputs))
    counted = native_terms(function, *inputs, mode=mode)
    if among is not None:
        counted = {name: amount for name, amount in counted.items() if name in among}
    assert counted == without_zeros(executed(tally))


def without_zeros(terms: Terms) -> Terms:
    """Leave out the terms that are 0, as a count does."""
    return {name: amount for name, amount in terms.items() if amount}
