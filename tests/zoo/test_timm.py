from __future__ import annotations

import socket
from importlib import metadata
from pathlib import Path

import pytest
import timm
import torch
from fvcore.nn import FlopCountAnalysis
from timm.layers import weight_init
from torch import nn

from reconcile.cli import main
from reconcile.errors import ModelError, ReconcileError
from reconcile.reference import count_trace, load_convention
from reconcile.trace import trace, trace_spec
from reconcile.zoo import InputSpec, build, default_inputs, expand, parse_inputs, resolve, timm_zoo

MACS = load_convention("macs")


def test_a_transformer_is_counted_as_by_hand() -> None:
    counted, inputs = trace_spec(resolve("timm/test_vit"))
    found = count_trace(counted, MACS)
    assert inputs == "1x3x160x160"
    # 10 x 10 patches of 16 x 16 x 3 values, 64 wide, and a class token: 101 tokens; six blocks of query, key, value and
    # projection, scores and their sums, and two layers of a perceptron three times as wide; 1000 classes.
    patches = 100 * 64 * 16 * 16 * 3
    block = 101 * 64 * 4 * 64 + 2 * 101 * 101 * 64 + 2 * 101 * 64 * 192
    assert found.total == patches + 6 * block + 64 * 1000 == 37_635_328
    assert found.parameters == sum(parameter.numel() for parameter in timm.create_model("test_vit").parameters())


def test_an_unknown_name_brings_the_nearest() -> None:
    with pytest.raises(ReconcileError, match=r"unknown model 'timm/resnet19'; did you mean timm/resnet18"):
        resolve("timm/resnet19")
    with pytest.raises(ReconcileError, match=r"unknown model 'timm/resnet18.no_such_tag'; did you mean timm/resnet18"):
        resolve("timm/resnet18.no_such_tag")


def test_patterns_choose_among_the_models_of_the_library_that_they_name() -> None:
    assert expand("timm/test_vit?") == ("timm/test_vit2", "timm/test_vit3", "timm/test_vit4")
    assert not any(name.startswith("timm/") for name in expand("*"))
    with pytest.raises(ReconcileError, match="no model of timm matches"):
        expand("timm/resnot*")


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("timm/resnet18", "1x3x224x224"),
        ("timm/inception_v3", "1x3x299x299"),
        ("timm/convnext_base", "1x3x224x224"),
        ("timm/convnext_base.clip_laiona_augreg_ft_in1k_384", "1x3x384x384"),
        ("timm/resnet18(in_chans=1)", "1x1x224x224"),
        ("timm/vit_tiny_patch16_224(img_size=(32, 64))", "1x3x32x64"),
        ("timm/vit_tiny_patch16_224(img_size=96)", "1x3x96x96"),
    ],
)
def test_inputs_come_from_the_configuration_and_the_arguments(name: str, inputs: str) -> None:
    assert str(default_inputs(name)) == inputs
    assert build(resolve(name), "meta").inputs == inputs


@pytest.mark.parametrize("arguments", ["in_chans='a'", "img_size=(1, 2, 3)", "img_size='large'", "img_size=-4"])
def test_a_size_that_is_none_is_named(arguments: str) -> None:
    with pytest.raises(ReconcileError, match="no size of an image"):
        default_inputs(f"timm/resnet18({arguments})")


def positions(name: str, inputs: str) -> int:
    embedding = build(resolve(name, parse_inputs([inputs])), "meta").module.pos_embed
    assert isinstance(embedding, torch.Tensor)
    return embedding.shape[1]


def test_a_model_made_for_one_size_is_built_for_that_of_its_input() -> None:
    name = "timm/vit_tiny_patch16_224"
    assert positions(name, "1x3x224x224") == 1 + 14 * 14
    assert positions(name, "1x3x384x384") == 1 + 24 * 24
    assert positions(name, "2x3x32x64") == 1 + 2 * 4
    # One that is asked to take any size keeps the positions that it was trained with.
    assert positions(f"{name}(dynamic_img_size=True)", "1x3x384x384") == 1 + 14 * 14
    # A given size stands, and the model says what is wrong with another one.
    assert positions(f"{name}(img_size=224)", "1x3x384x384") == 1 + 14 * 14


def test_a_convolutional_model_takes_any_size() -> None:
    spec = resolve("timm/test_resnet", parse_inputs(["2x3x64x64"]))
    assert trace_spec(spec)[1] == "2x3x64x64"


