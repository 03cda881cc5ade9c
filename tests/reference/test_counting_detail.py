"""A count needs less of a trace than the rules of tools do; what it finds is the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torchvision.models

from reconcile.reference import COUNTING, ReferenceCount, count_trace, load_convention
from reconcile.trace import EVERYTHING, Detail, trace_spec
from reconcile.zoo import InputSpec, Mode, default_inputs, resolve

A_FEW = ("resnet18", "vit_b_32", "swin_v2_t", "maxvit_t", "googlenet", "mvit_v2_s", "raft_small", "densenet121")


def terms_by_layer(found: ReferenceCount) -> Counter[tuple[str, str, str, str]]:
    totals: Counter[tuple[str, str, str, str]] = Counter()
    for atom in found.atoms:
        for term, amount in atom.terms.items():
            totals[atom.layer, atom.call.name, atom.kind, term] += amount
    return totals


def counted(name: str, mode: Mode, detail: Detail) -> ReferenceCount:
    one = default_inputs(name)
    # Two of each: in training, a batch normalization refuses a single value per channel.
    two = InputSpec(tuple(replace(tensor, shape=(2, *tensor.shape[1:])) for tensor in one.tensors))
    return count_trace(trace_spec(resolve(name, two, mode), detail=detail)[0], load_convention("macs"))


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize(
    "name",
    [
        name if name in A_FEW else pytest.param(name, marks=pytest.mark.slow)
        for name in torchvision.models.list_models()
        if name not in torchvision.models.list_models(module=torchvision.models.detection)
    ],
)
def test_a_count_finds_the_same_terms_with_less_detail(name: str, mode: Mode) -> None:
    less, more = counted(name, mode, COUNTING), counted(name, mode, EVERYTHING)
    assert terms_by_layer(less) == terms_by_layer(more)
    assert less.uncovered == more.uncovered
    assert less.trace.uncalled == more.trace.uncalled
    assert less.parameters == more.parameters
    assert (less.activations, less.memory) == (more.activations, more.memory)
