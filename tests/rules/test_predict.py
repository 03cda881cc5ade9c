"""What rules say of small networks, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reconcile.configs import parse
from reconcile.rules import Claim, Rulebook, load_rulebook, predict, predict_parameters
from reconcile.rules.expression import ExpressionError
from reconcile.trace import Trace, trace
from tests import networks


def book(**parts: Any) -> Rulebook:
    whole = {"tool": "mine", "versions": ["1"], "unit": "MAC", "description": "d", "parameters": {"of": "all"}}
    return parse(Rulebook, whole | parts, "mine")


def modules(*rules: dict[str, Any], **options: Any) -> Rulebook:
    return book(modules={"rules": list(rules), **options})


def traced(model: nn.Module, *inputs: torch.Tensor) -> Trace:
    return trace(model, inputs)


def values(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    return [(claim.layers[0], claim.value) for claim in claims]


class Calls(nn.Module):
    def __init__(self, function: Callable[..., torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(self.layers, *inputs)


LINEAR = {"names": ["torch.nn.Linear"], "counts": {"mac": 1, "bias": 1}}


# --- which modules ---


def test_an_exact_type_is_not_its_subclass() -> None:
    found = traced(networks.Subclassed(), torch.zeros(2, 6))
    assert values(predict(modules(LINEAR), found)) == [("known", 2 * 6 * 5 + 2 * 5)]


def test_a_base_means_subclasses_too() -> None:
    found = traced(networks.Subclassed(), torch.zeros(2, 6))
    claims = predict(modules({"bases": ["torch.nn.Linear"], "counts": {"mac": 1}}), found)
    assert values(claims) == [("known", 60), ("unknown", 40)]


def test_a_part_of_the_classs_own_name() -> None:
    found = traced(networks.Subclassed(), torch.zeros(2, 6))
    rule = {"class_name_contains": "Subclassed", "counts": {"mac": 1}}
    # The model itself is tests.networks.Subclassed, and what lies below a module with a rule is not looked at again.
    assert values(predict(modules(rule), found)) == [("", 100)]
    assert values(predict(modules(rule, watch="leaves"), found)) == [("unknown", 40)]


def test_the_first_rule_that_fits_holds() -> None:
    found = traced(nn.Sequential(nn.Linear(3, 2)), torch.zeros(1, 3))
    second = {"names": ["torch.nn.Linear"], "counts": {"mac": 10}}
    assert values(predict(modules(LINEAR, second), found)) == [("0", 8)]
    assert values(predict(modules(second, LINEAR), found)) == [("0", 60)]


def test_an_attribute_as_a_condition() -> None:
    nearest = {"names": ["torch.nn.Upsample"], "where": {"mode": ["nearest"]}, "counts": {"resample": 1}}
    others = {"names": ["torch.nn.Upsample"], "counts": {"resample": 7}}
    model = nn.Sequential(nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"))
    assert values(predict(modules(nearest, others), traced(model, torch.zeros(1, 1, 2, 2)))) == [
        ("0", 16),
        ("1", 7 * 64),
    ]


def test_leaves_have_no_children() -> None:
    anything = {"counts": {"mac": 1}}
    found = traced(nn.Sequential(nn.Sequential(nn.Linear(3, 2)), nn.Linear(2, 1)), torch.zeros(1, 3))
    assert values(predict(modules(anything), found)) == [("", 8)]
    assert values(predict(modules(anything, watch="leaves"), found)) == [("0.0", 6), ("1", 2)]


def test_a_module_that_never_ran_claims_nothing() -> None:
    # An unused layer, and a layer called through .forward().
    assert values(predict(modules(LINEAR), traced(networks.Frozen(), torch.zeros(2, 4)))) == [("frozen", 40)]
    assert predict(modules(LINEAR), traced(networks.ForwardCalledDirectly(), torch.zeros(2, 5))) == ()


# --- owners, calls, batch ---


def test_every_call_claims() -> None:
    found = traced(networks.CalledThreeTimes(), torch.zeros(2, 7))
    assert values(predict(modules(LINEAR), found)) == [("layer", 2 * 56)] * 3


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ("once", {"left.0": 2 * 84}),
        # Two calls, reported under each of two owners.
        ("each", {"left.0": 2 * 84, "right.0": 2 * 84}),
        # And hooked once for each owner besides.
        ("squared", {"left.0": 4 * 84, "right.0": 4 * 84}),
    ],
)
def test_a_layer_with_two_owners(owners: str, expected: dict[str, int]) -> None:
    once = 2 * (6 * 6 + 6)
    assert once == 84
    found = traced(networks.TwoOwners(), torch.zeros(2, 6))
    totals: dict[str, int] = {}
    claims = predict(modules(LINEAR, owners=owners), found)
    for path, value in values(claims):
        totals[path] = totals.get(path, 0) + value
    assert totals == expected
    # What is documented is counted once for each call; the rest is reuse.
    assert sum(sum(claim.counts.values()) for claim in claims) == 2 * once
    assert sum(claim.adjustments.get("reuse", 0) for claim in claims) == sum(expected.values()) - 2 * once


def test_three_owners_are_squared_to_nine() -> None:
    shared = nn.Linear(2, 2, bias=False)
    model = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared), nn.Sequential(shared))
    claims = predict(modules(LINEAR, owners="squared"), traced(model, torch.zeros(1, 2)))
    assert sum(claim.value for claim in claims) == 3 * 9 * 4


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_sum_by_the_sample(batch: int) -> None:
    found = traced(nn.Sequential(nn.Linear(4, 5)), torch.zeros(batch, 4))
    (claim,) = predict(modules(LINEAR, per_sample=True), found)
    assert claim.value == 25
    assert dict(claim.counts) == {"mac": batch * 20, "bias": batch * 5}
    assert claim.adjustments.get("batch", 0) == 25 - batch * 25


# --- functions and operators of the language ---


def test_functions_methods_and_operators_of_the_language_are_three_things() -> None:
    model = Calls(lambda _, x: torch.matmul(x, x) + x.matmul(x) + x @ x)
    found = traced(model, torch.zeros(3, 3))
    for names, count in ((["torch.matmul"], 1), (["torch.Tensor.matmul"], 1), (["torch.Tensor.__matmul__"], 1)):
        rules = [{"names": names, "counts": {"mac": "first_elements * second_last"}}]
        claims = predict(book(functions={"booked_on": "(functions)", "rules": rules}), found)
        assert values(claims) == [("(functions)", 27)] * count


def test_a_function_inside_a_module_is_seen_too() -> None:
    rules = [{"names": ["torch.nn.functional.relu"], "counts": {"activation": "input_elements"}}]
    found = traced(Calls(lambda m, x: F.relu(m[0](x)), nn.ReLU()), torch.zeros(2, 3))
    claims = predict(book(functions={"booked_on": "(functions)", "rules": rules}), found)
    assert values(claims) == [("(functions)", 6), ("(functions)", 6)]
    assert [claim.call.path for claim in claims] == ["layers.0", ""]


class CallsItsChild(nn.Linear):
    """A linear layer that gives its output to another, which is its child."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.child = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.child(super().forward(x))


