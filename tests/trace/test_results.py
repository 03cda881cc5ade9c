"""Results that are known without running the operator are those of torch's own functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from reconcile.trace.results import known_result

META = torch.device("meta")
aten = torch.ops.aten


def batch(*shape: int, last: bool = False) -> torch.Tensor:
    made = torch.empty(shape, device=META)
    return made.movedim(1, -1).contiguous().movedim(-1, 1) if last else made


C = torch.empty(4, device=META)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("given", [batch(3, 4), batch(2, 4, 5), batch(2, 4, 5, 6), batch(2, 4, 5, 6, last=True)])
def test_batch_normalization(given: torch.Tensor, training: bool) -> None:
    arguments = (given, C, C, C, C, training, 0.1, 1e-5)
    compare(aten.batch_norm.default, *arguments, False)


def test_layer_normalization_and_linear() -> None:
    compare(aten.layer_norm.default, batch(2, 3, 4), [4], C, C)
    compare(aten.linear.default, batch(2, 3, 4), torch.empty(5, 4, device=META))


@pytest.mark.parametrize(
    ("func", "arguments"),
    [
        (aten.native_batch_norm.default, (batch(2, 3), C, C, C, C, False, 0.1, 1e-5)),  # torch raises
        (aten.native_batch_norm.default, (batch(2, 4), C, C, None, None, False, 0.1, 1e-5)),
        (aten.linear.default, (batch(2, 3), torch.empty(5, 4, device=META))),
        (aten.relu.default, (C,)),
    ],
)
def test_what_is_not_known(func: Any, arguments: tuple[Any, ...]) -> None:
    assert known_result(func, arguments, {}) is None


def compare(func: Any, *arguments: Any) -> None:
    found, expected = known_result(func, arguments, {}), func(*arguments)
    assert found is not None
    for one, other in zip(as_tuple(found), as_tuple(expected), strict=True):
        assert (one.shape, one.stride(), one.dtype, one.device) == (other.shape, other.stride(), other.dtype, META)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
