"""Bytes that rules say a tool counts, of small networks, worked out by hand. An element takes four bytes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from reconcile.configs import parse
from reconcile.errors import ReconcileError
from reconcile.rules import MemoryClaims, Rulebook, load_rulebook, predict_memory
from reconcile.trace import trace
from tests import networks


def book(**memory: Any) -> Rulebook:
    whole = {"tool": "mine", "versions": ["1"], "unit": "", "description": "d", "memory": memory}
    return parse(Rulebook, whole, "mine")


def predicted(rulebook: Rulebook, model: nn.Module, *inputs: torch.Tensor) -> MemoryClaims:
    return predict_memory(rulebook, trace(model, inputs))


def by_layer(claims: MemoryClaims) -> dict[str, int]:
    found: dict[str, int] = {}
    for claim in claims.outputs:
        found[claim.call.path] = found.get(claim.call.path, 0) + claim.value
    return {layer: size for layer, size in found.items() if size}


def differences(claims: MemoryClaims) -> dict[str, int]:
    (claim,) = claims.outputs
    return dict(claim.differences)


def test_every_module_or_leaves_only() -> None:
    model, x = nn.Sequential(nn.Sequential(nn.Linear(4, 3))), torch.zeros(2, 4)
    assert by_layer(predicted(book(), model, x)) == {"": 24, "0": 24, "0.0": 24}
    assert by_layer(predicted(book(model="never"), model, x)) == {"0": 24, "0.0": 24}
    assert by_layer(predicted(book(skipped=["torch.nn.Sequential"]), model, x)) == {"0.0": 24}
    assert by_layer(predicted(book(watch="leaves"), model, x)) == {"0.0": 24}


def test_layers_without_parameters() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3, affine=False), nn.PReLU())
    found = predicted(book(watch="leaves", without_parameters="omitted"), model, torch.zeros(2, 4))
    assert by_layer(found) == {"0": 24, "3": 24}
    assert [claim.omitted for claim in found.outputs[1:]] == ["", "unsupported-layer", "unsupported-layer", ""]


def test_calls_and_owners() -> None:
    last = predicted(book(watch="leaves", calls="last"), networks.CalledThreeTimes(), torch.zeros(2, 7))
    assert [(claim.value, claim.omitted) for claim in last.outputs[1:]] == [(0, "reuse"), (0, "reuse"), (56, "")]
    each = predicted(book(watch="leaves", owners="each", times=2), networks.TwoOwners(), torch.zeros(2, 6))
    # 2 x 6 outputs of four bytes, twice for the gradient; the shared layer runs twice and has two owners.
    assert by_layer(each) == {"left.0": 2 * 2 * 96, "left.1": 96, "right.1": 96}


def test_sizes_of_elements() -> None:
    model, x = nn.Identity(), torch.zeros(2, 8, dtype=torch.float16)
    assert predicted(book(), model, x).total == 32
    assert differences(predicted(book(element_bytes=4), model, x)) == {"formula": 32}


def test_the_first_axis_is_left_out() -> None:
    found = predicted(book(first_axis="dropped"), nn.Identity(), torch.zeros(3, 4))
    assert (found.total, differences(found)) == (16, {"batch": -32})
    turned = nn.Flatten(0)  # 3 samples of 4 become one axis of 12, which is no batch
    found = predicted(book(first_axis="dropped"), turned, torch.zeros(3, 4))
    assert (found.total, differences(found)) == (4, {"formula": -44})


@pytest.mark.parametrize(("batch", "size"), [(1, 15 * 5), (2, 15 * 10)])
def test_sizes_of_several_tensors(batch: int, size: int) -> None:
    # A GRU of 4 to 5 over three steps puts out (batch, 3, 5), and the last state, (1, batch, 5).
    model, x = nn.GRU(4, 5, batch_first=True), torch.zeros(batch, 3, 4)
    assert predicted(book(), model, x).total == 4 * (batch * 15 + batch * 5)
    assert predicted(book(tensors="first"), model, x).total == 4 * batch * 15
    assert predicted(book(tensors="product", first_axis="printed"), model, x).total == 4 * size


def test_a_sum_that_is_printed_loses_its_sign() -> None:
    # Of one sample, -1 x 5 for the linear layer, and -1 x 5 times -1 x 5 for the cell's two states.
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.cell = nn.Linear(3, 5), nn.LSTMCell(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            states: tuple[torch.Tensor, torch.Tensor] = self.cell(self.fc(x))
            return states[0]

    rules = book(model="never", tensors="product", first_axis="printed")
    assert by_layer(predicted(rules, Model(), torch.zeros(1, 3))) == {"fc": 4 * 5, "cell": -4 * 2 * 2}
    assert by_layer(predicted(rules, Model(), torch.zeros(3, 3))) == {"fc": 4 * 15, "cell": 4 * 2 * 2}


def test_single_precision() -> None:
    # 4 x (2 ** 24 + 1) bytes need 25 binary digits; the numbers with 24 beside it are 2 ** 26 and 2 ** 26 + 8.
    model, x = nn.Identity(), torch.zeros(1, 2**24 + 1, device="meta")
    assert predicted(book(), model, x).total == 2**26 + 4
    assert differences(predicted(book(precision="single"), model, x)) == {"rounding": -4}


def test_inputs_and_parameters() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 5)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.fc(x) * y

    given = (torch.zeros(3, 4), torch.zeros(3, 5))
    added = predicted(book(input={}, parameters={"of": "ran", "watch": "leaves"}), Two(), *given)
    assert added.inputs == {"(input)": 4 * (12 + 15)}
    assert added.parameters == {"fc": 4 * (4 * 5 + 5)}
    assert predicted(book(input={"overhead": 64}), Two(), *given).inputs == {"(input)": 4 * 27 + 2 * 64}
    assert predicted(book(input={"sizes": "product"}), Two(), *given).inputs == {"(input)": 4 * 3 * 4 * 5}


def test_a_rulebook_without_memory_counts_none() -> None:
    assert predicted(load_rulebook("thop"), nn.Linear(2, 2), torch.zeros(1, 2)).total == 0


def test_a_mistake_is_named() -> None:
    with pytest.raises(ReconcileError, match=r"unknown key 'memory\.tensor'; did you mean tensors"):
        book(tensor="first")
    with pytest.raises(ReconcileError, match="'activations' are outputs of operators"):
        parse(Rulebook, {"tool": "t", "versions": [], "unit": "", "description": "", "activations": {"names": []}}, "t")
