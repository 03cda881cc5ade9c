"""Layouts that are told from shapes are those that the kernels of the CPU give."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
import torch

from reconcile.execution.shapes import ShapeProcess, UnknownShapeError, layout_of

SHAPES = [
    (3, 4),
    (1, 4),
    (2, 4, 5),
    (2, 4, 5, 6),
    (1, 4, 5, 6),
    (2, 4, 1, 1),
    (2, 1, 5, 6),
    (2, 4, 3, 5, 6),
    (0, 4, 5, 6),
]
VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "as it comes": lambda x: x,
    "channels last": lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1),
    "reversed": lambda x: x.permute(*reversed(range(x.ndim))).contiguous().permute(*reversed(range(x.ndim))),
    "with gaps": lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]],
    "expanded": lambda x: x[:1].expand(x.shape),
}


@pytest.fixture
def process() -> Iterator[ShapeProcess]:
    started = ShapeProcess()
    yield started
    started.close()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization(process: ShapeProcess, training: bool, dtype: torch.dtype) -> None:
    func = torch.ops.aten.native_batch_norm.default
    for shape, view in itertools.product(SHAPES, VIEWS):
        if training and 0 in shape:
            continue  # torch refuses
        batch = VIEWS[view](torch.rand(shape)).to(dtype)
        channels = [torch.rand(shape[1], dtype=dtype) for _ in range(4)]
        for given in (channels, [None, None, *channels[2:]]):
            arguments = (batch, *given)
            asked = [None if tensor is None else layout_of(tensor) for tensor in arguments]
            found = process.ask(func, (*asked, training, 0.1, 1e-5), {})
            real = func(*arguments, training, 0.1, 1e-5)
            assert [(item.shape, item.dtype) for item in found] == [(item.shape, item.dtype) for item in real], view
            assert found[0] == layout_of(real[0]), (shape, view)


def test_a_process_that_does_not_answer(process: ShapeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcile.execution.shapes.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(process._pipe, "send", lambda _: None)
    with pytest.raises(UnknownShapeError, match="there is no answer"):
        process.ask(torch.ops.aten.relu.default, (layout_of(torch.zeros(2)),), {})
