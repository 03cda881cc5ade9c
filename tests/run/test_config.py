"""What to run, from a file and the command line: checked before anything runs, and refused with the place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torchvision

from reconcile.errors import ReconcileError
from reconcile.run import Plan, default_config_file, make_plan
from reconcile.tools import ADAPTERS, MAIN_TOOLS, find_column

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def names(plan: Plan) -> list[str]:
    return [spec.name for spec in plan.models]


def inputs(plan: Plan) -> list[str]:
    return [str(spec.inputs or "") for spec in plan.models]


# --- what a plan holds ---


def test_a_whole_file(write: Write) -> None:
    plan = make_plan(
        config_file=write(
            "models:\n"
            "  - vgg11\n"
            "  - {name: resnet18, input: 2x3x64x64}\n"
            "tools: [torchinfo, thop]\n"
            "reference: flops\n"
            "mode: train\n"
            "seed: 11\n"
            "jobs: 3\n"
            "timeout_seconds: 1.5\n"
        )
    )
    assert names(plan) == ["vgg11", "resnet18"]
    assert inputs(plan) == ["", "2x3x64x64"]
    assert {spec.mode for spec in plan.models} == {"train"}
    assert plan.tools == ("torchinfo", "thop")
    assert plan.convention.name == "flops"
    assert (plan.seed, plan.jobs, plan.timeout_seconds) == (11, 3, 1.5)


def test_what_a_file_need_not_say(write: Write) -> None:
    plan = make_plan(config_file=write("models: [resnet18]\n"))
    assert (names(plan), inputs(plan)) == (["resnet18"], [""])
    assert {spec.mode for spec in plan.models} == {"eval"}
    assert plan.tools == MAIN_TOOLS
    assert plan.convention.name == "macs"
    assert (plan.seed, plan.jobs, plan.timeout_seconds) == (0, os.cpu_count(), 3600)


def test_names_without_a_file() -> None:
    plan = make_plan(names=["resnet18", "tests.networks:two_inputs"], tools=["fvcore"])
    assert names(plan) == ["resnet18", "tests.networks:two_inputs"]
    assert (plan.tools, plan.convention.name) == (("fvcore",), "macs")


def test_the_main_job() -> None:
    plan = make_plan()
    assert default_config_file().name == "zoo.yaml"
    assert names(plan) == sorted(torchvision.models.list_models())
    assert len(plan.models) == 121
    assert plan.tools == tuple(name for name in ADAPTERS if find_column(name))
    assert {"thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo", "mmengine", "flopth"} <= set(plan.tools)
    assert plan.convention.name == "macs"
    assert plan.tools_may_fail


def test_the_smoke_job_has_a_model_of_each_family() -> None:
    plan = make_plan(config_file=default_config_file().with_name("smoke.yaml"))
    assert {"resnet50", "vit_b_32", "swin_t", "maxvit_t", "convnext_tiny"} <= set(names(plan))
    assert len(plan.tools) == 5


def test_patterns() -> None:
    assert names(make_plan(names=["resnet1*", "vgg1[13]"])) == ["resnet101", "resnet152", "resnet18", "vgg11", "vgg13"]
    assert names(make_plan(names=["resnet?8"])) == ["resnet18"]


def test_a_pattern_means_models_of_every_kind() -> None:
    assert names(make_plan(names=["*resnet50"])) == [
        "deeplabv3_resnet50", "fcn_resnet50", "quantized_resnet50", "resnet50",
    ]  # fmt: skip  # one entry a line would fill the page


def test_each_model_and_tool_once(write: Write) -> None:
    plan = make_plan(names=["vgg11", "resnet18", "vgg11", "vgg1[1]"], tools=["thop", "fvcore", "thop"])
    assert names(plan) == ["vgg11", "resnet18"]
    assert plan.tools == ("thop", "fvcore")
    twice = write("models: [resnet18, {name: resnet18, input: 1x3x64x64}, 'resnet1[8]']\n")
    assert inputs(make_plan(config_file=twice)) == ["", "1x3x64x64"]  # two inputs are two models


def test_a_pattern_with_an_input(write: Write) -> None:
    plan = make_plan(config_file=write("models: [{name: 'vgg1?', input: 1x3x32x32}]\n"))
    assert names(plan) == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert set(inputs(plan)) == {"1x3x32x32"}


# --- the command line comes first ---


def test_the_command_line_overrides_the_file(write: Write) -> None:
    path = write(
        "models: [{name: resnet18, input: 2x3x64x64}]\ntools: [thop]\nreference: flops\njobs: 3\nmode: train\nseed: 5\n"
    )
    kept = make_plan(config_file=path)
    assert (kept.tools, kept.convention.name, kept.jobs, kept.models[0].mode) == (("thop",), "flops", 3, "train")
    plan = make_plan(
        config_file=path,
        names=["vgg11"],
        tools=["fvcore", "torchinfo"],
        reference="exact-flops",
        inputs=["1x3x32x32"],
        jobs=1,
        mode="eval",
    )
    assert (names(plan), inputs(plan)) == (["vgg11"], ["1x3x32x32"])
    assert plan.tools == ("fvcore", "torchinfo")
    assert (plan.convention.name, plan.jobs, plan.models[0].mode) == ("exact-flops", 1, "eval")
    assert plan.seed == 5


def test_an_input_on_the_command_line_holds_for_every_model(write: Write) -> None:
    path = write("models: [vgg11, {name: resnet18, input: 2x3x64x64}]\n")
    assert inputs(make_plan(config_file=path, inputs=["4x3x32x32"])) == ["4x3x32x32", "4x3x32x32"]


def test_a_convention_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nunit: MAC\ndescription: d\nsource: s\nweights: {mac: 1, bias: 1}\n", encoding="utf-8")
    assert make_plan(names=["resnet18"], reference=str(path)).convention.weights == {"mac": 1, "bias": 1}


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("models: [resnet18\ntools: [thop]\n", ["line 2", "not valid YAML"]),
        ("models:\n  - resnet18\n - vgg11\n", ["line 3", "not valid YAML"]),
        ("models: &a [*a, *b]\n", ["line 1", "not valid YAML"]),
        ("models: !!python/object/apply:os.system [id]\n", ["line 1", "not valid YAML"]),
        ("models: [resnet18]\n---\nmodels: [vgg11]\n", ["line 2", "not valid YAML"]),
        ("", ["expected a mapping of keys to values, found nothing"]),
        ("resnet18\n", ["expected a mapping of keys to values, found a text"]),
        ("[resnet18]\n", ["expected a mapping of keys to values, found a list"]),
        ("models: " + "[" * 1500, ["not valid YAML"]),
        ("tools: [thop]\n", ["the key 'models' is missing"]),
        ("models: [resnet18]\ntool: [thop]\n", ["unknown key 'tool'; did you mean tools?"]),
        ("models: [resnet18]\nrefrence: macs\n", ["unknown key 'refrence'; did you mean reference?"]),
        ("models: [resnet18]\nzzz: 1\n", ["unknown key 'zzz'."]),
        ("modles: [resnet18]\n", ["unknown key 'modles'; did you mean models"]),
        ("models: resnet18\n", ["key 'models'", "list"]),
        ("models: []\n", ["key 'models'", "at least 1"]),
        ("models: [resnet18]\ntools: thop\n", ["key 'tools'", "list"]),
        ("models: [resnet18]\njobs: several\n", ["key 'jobs'", "integer"]),
        ("models: [resnet18]\njobs: 0\n", ["key 'jobs'", "1"]),
        ("models: [resnet18]\njobs: 1.5\n", ["key 'jobs'", "integer"]),
        ("models: [resnet18]\ntimeout_seconds: 0\n", ["key 'timeout_seconds'", "greater than 0"]),
        ("models: [resnet18]\ntimeout_seconds: .nan\n", ["key 'timeout_seconds'"]),
        ("models: [resnet18]\nseed: -1\n", ["key 'seed'", "0"]),
        ("models: [resnet18]\nmode: test\n", ["key 'mode'", "'eval'", "'train'"]),
        ("models: [resnet18]\nreference: [macs]\n", ["key 'reference'", "string"]),
        ("models: [resnet18]\nreference: mac\n", ["unknown convention 'mac'; did you mean macs?"]),
        ("models: [resnet18]\ntools: [tohp]\n", ["unknown tool 'tohp'; did you mean thop?"]),
        ("models: [resnet18]\ntools: []\n", ["no tool is named", "torchinfo"]),
        ("models: [resnet81]\n", ["unknown model 'resnet81'; did you mean resnet18"]),
        ("models: ['zzz*']\n", ["'zzz*'"]),
        ("models: ['nowhere:net']\n", ["nowhere:net", "no module 'nowhere'"]),
        ("models: [{name: resnet18, input: 3 by 224}]\n", ["'3 by 224'"]),
        ("models: [{name: resnet18, inptu: 1x3x8x8}]\n", ["inptu", "input"]),
        ("models: [{name: resnet18}]\n", ["input", "missing"]),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_place(write: Write, text: str, parts: list[str]) -> None:
    path = write(text)
    with pytest.raises(ReconcileError) as refused:
        make_plan(config_file=path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "weekly.yaml").write_text("models: [resnet18]\n", encoding="utf-8")
    missing = tmp_path / "weekyl.yaml"
    with pytest.raises(ReconcileError, match=r"there is no file .*weekyl\.yaml; did you mean weekly\.yaml\?"):
        make_plan(config_file=missing)
    with pytest.raises(ReconcileError, match=r"there is no file .*mine\.yaml\."):
        make_plan(config_file=tmp_path / "no" / "mine.yaml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReconcileError, match="is not a file"):
        make_plan(config_file=tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"models: [caf\xe9]\n")
    with pytest.raises(ReconcileError, match=r"latin\.yaml cannot be read"):
        make_plan(config_file=tmp_path / "latin.yaml")
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(ReconcileError, match=r"huge\.yaml is larger than"):
        make_plan(config_file=tmp_path / "huge.yaml")


def test_a_mistake_on_the_command_line_is_not_the_files(write: Write) -> None:
    path = write("models: [resnet18]\n")
    for arguments in ({"tools": ["tohp"]}, {"reference": "mac"}, {"names": ["resnet81"]}, {"inputs": ["big"]}):
        with pytest.raises(ReconcileError) as refused:
            make_plan(config_file=path, **arguments)  # type: ignore[arg-type]  # any mix of options
        assert "mine.yaml" not in str(refused.value)
