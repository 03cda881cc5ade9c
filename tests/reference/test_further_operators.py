"""Operators of users' models beside layers, by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reconcile


class Calling(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def terms(function: Callable[..., Any], *inputs: torch.Tensor) -> dict[str, int]:
    found = reconcile.count(Calling(function), inputs, strict=True)
    totals: Counter[str] = Counter()
    for atom in found.reference.atoms:
        totals.update(atom.terms)
    return dict(totals)


places, long = torch.tensor([0, 1, 2, 0]), torch.int64

CASES: dict[str, tuple[Callable[..., Any], tuple[torch.Tensor, ...], dict[str, int]]] = {
    "scatter_add": (
        lambda x: torch.zeros(4, 6).scatter_add(0, torch.zeros(2, 6, dtype=long), x),
        (torch.rand(4, 6),),
        {"reduce": 2 * 6},  # as many as the index names
    ),
    "index_add": (lambda x: torch.zeros(3, 6).index_add(0, places, x), (torch.rand(4, 6),), {"reduce": 4 * 6}),
    "scatter of integers": (lambda x: x.scatter_add(0, x, x), (torch.zeros(3, dtype=long),), {}),
    "trace": (torch.trace, (torch.rand(4, 5),), {"reduce": 4}),
    "cross product": (torch.linalg.cross, (torch.rand(5, 3), torch.rand(5, 3)), {"elementwise": 5 * 3 * 3}),
    "distances within": (torch.pdist, (torch.rand(4, 6),), {"elementwise": 6 * 6, "reduce": 6 * 6}),
    "affine grid": (
        lambda theta: F.affine_grid(theta, [2, 1, 5, 7], align_corners=False),
        (torch.rand(2, 2, 3),),
        {"mac": 2 * 5 * 7 * 2 * 3, "first_add": 2 * 5 * 7 * 2},
    ),
    "grouped products": (
        lambda x, w: F.grouped_mm(x, w, offs=torch.tensor([2, 4], dtype=torch.int32)),
        (torch.rand(4, 16, dtype=torch.bfloat16), torch.rand(2, 16, 8, dtype=torch.bfloat16)),
        {"mac": 4 * 16 * 8, "first_add": 4 * 8},
    ),
    "fractional pooling": (
        nn.FractionalMaxPool2d((2, 3), output_size=3),
        (torch.rand(1, 4, 8, 8),),
        {"max_pool": 4 * 9 * (6 - 1), "pool_input": 4 * 64},
    ),
    # Merge sort of 6 elements takes at most 3 passes over them; of 8, exactly 3.
    "sort": (lambda x: x.sort(1).values, (torch.rand(4, 6),), {"compare": 4 * 6 * 3}),
    "sort along the first axis": (lambda x: x.sort(0).values, (torch.rand(8, 2),), {"compare": 8 * 2 * 3}),
    "largest": (lambda x: x.topk(2).values, (torch.rand(3, 8),), {"compare": 3 * 8 * 3}),
    "fold": (
        lambda x: F.fold(x, (4, 4), (2, 2)),
        (torch.rand(1, 3 * 4, 9),),
        {"reduce": 3 * 4 * 9},
    ),
    # 5 frames of 16 points, windowed; a real transform costs half of 16 * 4 complex additions.
    "spectrogram": (
        lambda x: torch.stft(x, 16, 8, window=torch.ones(16), center=False, return_complex=True),
        (torch.rand(1, 48),),
        {"elementwise": 5 * 16, "fft": 5 * 32},
    ),
    "loss": (F.mse_loss, (torch.rand(4, 6), torch.rand(4, 6)), {"elementwise": 24, "reduce": 24}),
    "loss of each": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        (torch.rand(4, 6), torch.rand(4, 6)),
        {"elementwise": 24},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_terms_by_hand(name: str) -> None:
    function, inputs, by_hand = CASES[name]
    assert terms(function, *inputs) == by_hand


def test_regions_whose_samples_depend_on_data_have_no_terms() -> None:
    from torchvision.ops import roi_align

    boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]])
    model = Calling(lambda x: roi_align(x, boxes, (2, 2), sampling_ratio=-1))
    assert reconcile.count(model, torch.rand(1, 3, 8, 8)).uncovered == {"torchvision.roi_align": 1}