ANY_LINEAR = {"bases": ["torch.nn.Linear"], "counts": {"mac": 1}}


@pytest.mark.parametrize(
    ("options", "of_a_part", "of_the_model"),
    [
        ({}, [("0", 9 + 15)], [("", 9 + 15)]),
        ({"below": "omitted"}, [("0", 9)], [("", 9)]),
        ({"below": "counted"}, [("0", 9), ("0.child", 15)], [("", 9), ("child", 15)]),
        ({"below": "omitted", "model": "and-below"}, [("0", 9)], [("", 9), ("child", 15)]),
        ({"model": "never"}, [("0", 9 + 15)], [("child", 15)]),
    ],
)
def test_a_layer_with_a_rule_that_calls_another(
    options: dict[str, Any], of_a_part: list[tuple[str, int]], of_the_model: list[tuple[str, int]]
) -> None:
    x = torch.rand(1, 3)
    ruled = modules(ANY_LINEAR, **options)
    assert values(predict(ruled, traced(nn.Sequential(CallsItsChild()), x))) == of_a_part
    assert values(predict(ruled, traced(CallsItsChild(), x))) == of_the_model


SOFTMAX = {"names": ["torch.nn.functional.softmax", "torch.Tensor.softmax"], "counts": {"softmax": 1}}


