"""The comparison of a cell with what a tool says sees every kind of difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconcile.jobs.result import MeasuredCell
from reconcile.tools import Measurement
from tests.tools.comparison import at_or_below, differences

LAYERS = {"": 1, "a": 2, "a.b": 4, "c": 8, "(functions)": 16}
CELL = MeasuredCell(
    "ok",
    "documented",
    measurements={"compute": Measurement(31, LAYERS), "memory": Measurement(31, {"": 0, "a": 7, "c": 24})},
)
SAID: dict[str, Any] = {
    "totals": {"compute": 31.0, "memory": [30.9, 0.2]},
    "layers": {"compute": {"": 15, "a": 6, "a.b": 4, "c": 8}},
    "types": {"memory": {"Net": 0, "Linear": 31}},
    "classes": {"": "Net", "a": "Linear", "c": "Linear"},
}


def test_what_says_the_same() -> None:
    assert differences(SAID, CELL) == []
    assert [at_or_below(CELL.measurements["compute"], path) for path in ("", "a", "a.b", "c")] == [15, 6, 4, 8]
    moved = replace(CELL, measurements={**CELL.measurements, "compute": Measurement(31, {"": 31})})
    total_only = {**SAID, "layers": {}}
    assert differences(total_only, moved) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"totals": {"compute": 31}}, "the tool has ['compute']"),
        ({"totals": {"compute": 30, "memory": 31}}, "compute: the tool says 30, the cell 31"),
        ({"totals": {"compute": 31, "memory": [30, 0.5]}}, "memory: the tool says [30, 0.5], the cell 31"),
        ({"layers": {"compute": {"": 15, "a": 6, "a.b": 5, "c": 8}}}, "compute of 'a.b': the tool says 5, the cell 4"),
        ({"layers": {"compute": {"": 15, "a": 6, "a.b": 4}}}, "compute of 'c': the cell says 8, the tool nothing"),
        ({"layers": {"compute": {"": 15, "a": 6}}}, "the tool speaks of ['', 'a'] only"),
        ({"types": {"memory": {"Net": 1, "Linear": 30}}}, "memory: by type"),
    ],
)
def test_a_difference_is_named(change: dict[str, Any], words: str) -> None:
    assert any(words in difference for difference in differences({**SAID, **change}, CELL))


def test_layers_that_do_not_add_up() -> None:
    wrong = replace(CELL, measurements={**CELL.measurements, "memory": Measurement(31, {"": 0, "a": 7, "c": 23})})
    assert "memory: the layers add up to 30, the total is 31" in differences(SAID, wrong)


def test_where_the_tool_raises() -> None:
    said = {"error": "ValueError: no such thing"}
    failed = MeasuredCell("failed", "documented", error="thop on net: ValueError: no such thing")
    refused = MeasuredCell("unsupported", "documented", error="thop on net: it takes tensors only.")
    assert differences(said, failed) == differences(said, refused) == []
    assert differences(said, CELL)
    assert differences(said, replace(failed, error="thop on net: ValueError: another thing"))
    assert differences(said, replace(failed, status="crashed", error="thop on net ended its process."))


def test_where_only_the_cell_fails() -> None:
    for status in ("unsupported", "failed", "timeout", "crashed"):
        cell = MeasuredCell(status, "documented", error="for a reason")
        assert differences(SAID, cell) == [f"the tool works, and the cell is {status}: for a reason"]
