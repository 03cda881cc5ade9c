"""Inputs as they are stated in papers; expected shapes are written out by hand."""

from __future__ import annotations

import pytest

from reconcile.claims.inputs import other_inputs, stated_inputs
from reconcile.zoo import InputSpec, parse_inputs

IMAGE = parse_inputs(["1x3x224x224"])
VIDEO = parse_inputs(["1x3x16x112x112"])
DETECTOR = parse_inputs(["[3x800x800]"])
PAIR = parse_inputs(["1x3x520x960,1x3x520x960"])


@pytest.mark.parametrize(
    ("text", "default", "shapes"),
    [
        ("", IMAGE, ["1x3x224x224"]),
        ("299", IMAGE, ["1x3x299x299"]),
        ("224x320", IMAGE, ["1x3x224x320"]),
        ("3x256x256", IMAGE, ["1x3x256x256"]),
        ("4x3x256x256", IMAGE, ["4x3x256x256"]),
        ("224/227", IMAGE, ["1x3x224x224", "1x3x227x227"]),
        ("227?", IMAGE, ["1x3x227x227"]),
        ("224 × 224", IMAGE, ["1x3x224x224"]),
        ("256²", IMAGE, ["1x3x256x256"]),
        ("32x224x224", VIDEO, ["1x3x32x224x224"]),
        ("224", VIDEO, ["1x3x16x224x224"]),
        ("320", DETECTOR, ["[3x320x320]"]),
        ("256x512", PAIR, ["1x3x256x512,1x3x256x512"]),
    ],
)
def test_stated_inputs(text: str, default: InputSpec, shapes: list[str]) -> None:
    stated = stated_inputs(text, default)
    assert stated.is_understood
    assert [str(inputs) for inputs in stated.inputs] == shapes


@pytest.mark.parametrize("text", ["a picture", "0", "224x0", "99999", "1x2x3x4x5x6", "short side 800", "-224"])
def test_what_is_not_understood_is_the_models_own(text: str) -> None:
    stated = stated_inputs(text, IMAGE)
    assert not stated.is_understood
    assert stated.inputs == (IMAGE,)


def test_text_has_no_other_sizes() -> None:
    tokens = parse_inputs(["1x128:int64"])
    assert not stated_inputs("224", tokens).is_understood
    assert list(other_inputs(tokens)) == []


def test_other_inputs_are_a_share_of_the_default() -> None:
    shares = {str(inputs): share for inputs, share in other_inputs(IMAGE)}
    assert shares["1x3x448x448"] == 4
    assert "1x3x224x224" not in shares
    assert {str(inputs): share for inputs, share in other_inputs(VIDEO)}["1x3x32x224x224"] == 8