@pytest.mark.parametrize(("nested", "calls"), [(True, 2), (False, 1)])
def test_a_function_that_a_function_calls(nested: bool, calls: int) -> None:
    ruled = book(functions={"nested": nested, "rules": [SOFTMAX]})
    claims = predict(ruled, traced(Calls(lambda _, x: F.softmax(x, -1)), torch.rand(2, 3)))
    assert len(claims) == calls


@pytest.mark.parametrize(("inside", "total"), [("all", 9 + 9 + 9), ("without-rule", 9 + 9)])
def test_functions_inside_a_layer_with_a_rule(inside: str, total: int) -> None:
    functions = {"inside": inside, "rules": [{"names": ["torch.nn.functional.linear"], "counts": {"mac": 1}}]}
    ruled = book(modules={"rules": [ANY_LINEAR]}, functions=functions)
    model = Calls(lambda layers, x: F.linear(layers[0](x), torch.rand(3, 3)), nn.Linear(3, 3))
    assert sum(claim.value for claim in predict(ruled, traced(model, torch.rand(1, 3)))) == total


def test_a_function_counts_once_for_each_owner_of_its_module() -> None:
    functions = {"owners": "each", "rules": [{"names": ["torch.nn.functional.linear"], "counts": {"mac": 1}}]}
    layer = nn.Linear(3, 3)
    model = nn.Sequential(nn.Sequential(layer), nn.Sequential(layer))
    claims = predict(book(functions=functions), traced(model, torch.rand(1, 3)))
    assert values(claims) == [("0.0", 9), ("1.0", 9)] * 2


def test_a_condition_on_a_function_is_on_its_operator() -> None:
    rule = {"names": ["torch.nn.functional.conv2d"], "where": {"groups": [2]}, "counts": {"mac": "7 * groups"}}
    ruled = book(functions={"rules": [rule]})
    for groups, counted in ((1, []), (2, [("0", 14)])):
        model = nn.Sequential(nn.Conv2d(4, 4, 1, groups=groups))
        assert values(predict(ruled, traced(model, torch.rand(1, 4, 2, 2)))) == counted


def test_every_level_of_operators_at_once() -> None:
    rules = [{"names": ["aten.linear"], "counts": {"mac": 1}}, {"names": ["aten.addmm"], "counts": {"mac": 10}}]
    ruled = book(operators={"level": "every", "rules": rules})
    assert [claim.value for claim in predict(ruled, traced(nn.Linear(3, 3), torch.rand(1, 3)))] == [9, 90]


def test_an_operator_in_place_may_have_a_rule_of_its_own() -> None:
    rules = [{"names": ["aten.add"], "counts": {"elementwise": 1}}, {"names": ["aten.add_"]}]
    ruled = book(operators={"level": "graph", "rules": rules})
    claims = predict(ruled, traced(Calls(lambda _, x: (x + 1).add_(2)), torch.rand(2, 3)))
    assert [claim.value for claim in claims] == [6, 0]


def parameters_counted(model: nn.Module, **fields: Any) -> list[tuple[str, str]]:
    return sorted(predict_parameters(book(parameters=fields), traced(model, torch.rand(1, 3))).counted)


