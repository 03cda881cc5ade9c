"""The matrix of conventions says what tools return: its formulas are evaluated, and compared with the tools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from reconcile.learn.matrix import NOT_COUNTED, NOTHING, WITHOUT_FORMULA, MatrixRow, convention_matrix
from reconcile.learn.observe import Observation, Seen, observe
from reconcile.rules import ExpressionError, Rule, Rulebook, evaluate, find_rulebook, load_rulebook
from reconcile.tools import MAIN_TOOLS

ONE_SAMPLE = 6
"""A variant with a batch of one, since ptflops divides by the batch."""


def row(rows: tuple[MatrixRow, ...], layer: str, setting: str = "") -> MatrixRow:
    return next(item for item in rows if item.layer == layer and setting in (item.settings.split("; ") or [""]))


@pytest.fixture(scope="module")
def rows() -> tuple[MatrixRow, ...]:
    tools = (*MAIN_TOOLS, "mmengine", "flop-counter", "torchprofile")
    return convention_matrix({tool: load_rulebook(tool) for tool in tools})


def test_what_everybody_knows(rows: tuple[MatrixRow, ...]) -> None:
    convolution = row(rows, "torch.nn.Conv2d").formulas
    assert {tool: convolution[tool] for tool in ("thop", "ptflops-pytorch", "fvcore", "flop-counter")} == {
        "thop": "mac", "ptflops-pytorch": "mac + bias", "fvcore": "mac", "flop-counter": "2 mac",
    }  # fmt: skip  # one entry a line would fill the page
    normalization = row(rows, "torch.nn.BatchNorm2d").formulas
    assert normalization["thop"] == "2 normalize + 2 affine"
    assert normalization["flop-counter"] == NOT_COUNTED
    activation = row(rows, "torch.nn.ReLU").formulas
    assert (activation["thop"], activation["fvcore"]) == (NOTHING, NOT_COUNTED)
    assert row(rows, "torch.nn.functional.linear", "plain").formulas["thop"] == NOT_COUNTED


def test_settings_that_count_otherwise_have_rows_of_their_own(rows: tuple[MatrixRow, ...]) -> None:
    # Where a bias is added by another operator than the product, ptflops' aten backend counts it or not.
    assert row(rows, "torch.nn.Linear", "plain").formulas["ptflops-aten"] == "mac + bias"
    assert row(rows, "torch.nn.Linear", "without bias").formulas["ptflops-aten"] == "mac"
    upsampled = {item.formulas["thop"] for item in rows if item.layer == "torch.nn.Upsample"}
    assert upsampled == {
        "output_elements", "5 * output_elements", "11 * output_elements", "259 * output_elements", NOTHING,
    }  # fmt: skip  # one entry a line would fill the page


@pytest.mark.parametrize("tool", MAIN_TOOLS)
@pytest.mark.parametrize(
    ("layer", "setting"),
    [
        ("torch.nn.Conv2d", "grouped"),
        ("torch.nn.ConvTranspose2d", ""),
        ("torch.nn.Linear", "with bias, 3-D"),
        ("torch.nn.BatchNorm2d", "affine"),
        ("torch.nn.AdaptiveAvgPool2d", "to 4"),
        ("torch.nn.Softmax", ""),
        ("torch.nn.GELU", ""),
        ("torch.matmul", "batches"),
    ],
)
def test_its_formulas_give_what_the_tool_returns(
    rows: tuple[MatrixRow, ...], tool: str, layer: str, setting: str
) -> None:
    found = [item for item in rows if item.layer == layer]
    item = found[0] if len(found) == 1 else row(rows, layer, setting or "plain")
    seen = observe(tool, layer, setting, ONE_SAMPLE)
    assert seen.total == value(item.formulas[tool], seen)


def value(formula: str, seen: Observation) -> int:
    """Work a formula out as a reader would."""
    if formula == NOT_COUNTED:
        return 0
    total = 0
    for part in formula.split("; "):
        text, _, names = part.partition(" of ")
        for name in names.split(" and "):
            calls = [*filter(None, [seen.module]), *seen.functions, *seen.graph]
            total += next(values(text, [call for call in calls if name in ("", call.name.rpartition(".")[2])]))
    return total


def values(text: str, calls: list[Seen]) -> Iterator[int]:
    for call in calls:
        with suppress(ExpressionError):  # sizes of an operator's arguments have names that a module's have not
            yield evaluate(re.sub(r"\b(\d+) ([a-z])", r"\1 * \2", text), call.quantities)


def test_a_tool_that_counts_one_thing() -> None:
    book = Rulebook.model_validate(
        {
            "tool": "mine", "versions": ["1"], "unit": "FLOP", "description": "d", "parameters": {"of": "all"},
            "modules": {"rules": [
                Rule(names=["torch.nn.Linear"], counts={"mac": 2, "first_add": -1}),
                Rule(names=["torch.nn.ReLU"], counts={"activation": "output_elements + weight_elements"}),
                Rule(names=["torch.nn.Dropout"]),
            ]},
            "without_formula": {"torch.nn.Tanh": [5]},
        }
    )  # fmt: skip  # one entry a line would fill the page
    rows = convention_matrix({"mine": book})
    said = {item.layer: item.formulas["mine"] for item in rows}
    assert {layer: text for layer, text in said.items() if text != NOT_COUNTED} == {
        "torch.nn.Linear": "2 mac - first_add",
        "torch.nn.ReLU": "output_elements",  # it has no weights
        "torch.nn.Dropout": NOTHING,
        "torch.nn.Tanh": WITHOUT_FORMULA,
    }
    assert {item.settings for item in rows} == {""}
    assert convention_matrix({}) == ()
    assert find_rulebook("mine") is None
