"""Where rulebooks say that parameters stand, in small networks with shared parts, worked out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import reconcile
from reconcile.configs import parse
from reconcile.errors import ReconcileError
from reconcile.rules import Rulebook, predict_parameters
from reconcile.trace import trace
from tests import networks


class Calls(nn.Module):
    """Has the given parts under the given names and calls some of them, one after the other."""

    def __init__(self, calls: Callable[[Any], list[nn.Module]], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.calls = calls

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.calls(self):
            x = part(x)
        return x


def linear() -> nn.Linear:
    """Nine parameters."""
    return nn.Linear(3, 3, bias=False)


def rulebook(**parameters: Any) -> Rulebook:
    whole = {"tool": "mine", "versions": ["1"], "unit": "MAC", "description": "d", "parameters": parameters}
    return parse(Rulebook, whole, "mine")


def standing(model: nn.Module, x: torch.Tensor | None = None, **parameters: Any) -> dict[str, int]:
    """How many parameters each layer has, without those that have none."""
    found = trace(model, (torch.zeros(2, 3) if x is None else x,))
    claims = predict_parameters(rulebook(**parameters), found)
    layers: Counter[str] = Counter()
    for layer, name in claims.counted:
        layers[layer] += found.parameters[name].elements
    for (layer, _), delta in claims.adjustments.items():
        layers[layer] += delta
    return {layer: elements for layer, elements in layers.items() if elements}


def reported(model: nn.Module, x: torch.Tensor | None, tool: str) -> dict[str, int]:
    """The same by a tool itself."""
    found = reconcile.compare(model, torch.zeros(2, 3) if x is None else x, tools=[tool])
    layers = found.reconciliations[tool, "params"].layers
    return {layer.layer: layer.value for layer in layers if layer.value}


def on_owners(model: nn.Module, x: torch.Tensor | None = None) -> dict[str, int]:
    found = standing(model, x, of="all", shared="each", trainable_only=True)
    assert found == reported(model, x, "calflops-macs")
    return found


def on_rows(model: nn.Module, x: torch.Tensor | None = None) -> dict[str, int]:
    found = standing(model, x, of="rows")
    assert found == reported(model, x, "torchinfo")
    return found


# --- on each owner ---


def test_a_layer_with_owners_at_different_depths() -> None:
    layer = linear()
    model = nn.Sequential(nn.Sequential(layer), nn.Sequential(nn.Sequential(layer), linear()))
    assert standing(model, of="all") == {"0.0": 9, "1.1": 9}
    assert on_owners(model) == {"0.0": 9, "1.0.0": 9, "1.1": 9, "": -9}


def test_the_module_above_all_owners_takes_off_what_is_too_much() -> None:
    layers = [linear() for _ in range(3)]
    for layer in layers:
        layer.weight = layers[0].weight
    assert on_owners(nn.Sequential(nn.Sequential(*layers))) == {"0.0": 9, "0.1": 9, "0.2": 9, "0": 9 - 3 * 9}
    # Two of them below one module, which has 9 in all, as the third has.
    model = nn.Sequential(nn.Sequential(*layers[:2]), layers[2])
    assert on_owners(model) == {"0.0": 9, "0.1": 9, "1": 9, "0": 9 - 2 * 9, "": 9 - 2 * 9}


def test_a_parameter_of_a_module_and_of_its_child() -> None:
    holder = nn.Sequential(linear())
    holder.weight = holder[0].weight
    assert on_owners(nn.Sequential(holder)) == {"0.0": 9}
    # And of two children: one is taken off the holder itself.
    holder.append(linear())
    holder[1].weight = holder.weight
    assert on_owners(nn.Sequential(holder)) == {"0.0": 9, "0.1": 9, "0": 9 - 2 * 9}


def test_parameters_that_do_not_count_are_not_taken_off() -> None:
    model = networks.TiedWeights()  # 36 weights, and twice 6 biases
    model.first.weight.requires_grad_(False)
    x = torch.zeros(2, 6)
    assert on_owners(model, x) == {"first": 6, "second": 6}
    model.first.weight.requires_grad_(True)
    assert on_owners(model, x) == {"first": 42, "second": 42, "": -36}


def test_only_where_all_count_is_there_a_choice() -> None:
    with pytest.raises(ReconcileError, match="'shared: each' is for 'of: all', not for 'of: ran'"):
        rulebook(of="ran", shared="each")


# --- on the rows of a summary ---


def test_a_layer_that_is_called_again_has_one_row_that_counts() -> None:
    model = Calls(lambda m: [m.layer, m.other, m.layer], layer=linear(), other=linear())
    assert on_rows(model) == {"layer": 9, "other": 9}
    layer = linear()
    assert on_rows(nn.Sequential(layer, nn.ReLU(), layer)) == {"0": 9}


def test_a_layer_stands_below_its_last_owner() -> None:
    layer = linear()
    # It is called by the first, whose row ends at once, and so keeps the layer's parameters; the second never runs.
    model = Calls(lambda m: [m.first], first=nn.Sequential(layer), second=nn.Sequential(layer, linear()))
    assert on_rows(model) == {"first": 9, "first.0": 9, "second": 9}


def test_a_layer_with_two_owners_that_run() -> None:
    assert on_rows(networks.TwoOwners(), torch.zeros(2, 6)) == {"left": 42, "left.0": 42, "right": 42}


def test_a_container_with_two_owners() -> None:
    shared = nn.Sequential(linear(), linear())
    model = Calls(lambda m: [m.one, m.two], one=nn.Sequential(shared), two=nn.Sequential(nn.Sequential(shared)))
    # shared stands at two.0.0. Rows: one; two and two.0, which run later; shared with its layers; two; two.0; shared.
    # one and two.0 have no row below that counts, and keep 18 each; two has two.0 below.
    assert on_rows(model) == {"one": 18, "two.0": 18, "one.0.0": 9, "one.0.1": 9}


def test_what_never_ran_is_left_over_above() -> None:
    listed = nn.ModuleList([linear(), linear()])
    assert on_rows(Calls(lambda m: [m.listed[0]], listed=listed)) == {"listed": 9, "listed.0": 9}


def test_lists_whose_parts_run_in_turn_hold_nothing() -> None:
    lists = {name: nn.ModuleList([linear(), linear(), linear()]) for name in ("blocks", "norms")}
    model = Calls(lambda m: [m.blocks[0], m.norms[0], m.blocks[1], m.norms[1]], **lists)
    ran = {"blocks.0": 9, "norms.0": 9, "blocks.1": 9, "norms.1": 9}
    assert on_rows(model) == ran | {"": 2 * 9}
    one_by_one = Calls(lambda m: [m.blocks[0], m.blocks[1], m.norms[0], m.norms[1]], **lists)
    assert on_rows(one_by_one) == ran | {"blocks": 9, "norms": 9}


def test_a_part_that_is_called_after_its_container_counts_twice() -> None:
    container = Calls(lambda m: [m.first], first=linear(), second=linear())
    model = Calls(lambda m: [m.container, m.other, m.container.second], container=container, other=linear())
    assert on_rows(model) == {"container": 9, "container.first": 9, "other": 9, "container.second": 9}


def test_a_shared_parameter_is_taken_off_once_for_each_row() -> None:
    # 36 weights, and twice 6 biases: the model has 48, its rows 84, and what is left over is not below 0.
    assert on_rows(networks.TiedWeights(), torch.zeros(2, 6)) == {"first": 42, "second": 42}
    # With 40 parameters of its own, of which 36 make up for that.
    model = networks.TiedWeights()
    model.own = nn.Parameter(torch.zeros(40))
    assert on_rows(model, torch.zeros(2, 6)) == {"first": 42, "second": 42, "": 4}


def test_a_list_of_parameters_is_left_over_above() -> None:
    model = Calls(lambda m: [m.layer], layer=linear(), own=nn.ParameterList([torch.zeros(2), torch.zeros(3)]))
    assert on_rows(model) == {"layer": 9, "": 5}


def test_a_layer_beside_an_empty_list_has_no_parts() -> None:
    # Its one row holds all, though the list below it has a row as well.
    layer = Calls(lambda m: [m.empty], empty=nn.Sequential())
    layer.own = nn.Parameter(torch.zeros(4))
    assert on_rows(Calls(lambda m: [m.layer], layer=layer)) == {"layer": 4}


def test_compiled_layers_stand_before_the_model() -> None:
    # None of their rows is below another, so the model keeps their parameters, too.
    compiled = torch.jit.script(linear())
    assert on_rows(nn.Sequential(compiled, linear())) == {"": 9, "0": 9, "1": 9}
    assert on_rows(nn.Sequential(nn.Sequential(compiled, linear()))) == {"0": 9, "0.0": 9, "0.1": 9}