def test_parameters_of_modules_that_ran() -> None:
    shared = nn.Linear(3, 3)
    tied = nn.Linear(3, 3, bias=False)
    tied.weight = shared.weight
    model = Calls(lambda layers, x: layers[1](layers[0](layers[0](x))), shared, tied, nn.Linear(3, 1))
    model.own = nn.Parameter(torch.zeros(2))
    first = [("layers.0", "layers.0.bias"), ("layers.0", "layers.0.weight")]
    again = ("layers.1", "layers.0.weight")
    assert parameters_counted(model, of="ran") == [("", "own"), *first, again]
    assert parameters_counted(model, of="ran", watch="leaves") == [*first, again]
    assert parameters_counted(model, of="ran", names=["bias"]) == first[:1]
    assert parameters_counted(model, of="called") == [first[0], first[0], first[1], first[1], again]


def test_parameters_for_each_owner_of_a_call() -> None:
    layer = nn.Linear(3, 3, bias=False)
    model = nn.Sequential(nn.Sequential(layer), nn.Sequential(layer))
    assert parameters_counted(model, of="called") == [("0.0", "0.0.weight")] * 4


def test_a_rulebook_without_parameters() -> None:
    found = predict_parameters(book(parameters=None), traced(nn.Linear(3, 3), torch.rand(1, 3)))
    assert found.counted == ()


def test_levels_of_operators() -> None:
    found = traced(nn.Sequential(nn.Linear(4, 5)), torch.zeros(3, 4))

    def names(level: str) -> set[str]:
        rules = [{"names": ["aten.linear", "aten.addmm", "aten.t"], "counts": {"mac": 1}}]
        return {claim.call.name for claim in predict(book(operators={"level": level, "rules": rules}), found)}

    assert names("graph") == {"aten.linear"}
    assert names("dispatched") == {"aten.addmm", "aten.t"}


def test_an_operator_in_place_has_the_rule_of_the_operator() -> None:
    rules = [{"names": ["aten.relu"], "counts": {"activation": 1}}]
    found = traced(Calls(lambda _, x: torch.relu_(x + 1)), torch.zeros(2, 3))
    assert values(predict(book(operators={"level": "graph", "rules": rules}), found)) == [("", 6)]


def test_arguments_of_an_operator_as_a_condition() -> None:
    rules = [
        {"names": ["aten.einsum"], "where": {"equation": ["abc,abd->acd"]}, "counts": {"mac": 1}},
        {"names": ["aten.einsum"], "counts": {"mac": 100}},
    ]
    x, y = torch.zeros(2, 3, 4), torch.zeros(2, 3, 5)
    for equation, weight in (("nct,ncp->ntp", 1), ("xyz , xyw -> xzw", 1), ("nct,ncp->npt", 100)):
        found = traced(Calls(lambda _, x, y, equation=equation: torch.einsum(equation, x, y)), x, y)
        claims = predict(book(operators={"level": "graph", "rules": rules}), found)
        assert sum(claim.value for claim in claims) == weight * 2 * 3 * 4 * 5


# --- quantities ---


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("input_elements", 2 * 4 * 5 * 6),
        ("input_batch", 2),
        ("input_channels", 4),
        ("input_positions", 30),
        ("input_axis1", 5),
        ("input_axis2", 6),
        ("input_last", 6),
        ("input_rows", 2 * 4 * 5),
        ("input_lead", 8),
        ("output_elements", 2 * 6 * 3 * 4),
        ("output_positions", 12),
        ("weight_elements", 6 * 2 * 9),
        ("bias_elements", 6),
        ("other_weight_elements", 0),
        ("groups", 2),
        ("in_channels", 4),
        ("kernel_size_product", 9),
        ("mac", 2 * 6 * 12 * 2 * 9),
        ("first_add", 2 * 6 * 12),
    ],
)
def test_quantities_of_a_module(expression: str, value: int) -> None:
    found = traced(nn.Sequential(nn.Conv2d(4, 6, 3, groups=2)), torch.zeros(2, 4, 5, 6))
    rule = {"names": ["torch.nn.Conv2d"], "counts": {"mac": expression}}
    assert values(predict(modules(rule), found)) == [("0", value)]


