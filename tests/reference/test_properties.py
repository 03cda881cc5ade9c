"""What holds for the count of any model: linear in the batch, the same again, whatever ran before."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest
import torch
import torchvision.models
from torch import nn

import reconcile
from reconcile.reference import COUNTING, ReferenceCount, count_trace, load_convention
from reconcile.trace import trace_spec
from reconcile.zoo import InputSpec, Mode, default_inputs, resolve
from tests import networks

A_FEW = ("resnet18", "vit_b_32", "swin_v2_t", "mvit_v1_b", "raft_small", "lraspp_mobilenet_v3_large")
ALL = [
    name if name in A_FEW else pytest.param(name, marks=pytest.mark.slow)
    for name in torchvision.models.list_models()
    if name not in torchvision.models.list_models(module=torchvision.models.detection)
]


def counted(name: str, batch: int, mode: Mode = "eval") -> ReferenceCount:
    inputs = (replace(tensor, shape=(batch, *tensor.shape[1:])) for tensor in default_inputs(name).tensors)
    spec = resolve(name, InputSpec(tuple(inputs)), mode)
    return count_trace(trace_spec(spec, detail=COUNTING)[0], load_convention("flops"))


@pytest.mark.parametrize("name", ALL)
def test_every_layer_is_linear_in_the_batch(name: str) -> None:
    one, two, five = (counted(name, batch) for batch in (1, 2, 5))
    layers = (one.by_layer(), two.by_layer(), five.by_layer())
    for path, value in layers[0].items():
        # What works on parameters alone, such as a table of relative positions, is the same for every batch.
        by_sample = layers[1][path] - value
        assert layers[2][path] == value + 4 * by_sample
        assert by_sample in (0, value)
        assert by_sample == value or ".cpb_mlp" in path
    assert one.parameters == two.parameters == five.parameters
    assert five.activations - one.activations == 4 * (two.activations - one.activations)
    assert [found.memory.parameter_bytes for found in (one, two, five)] == [one.memory.parameter_bytes] * 3
    assert [found.memory.input_bytes for found in (two, five)] == [
        2 * one.memory.input_bytes,
        5 * one.memory.input_bytes,
    ]


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_count_is_the_same_whatever_ran_before(mode: Mode) -> None:
    model, x = networks.Convolutional(), torch.rand(2, 3, 8, 8)
    first = reconcile.count(model, x, convention="flops", mode=mode)
    for other in (networks.ReadsData(), networks.Attention()):
        shape = (1, 4) if isinstance(other, networks.ReadsData) else (2, 5, 16)
        reconcile.count(other, torch.ones(shape), convention="flops")
    with pytest.raises(reconcile.ReconcileError):
        reconcile.count(networks.Raises(), torch.zeros(1, 4))
    again = reconcile.count(model, x, convention="flops", mode=mode)
    assert again.to_frame().equals(first.to_frame())
    assert again.to_frame("term").equals(first.to_frame("term"))


def test_torchs_switches_are_left_as_they_were_also_when_a_model_raises() -> None:
    def switches() -> tuple[object, ...]:
        return (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.backends.mkldnn.enabled,
            torch._C._get_mkldnn_enabled(),
            torch.backends.mha.get_fastpath_enabled(),
            torch.get_default_dtype(),
            torch.get_num_threads(),
            gc.isenabled(),
            torch.random.get_rng_state().tolist(),
        )

    recurrent, reads_data, raises = nn.LSTM(3, 4), networks.ReadsData(), networks.Raises()
    before = switches()
    reconcile.count(recurrent, torch.zeros(5, 1, 3))
    reconcile.count(reads_data, torch.ones(1, 4))
    with pytest.raises(reconcile.ReconcileError):
        reconcile.count(raises, torch.zeros(1, 4))
    assert switches() == before


def test_half_the_bytes_for_half_the_precision() -> None:
    single, half = reconcile.count("resnet18"), reconcile.count("resnet18", "1x3x224x224:bfloat16")
    assert half.input == "1x3x224x224:bfloat16"
    assert half.total == single.total
    assert 2 * half.memory.read_bytes == single.memory.read_bytes
    assert 2 * half.memory.parameter_bytes == single.memory.parameter_bytes
