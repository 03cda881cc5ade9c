"""Measurements of tools without a rulebook stand beside the reference, and nothing of the difference is explained."""

from __future__ import annotations

import pytest
import torch

from reconcile.diff import reconcile_without_rules
from reconcile.reference import count_trace, load_convention
from reconcile.tools import Measurement, Metric
from reconcile.trace import trace
from tests.networks import Convolutional

# By hand, for an input of 2 x 3 x 8 x 8: a convolution of 3 to 8 channels by 3 x 3, and a linear layer of 128 to 10.
CONVOLUTION, LINEAR = 2 * 8 * 8 * 8 * 3 * 9, 2 * 10 * 128
REFERENCE: dict[Metric, int] = {
    "compute": CONVOLUTION + LINEAR,
    "params": (3 * 8 * 9 + 8) + 2 * 8 + (128 * 10 + 10),
    "activations": 2 * 8 * 8 * 8 + 2 * 10,
}


@pytest.mark.parametrize(
    ("metric", "unit", "reference_unit"),
    [("compute", "FLOP", "MAC"), ("params", "parameter", "parameter"), ("activations", "element", "element")],
)
def test_the_difference_is_all_unexplained(metric: Metric, unit: str, reference_unit: str) -> None:
    count = count_trace(trace(Convolutional(), (torch.zeros(2, 3, 8, 8),)), load_convention("macs"))
    measured = Measurement(1000, {"conv": 700, "": 300})
    found = reconcile_without_rules(metric, measured, "FLOP", count)
    assert (found.value, found.reference, found.unit) == (1000, REFERENCE[metric], unit)
    assert (found.reference_unit, found.reference_convention) == (reference_unit, "macs")
    assert (found.explained, found.residual) == (0, 1000 - REFERENCE[metric])
    assert sum(layer.reference for layer in found.layers) == REFERENCE[metric]
    rows = {layer.layer: (layer.value, layer.causes) for layer in found.layers}
    assert rows["conv"] == (700, {})
    assert rows[""] == (300, {})


def test_memory_is_held_against_what_is_written() -> None:
    count = count_trace(trace(Convolutional(), (torch.zeros(2, 3, 8, 8),)), load_convention("macs"))
    found = reconcile_without_rules("memory", Measurement(8, {"": 8}), "MAC", count)
    assert (found.unit, found.reference) == ("byte", count.memory.written_bytes)
    assert found.residual == 8 - count.memory.written_bytes