def test_quantities_of_a_recurrent_layer() -> None:
    found = traced(nn.Sequential(nn.LSTM(4, 5, 2, batch_first=True)), torch.zeros(3, 7, 4))
    weights = 4 * 5 * (4 + 5) + 4 * 5 * (5 + 5)
    for expression, value in (
        ("other_weight_elements", weights),
        ("other_bias_elements", 2 * 2 * 4 * 5),
        ("weight_elements", 0),
        ("hidden_size * num_layers", 10),
        ("bidirectional", 0),
    ):
        claims = predict(modules({"names": ["torch.nn.LSTM"], "counts": {"mac": expression}}), found)
        assert sum(claim.value for claim in claims) == value


def test_a_quantity_that_there_is_not() -> None:
    found = traced(nn.Sequential(nn.ReLU()), torch.zeros(2, 3))
    rule = {"names": ["torch.nn.ReLU"], "counts": {"activation": "kernel_size_product"}}
    with pytest.raises(ExpressionError, match="kernel_size_product"):
        predict(modules(rule), found)


# --- the rulebooks of the tools ---


def total(tool: str, model: nn.Module, *inputs: torch.Tensor) -> int:
    return sum(claim.value for claim in predict(load_rulebook(tool), traced(model, *inputs)))


def test_thop_by_hand() -> None:
    assert total("thop", nn.Sequential(nn.BatchNorm2d(3)), torch.zeros(2, 3, 4, 5)) == 4 * 120
    assert total("thop", nn.Sequential(nn.BatchNorm2d(3, affine=False)), torch.zeros(2, 3, 4, 5)) == 2 * 120
    assert total("thop", nn.Sequential(nn.Softmax(1)), torch.zeros(2, 7)) == 2 * (7 + 6 + 7)
    assert total("thop", nn.Sequential(nn.AvgPool2d(2)), torch.zeros(1, 3, 4, 6)) == 3 * 2 * 3
    # Windows of 7 / 3 by 5 / 2, and a division: (35 / 6 + 1) * 18 = 123.
    assert total("thop", nn.Sequential(nn.AdaptiveAvgPool2d((3, 2))), torch.zeros(1, 3, 7, 5)) == int((35 / 6 + 1) * 18)
    assert total("thop", nn.Sequential(nn.ReLU(), nn.MaxPool1d(2)), torch.zeros(1, 3, 8)) == 0


def test_ptflops_by_hand() -> None:
    # The module by the sample; F.gelu, which it calls, of both samples.
    assert total("ptflops-pytorch", nn.Sequential(nn.GELU()), torch.zeros(2, 5)) == 5 + 10
    assert total("ptflops-pytorch", nn.Sequential(nn.LayerNorm(5)), torch.zeros(2, 5)) == 5
    assert total("ptflops-pytorch", Calls(lambda _, x: torch.add(x, 1) * x), torch.zeros(2, 5)) == 10


def test_torchinfo_by_hand() -> None:
    # Parameters by the first axis; of a convolution by the positions too.
    assert total("torchinfo", nn.Sequential(nn.Linear(4, 5)), torch.zeros(3, 7, 4)) == 3 * 25
    assert total("torchinfo", nn.Sequential(nn.Conv1d(2, 3, 3)), torch.zeros(4, 2, 9)) == 4 * 7 * (18 + 3)


def test_parameters_by_hand() -> None:
    found = traced(networks.Frozen(), torch.zeros(2, 4))
    claims = {tool: predict_parameters(load_rulebook(tool), found) for tool in ("thop", "ptflops-aten", "torchinfo")}
    assert {name for _, name in claims["thop"].counted} == {"frozen.weight", "frozen.bias"}
    assert claims["thop"].omitted == {
        "scale": "container",
        "unused.weight": "untraced",
        "unused.bias": "untraced",
    }
    assert {name for _, name in claims["ptflops-aten"].counted} == {"scale", "unused.weight", "unused.bias"}
    assert claims["ptflops-aten"].omitted == {"frozen.weight": "frozen", "frozen.bias": "frozen"}
    assert sorted(claims["torchinfo"].counted) == [
        ("", "scale"),
        ("", "unused.bias"),
        ("", "unused.weight"),
        ("frozen", "frozen.bias"),
        ("frozen", "frozen.weight"),
    ]
