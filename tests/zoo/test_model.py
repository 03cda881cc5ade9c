from __future__ import annotations

import socket

import pytest
import torch
from torch import nn

from reconcile.errors import ModelError, ReconcileError
from reconcile.zoo import (
    all_names,
    build,
    default_inputs,
    expand,
    parse_inputs,
    resolve,
)


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(ReconcileError, match=r"unknown model 'resnet55'; did you mean resnet50"):
        resolve("resnet55")


def test_patterns_choose_among_all_models() -> None:
    assert expand("resnet*") == ("resnet101", "resnet152", "resnet18", "resnet34", "resnet50")
    assert expand("*") == all_names()
    with pytest.raises(ReconcileError, match="matches"):
        expand("resnot*")


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet50", 224), ("inception_v3", 299), ("efficientnet_b7", 600), ("swin_v2_t", 256), ("vit_h_14", 518)],
)
def test_inputs_come_from_the_weights_metadata(name: str, size: int) -> None:
    assert str(default_inputs(name)) == f"1x3x{size}x{size}"


def test_a_vision_transformer_is_built_for_the_size_of_its_input() -> None:
    built = build(resolve("vit_b_16", parse_inputs(["1x3x384x384"])), "meta")
    # 24 x 24 patches and the class token, 768 wide
    assert built.module.encoder.pos_embedding.shape == (1, 577, 768)


@pytest.mark.parametrize("name", ["googlenet", "fcn_resnet50", "retinanet_resnet50_fpn"])
def test_building_downloads_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for something")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert isinstance(build(resolve(name, parse_inputs(["1x3x64x64"]))).module, nn.Module)


def test_building_leaves_initialization_as_it_was() -> None:
    before = dict(vars(nn.init))
    build(resolve("alexnet"), "meta")
    assert vars(nn.init) == before


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("fcn_resnet50", "1x3x520x520"),
        ("r3d_18", "1x3x16x112x112"),
        ("mvit_v2_s", "1x3x16x224x224"),
        ("raft_small", "1x3x512x512,1x3x512x512"),
        ("retinanet_resnet50_fpn", "[3x800x800]"),
        ("ssd300_vgg16", "[3x300x300]"),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", "[3x320x320]"),
        ("quantized_inception_v3", "1x3x299x299"),
    ],
)
def test_every_kind_of_model_has_inputs(name: str, inputs: str) -> None:
    assert str(default_inputs(name)) == inputs
    assert parse_inputs([inputs]) == default_inputs(name)


@pytest.mark.parametrize("text", ["(3)", "(a=1, a=2)", "(**{})", "(a=open('x'))", "(a=", "()()", "(a=1).b", "[0](a=1)"])
def test_what_is_no_list_of_arguments_is_named(text: str) -> None:
    with pytest.raises(ReconcileError, match=r"key=value|unknown model"):
        resolve(f"resnet18{text}")


def test_arguments_reach_the_builder() -> None:
    assert build(resolve("resnet18(num_classes=7)"), "meta").module.fc.out_features == 7
    assert resolve("resnet18( num_classes = 7 )").name == "resnet18(num_classes=7)"
    own = build(resolve("torch.nn:Linear(in_features=4, out_features=7)", parse_inputs(["1x4"])))
    assert own.module.out_features == 7


def test_a_floating_type_of_the_input_is_that_of_the_parameters() -> None:
    built = build(resolve("alexnet", parse_inputs(["1x3x224x224:bfloat16"])), "meta")
    assert {parameter.dtype for parameter in built.module.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["regnet_y_400mf", "swin_v2_t", "maxvit_t"])
def test_a_model_that_computes_while_it_is_built_is_built_without_data(name: str) -> None:
    assert all(parameter.device.type == "meta" for parameter in build(resolve(name), "meta").module.parameters())


def test_import_paths() -> None:
    built = build(resolve("tests.networks:convolutional", parse_inputs(["1x3x8x8"])))
    assert built.inputs == "1x3x8x8"
    assert not built.module.training
    given = build(resolve("tests.networks:two_inputs"))
    assert given.inputs == "ids=2x5:int64,scale=2x5x1"
    assert build(resolve("tests.networks:Convolutional", parse_inputs(["1x3x8x8"]), "train")).module.training


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tests.networks:convolutionl", "did you mean convolutional"),
        ("tests.networks:not_a_model", "returned int"),
        ("tests.networks:F.no_such", "has no 'no_such'"),
        ("tests.networks:convolutional", "say which with --input"),
        ("tests.networks:", "not of the form"),
        ("../evil:model", "not of the form"),
        ("no_such_package_at_all:net", "there is no module"),
    ],
)
def test_what_is_no_model_is_named(name: str, says: str) -> None:
    with pytest.raises(ReconcileError, match=says):
        build(resolve(name))


def test_a_wrong_size_for_an_architecture_is_one_sentence() -> None:
    with pytest.raises(ModelError, match=r"vit_b_16 cannot be built for input 1x3x225x225 \(.*indivisible"):
        build(resolve("vit_b_16", parse_inputs(["1x3x225x225"])))


def test_inputs_are_tensors_of_the_device() -> None:
    built = build(resolve("alexnet"), "meta")
    assert built.args[0].device == torch.device("meta")
    assert all(parameter.device == torch.device("meta") for parameter in built.module.parameters())


def test_parameters_are_zeros_unless_values_matter() -> None:
    assert not any(parameter.any() for parameter in build(resolve("squeezenet1_1")).module.parameters())
    first, again, other = (
        build(resolve("squeezenet1_1"), seed=seed, parameters="random").module.state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["features.0.weight"], other["features.0.weight"])


def test_building_leaves_the_random_state_as_it_was() -> None:
    before = torch.random.get_rng_state()
    build(resolve("squeezenet1_1"), parameters="random")
    assert torch.equal(torch.random.get_rng_state(), before)
