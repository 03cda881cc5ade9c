from __future__ import annotations

import pytest
import torch

from reconcile.errors import ReconcileError
from reconcile.zoo import TensorInput, describe_inputs, parse_inputs


def test_shapes_types_and_names_are_read() -> None:
    spec = parse_inputs(["1x3x224x224", "ids=2x8:int64,mask=2x8:bool"])
    assert spec.positional == (TensorInput((1, 3, 224, 224)),)
    assert dict(spec.keyword) == {"ids": TensorInput((2, 8), "int64"), "mask": TensorInput((2, 8), "bool")}
    assert str(spec) == "1x3x224x224,ids=2x8:int64,mask=2x8:bool"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a shape"),
        ("3x", "not a shape"),
        ("1x-3", "not a shape"),
        ("1x3x224x224:flaot32", "did you mean float32"),
        ("1x0x4", "at least one element"),
        ("99999999999999999999999x1", "more than"),
        ("x=1,x=2", "given twice"),
        ("x=1,2", "cannot follow"),
        ("1×3", "not a shape"),
    ],
)
def test_what_is_not_an_input_is_named(text: str, says: str) -> None:
    with pytest.raises(ReconcileError, match=says):
        parse_inputs([text])


def test_the_same_seed_makes_the_same_tensors() -> None:
    spec = parse_inputs(["2x3", "ids=4:int64"])
    (first,), named = spec.make(seed=5)
    (second,), _ = spec.make(seed=5)
    (other,), _ = spec.make(seed=6)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert named["ids"].dtype == torch.int64


def test_tensors_are_described_as_they_are_read() -> None:
    tensors = (torch.zeros(1, 3), [torch.zeros(2)])
    assert describe_inputs(tensors, {"n": 3, "ids": torch.zeros(4, dtype=torch.int64)}) == "1x3,[2],n=3,ids=4:int64"
