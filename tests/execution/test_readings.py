"""What control flow read in a real run: what is kept, and what happens where another run reads something else."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reconcile.execution import Reading, Readings, ValuesNeededError, WithoutArithmetic
from tests.execution.models import Layers, layers, readings_of, rows

ITEM = "aten._local_scalar_dense.default"


def test_a_reading_is_an_operator_with_shapes_and_what_it_returned() -> None:
    readings = readings_of(layers(lambda m, x: m.repeat(x, 2 if m.first(x).square().sum() > 0 else 1)), rows())
    assert readings == (Reading(ITEM, ((),), True),)
    selected = readings_of(layers(lambda m, x: x[m.first(x).square()[:, 0] >= 0]), rows())
    assert selected is not None
    assert [(reading.operator, reading.given) for reading in selected] == [("aten.index.Tensor", ((4, 8), (4,)))]
    assert selected[0].returned.shape == (4, 8)
    assert pickle.loads(pickle.dumps(selected)) == selected  # noqa: S301  # made here


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.repeat(x, int(m.steps)),
        lambda m, x: m.repeat(x, int(torch.arange(4).sum())),
        lambda m, x: m.repeat(x, torch.tensor([1, 2]).tolist()[1]),
    ],
)
def test_what_the_code_states_is_no_reading(forward: Callable[[Layers, torch.Tensor], torch.Tensor]) -> None:
    assert readings_of(layers(forward), rows()) == ()


def swallows(model: Layers, x: torch.Tensor) -> torch.Tensor:
    try:
        times = 1 + int(model.first(x).argmax().item()) % 3
    except Exception:
        times = 7
    return model.repeat(x, times)


@pytest.mark.parametrize(
    "forward",
    [
        swallows,
        lambda m, x: m.repeat(x, 1 if m.first(F.dropout(x, 0.5, training=True)).sum() > 0 else 3),
        lambda m, x: m.repeat(x, 1 if (m.first(x) + x.new_empty(4, 8)).sum() > 0 else 3),
    ],
    ids=["an error on the way", "random numbers", "memory as it comes"],
)
def test_what_another_run_may_read_otherwise_cannot_be_given_again(
    forward: Callable[[Layers, torch.Tensor], torch.Tensor],
) -> None:
    assert readings_of(layers(forward), rows()) is None


def test_nor_can_what_is_read_in_training_which_tools_end() -> None:
    model = layers(lambda m, x: m.second(x) if m.first(x).sum() > 0 else m.repeat(x, 2))
    assert readings_of(model, rows(), mode="train") is None
    assert readings_of(layers(lambda m, x: m.first(x)), rows(), mode="train") == ()


def run(model: nn.Module, readings: Readings, times: int = 1) -> None:
    mode, inputs = WithoutArithmetic(readings), rows()
    try:
        with torch.no_grad(), mode:
            for _ in range(times):
                model(inputs)
    finally:
        mode.close()


def test_readings_are_given_again() -> None:
    taken: list[bool] = []

    def forward(model: Layers, x: torch.Tensor) -> torch.Tensor:
        taken.append(bool(model.first(x).sum() > 0))
        return x

    run(layers(forward), (Reading(ITEM, ((),), True),))
    run(layers(forward), (Reading(ITEM, ((),), False),))
    assert taken == [True, False]


TRUTH = Reading(ITEM, ((),), True)


@pytest.mark.parametrize(
    ("readings", "times", "message"),
    [
        ((), 1, "reads values"),
        ((Reading("aten.nonzero.default", ((4, 8),), True),), 1, "did not read there"),
        ((Reading(ITEM, ((1,),), True),), 1, "did not read there"),
        ((TRUTH, TRUTH), 1, "read more values"),
        ((TRUTH,), 2, "reads values"),
    ],
    ids=["none", "another operator", "another shape", "unfinished", "a second run, which may read something else"],
)
def test_a_run_that_reads_something_else_is_stopped(readings: Readings, times: int, message: str) -> None:
    with pytest.raises(ValuesNeededError, match=message):
        run(layers(lambda m, x: m.second(x) if m.first(x).sum() > 0 else x), readings, times)


def test_a_model_that_swallows_the_error_is_stopped_at_the_end() -> None:
    with pytest.raises(ValuesNeededError, match="reads values"):
        run(layers(swallows), ())
