"""Convolutions and matrix products against torch's own counter, layer by layer, over the whole zoo."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torchvision.models
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from reconcile.reference import COUNTING, count_trace, load_convention
from reconcile.trace import trace
from reconcile.zoo import build, resolve

DETECTION = torchvision.models.list_models(module=torchvision.models.detection)
A_FEW = ("resnet18", "vit_b_32", "swin_v2_t", "convnext_tiny", "regnet_x_400mf", "r3d_18", "lraspp_mobilenet_v3_large")


def by_torch(module: nn.Module, args: tuple[object, ...]) -> dict[str, int]:
    """Multiply-adds of each layer itself, by path."""
    attention_was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), torch.random.fork_rng(), sdpa_kernel(SDPBackend.MATH), counter:
            module(*args)
    finally:
        torch.backends.mha.set_fastpath_enabled(attention_was_fast)
    root = type(module).__name__
    totals = {
        name.removeprefix(root).removeprefix("."): sum(values.values())
        for name, values in counter.get_flop_counts().items()
        if name != "Global"
    }
    own = Counter(totals)
    for path, value in totals.items():
        if path:
            own[nearest(path, totals)] -= value
    return {path: value // 2 for path, value in own.items() if value}


def nearest(path: str, known: dict[str, int]) -> str:
    above = path.rpartition(".")[0]
    while above and above not in known:
        above = above.rpartition(".")[0]
    return above


@pytest.mark.parametrize(
    "name",
    [
        name if name in A_FEW else pytest.param(name, marks=pytest.mark.slow)
        for name in torchvision.models.list_models()
    ],
)
def test_products_equal_half_of_torchs_own_flops_layer_by_layer(name: str) -> None:
    reads_values = name in DETECTION
    built = build(
        resolve(name), "cpu" if reads_values else "meta", parameters="random" if reads_values else "unwritten"
    )
    found = count_trace(trace(built.module, built.args, detail=COUNTING), load_convention("macs"))
    assert found.trace.execution == ("real" if reads_values else "meta")
    native = {layer: value for layer, value in found.by_layer().items() if value}
    assert native == by_torch(built.module, built.args)
    assert sum(native.values()) == found.total > 0
