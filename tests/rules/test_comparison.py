"""Two rulebooks in words: what changed is named by layer, and form is no change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconcile.rules import Rulebook, compare_rulebooks


def book(version: str, rules: list[Mapping[str, Any]], **fields: Any) -> Rulebook:
    modules = {"rules": rules} | fields.pop("modules", {})
    given = {"tool": "thop", "versions": [version], "unit": "MAC", "description": "", "parameters": {"of": "all"}}
    return Rulebook.model_validate({**given, "modules": modules, **fields})


def sentences(first: Rulebook, second: Rulebook, **options: Any) -> list[str]:
    return list(compare_rulebooks(first, second, **options))


def test_a_layer_that_one_of_them_does_not_count() -> None:
    old = book("0.0.31", [{"names": ["torch.nn.Conv2d"], "counts": {"mac": 1}}])
    new = book(
        "0.1.1",
        [
            {"names": ["torch.nn.PReLU"], "counts": {"activation": 1}},
            {"names": ["torch.nn.Conv2d"], "counts": {"mac": 1}},
        ],
    )
    assert sentences(new, old) == ["torch.nn.PReLU: thop 0.1.1 counts activation 1, thop 0.0.31 counts nothing."]
    assert sentences(old, new) == ["torch.nn.PReLU: thop 0.0.31 counts nothing, thop 0.1.1 counts activation 1."]


def test_layers_with_the_same_change_are_one_sentence() -> None:
    def counting(version: str, amount: int) -> Rulebook:
        return book(version, [{"names": ["torch.nn.Conv2d", "torch.nn.Conv1d"], "counts": {"mac": 1, "bias": amount}}])

    assert sentences(counting("1", 1), counting("2", 0)) == [
        "torch.nn.Conv1d, torch.nn.Conv2d: thop 1 counts bias 1 + mac 1, thop 2 counts mac 1."
    ]


def test_many_layers_are_named_in_part() -> None:
    names = [f"torch.nn.Layer{number}" for number in range(11)]
    (sentence,) = sentences(book("1", [{"names": names, "counts": {"mac": 1}}]), book("2", []))
    assert "torch.nn.Layer10, " in sentence
    assert " and 3 more: thop 1 counts mac 1, thop 2 counts nothing." in sentence


def test_form_is_no_difference() -> None:
    grouped = [{"names": ["a", "b"], "counts": {"mac": 1, "bias": 1}}, {"names": ["c"], "counts": {}}]
    apart = [
        {"names": ["b"], "counts": {"bias": 1, "mac": 1}},
        {"names": ["a"], "counts": {"mac": 1, "bias": 1, "pool": 0}},
        {"names": ["a"], "counts": {"mac": 3}},  # never reached: a rule for a stands above it
    ]
    assert sentences(book("1", grouped), book("2", apart)) == []
    together = [{"names": ["a"], "where": {"mode": ["x", "y"]}, "counts": {"mac": 1}}]
    each = [{"names": ["a"], "where": {"mode": [mode]}, "counts": {"mac": 1}} for mode in ("y", "x")]
    assert sentences(book("1", together), book("2", each)) == []


def test_a_condition_is_said() -> None:
    modes = [
        {"names": ["a"], "where": {"mode": [mode]}, "counts": {"mac": amount}} for mode, amount in (("x", 1), ("y", 2))
    ]
    assert sentences(book("1", modes), book("2", modes[:1])) == [
        "a: thop 1 counts mac 1 where mode is x; mac 2 where mode is y, thop 2 counts mac 1 where mode is x."
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"parameters": {"of": "handled"}}, "parameters, those that count: thop 1 all, thop 2 handled."),
        ({"parameters": None}, "parameters: thop 1 counts them, thop 2 does not."),
        ({"modules": {"watch": "leaves"}}, "modules, watch: thop 1 all, thop 2 leaves."),
        ({"modules": {"per_sample": True}}, "modules, per sample: thop 1 no, thop 2 yes."),
        ({"unit": "FLOP"}, "unit: thop 1 MAC, thop 2 FLOP."),
        ({"functions": {"rules": []}}, "functions: thop 2 counts them, thop 1 does not."),
        ({"mode": "eval"}, None),
        ({"without_formula": {"a": [1]}, "description": "other"}, None),
    ],
)
def test_what_is_watched(fields: Mapping[str, Any], sentence: str | None) -> None:
    assert sentences(book("1", []), book("2", [], **fields)) == ([] if sentence is None else [sentence])


def test_the_mode_is_compared_where_both_say_it() -> None:
    assert sentences(book("1", [], mode="eval"), book("2", [], mode="as-is")) == ["mode: thop 1 eval, thop 2 as-is."]


def test_subclasses() -> None:
    exact = book("1", [{"names": ["a"], "counts": {"mac": 1}}])
    assert sentences(exact, book("2", [{"bases": ["a"], "counts": {"mac": 1}}])) == [
        "modules, subclasses of known types: thop 1 no, thop 2 yes."
    ]


def test_a_rule_for_all_others() -> None:
    rest = book("2", [{"counts": {"mac": 1}}])
    assert sentences(book("1", []), rest) == ["every other layer: thop 1 counts nothing, thop 2 counts mac 1."]
    named = book("1", [{"names": ["a"], "counts": {"mac": 1}}, {"names": ["b"], "counts": {"mac": 2}}])
    assert sentences(named, rest, among=["a", "b"]) == ["b: thop 1 counts mac 2, thop 2 counts mac 1."]


def test_a_part_of_a_name() -> None:
    by_part = book("1", [{"class_name_contains": "Conv", "counts": {"mac": 1}}])
    assert sentences(by_part, book("2", [])) == [
        "layers with 'Conv' in their names: thop 1 counts mac 1, thop 2 counts nothing."
    ]


def test_only_the_layers_that_are_asked_for() -> None:
    first = book("1", [{"names": ["a", "b"], "counts": {"mac": 1}}])
    assert sentences(first, book("2", []), among=["b"]) == ["b: thop 1 counts mac 1, thop 2 counts nothing."]


def test_a_layer_without_a_formula_is_not_said_to_count_nothing() -> None:
    first = book("1", [{"names": ["a"], "counts": {"mac": 1}}])
    assert sentences(first, book("2", [], without_formula={"a (grouped)": [3, 5]})) == [
        "a: thop 1 counts mac 1, thop 2 counts by no formula that was found."
    ]
