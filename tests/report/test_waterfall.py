from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.report.steps import waterfall_steps
from reconcile.report.waterfall import waterfall_svg

from .runs import SCRIPT, layer, reconciliation, resnet_like

CAUSES = st.dictionaries(st.sampled_from(["unit", "bias", "formula", "softmax"]), st.integers(-(2**70), 2**70))


@given(st.integers(0, 2**70), CAUSES, st.integers(-(2**70), 2**70))
def test_steps_lead_from_the_reference_to_the_tool(reference: int, causes: dict[str, int], residual: int) -> None:
    item = reconciliation(layer("a", "A", reference, residual=residual, **causes))
    steps = waterfall_steps(item, "thop")
    assert (steps[0].end, steps[-1].end) == (item.reference, item.value)
    inner = steps[1:-1]
    assert all(before.end == after.start for before, after in pairwise((steps[0], *inner)))
    assert sum(step.delta for step in inner) == item.difference
    assert (*inner, steps[0])[-1 if not inner else len(inner) - 1].end == item.value
    assert [step.kind for step in steps].count("residual") == (1 if residual else 0)


def test_an_axis_that_starts_above_zero_says_so() -> None:
    assert "the axis starts at" in waterfall_svg(resnet_like(), "resnet50", "thop")
    from_zero = reconciliation(layer("a", "A", 100, unseen_function=-80))
    assert "the axis starts at" not in waterfall_svg(from_zero, "resnet50", "thop")


def test_the_drawing_is_well_formed_described_and_alone() -> None:
    drawing = waterfall_svg(resnet_like(3), SCRIPT, SCRIPT)
    root = ET.fromstring(drawing)  # noqa: S314  # our own drawing
    title, description = root[0], root[1]
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "normalization +44,000,000" in (description.text or "")
    assert "<script" not in drawing
    assert re.findall(r"https?://[^\"]+", drawing) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize(("model", "tool"), [("other", "thop"), ("net", "fvcore")])
def test_two_drawings_share_no_ids(model: str, tool: str) -> None:
    ids = [
        set(re.findall(r'\bid="([^"]+)"', waterfall_svg(resnet_like(), *names)))
        for names in (("net", "thop"), (model, tool))
    ]
    assert ids[0]
    assert not ids[0] & ids[1]
