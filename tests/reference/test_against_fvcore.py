"""The convention fvcore, and activations, against fvcore itself."""

from __future__ import annotations

import pytest
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

import reconcile
from reconcile.zoo import build, resolve

FAST = ("resnet18", "mobilenet_v3_small", "swin_t", "vit_b_32", "densenet121", "convnext_tiny")
SLOW = (
    "alexnet", "efficientnet_b0", "efficientnet_v2_s", "fcn_resnet50", "googlenet", "inception_v3", "maxvit_t",
    "mnasnet0_5", "mobilenet_v2", "r3d_18", "regnet_x_400mf", "regnet_y_400mf", "resnext50_32x4d",
    "shufflenet_v2_x1_0", "squeezenet1_1", "swin_v2_t", "vgg11_bn", "wide_resnet50_2",
)  # fmt: skip  # one entry a line would fill the page

# fvcore reads the products of an einsum from a text that prints four digits: 16 more for each of 67 einsums.
ROUNDING = {"maxvit_t": 1072}


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_the_convention_gives_the_tools_own_totals(name: str) -> None:
    built = build(resolve(name))
    found = reconcile.count(name, convention="fvcore")
    flops, activations = (
        analysis(built.module, built.args).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
        for analysis in (FlopCountAnalysis, ActivationCountAnalysis)
    )
    assert found.total == flops - ROUNDING.get(name, 0)
    assert found.activations == activations