def test_arguments_reach_the_builder() -> None:
    built = build(resolve("timm/test_resnet(num_classes=7, in_chans=1)"), "meta")
    assert isinstance(built.module.fc, nn.Linear)
    assert built.module.fc.out_features == 7
    with pytest.raises(ModelError, match=r"^timm/test_resnet\(no_such=1\) cannot be built for input 1x3x160x160 \("):
        build(resolve("timm/test_resnet(no_such=1)"))


def test_a_model_that_computes_with_what_it_fills_is_built_without_data_too() -> None:
    built = build(resolve("timm/vit_base_patch16_rope_mixed_224(depth=1)"), "meta")
    assert all(parameter.device.type == "meta" for parameter in built.module.parameters())


@pytest.mark.parametrize("argument", ["pretrained=True", "pretrained_cfg={}", "checkpoint_path='x'", "cache_dir='x'"])
def test_what_would_load_something_is_refused(argument: str) -> None:
    with pytest.raises(ReconcileError, match="nothing is downloaded"):
        resolve(f"timm/resnet18({argument})")


def test_building_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for something")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert isinstance(build(resolve("timm/test_vit.r160_in1k")).module, nn.Module)


def test_building_leaves_initializers_as_they_were() -> None:
    before = dict(vars(weight_init)), dict(vars(nn.init))
    build(resolve("timm/test_vit"), "meta")
    assert (vars(weight_init), vars(nn.init)) == before


def test_parameters_are_zeros_unless_values_matter() -> None:
    zeros = build(resolve("timm/test_vit")).module
    assert not any(parameter.any() for parameter in zeros.parameters())
    first, again, other = (
        build(resolve("timm/test_vit"), seed=seed, parameters="random").module.state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["blocks.0.attn.qkv.weight"], other["blocks.0.attn.qkv.weight"])
    on_meta = build(resolve("timm/test_vit"), "meta").module
    assert {parameter.device.type for parameter in on_meta.parameters()} == {"meta"}


@pytest.mark.parametrize(
    "name",
    [
        "test_vit",
        "test_byobnet",
        "test_convnext",
        "test_efficientnet_evos",
        "test_maxvit",
        "test_nfnet",
        "test_mambaout",
    ],
)
def test_counts_do_not_depend_on_how_parameters_are_made(name: str) -> None:
    spec = resolve(f"timm/{name}", parse_inputs(["1x3x64x64"]))
    library = timm.create_model(name, **timm_zoo._image_size(spec.name, {}, spec.inputs or InputSpec())).eval()
    expected = count_trace(trace(library, (torch.rand(1, 3, 64, 64),)), MACS)
    found = count_trace(trace_spec(spec)[0], MACS)
    assert found.by_layer() == expected.by_layer()
    assert found.parameters == expected.parameters
    built = build(spec, parameters="unwritten")
    assert count_trace(trace(built.module, built.args), MACS).by_layer() == expected.by_layer()


def test_a_run_finds_what_a_tool_says_of_the_library_s_own_model(tmp_path: Path) -> None:
    assert main(["run", "timm/test_resnet", "--tools", "fvcore", "--out", str(tmp_path / "run")]) == 0
    model = timm.create_model("test_resnet").eval()
    total = FlopCountAnalysis(model, torch.rand(1, 3, 160, 160)).unsupported_ops_warnings(False).total()
    rows = (tmp_path / "run" / "cells.csv").read_text(encoding="utf-8").splitlines()
    assert any(row.split(",")[1] == "timm/test_resnet" and f",{int(total)}," in row for row in rows)
    assert f'"timm": "{metadata.version("timm")}"' in (tmp_path / "run" / "manifest.json").read_text(encoding="utf-8")


def test_all_models_are_listed_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "timm"]) == 0
    listed = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert set(listed) == {f"timm/{name}" for name in timm.list_models()}
    assert listed["timm/resnet18"] == "1x3x224x224"
    assert main(["list", "models"]) == 0
    shown = capsys.readouterr()
    assert "timm" not in shown.out + shown.err
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    assert main(["list", "models"]) == 0
    on_terminal = capsys.readouterr()
    assert on_terminal.out == shown.out
    assert "reconcile list timm" in on_terminal.err


@pytest.mark.parametrize("name", ["timm/resnet18", "timm/resnet18.a1_in1k(num_classes=3)", "timm/*"])
def test_without_timm_one_sentence_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = metadata.version

    def without_timm(distribution: str) -> str:
        if distribution == "timm":
            raise metadata.PackageNotFoundError(distribution)
        return version(distribution)

    monkeypatch.setattr(metadata, "version", without_timm)
    timm_zoo.all_names.cache_clear()
    assert main(["run", name, "--dry-run"]) == 2
    assert (
        capsys.readouterr().err == "reconcile: the models timm/NAME need timm: pip install 'reconcile-flops[timm]'.\n"
    )
