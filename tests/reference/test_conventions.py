"""Conventions as data: what comes with the project, and what a user writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcile.errors import ReconcileError
from reconcile.reference import convention_names, load_convention

HEAD = "name: own\nunit: MAC\ndescription: d\nsource: s\n"


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", convention_names())
def test_every_convention_loads_and_says_where_it_comes_from(name: str) -> None:
    convention = load_convention(name)
    assert convention.name == name
    assert convention.description.endswith(".")
    assert convention.source.endswith(".")


def test_a_convention_extends_others_and_the_last_word_counts(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", HEAD + "weights: {mac: 1, bias: 5}\nkinds: {relu: {activation: 2}}\n")
    top = write(
        tmp_path,
        "top.yaml",
        HEAD + "extends: [effective-macs, base.yaml]\nweights: {bias: 1}\nkinds: {linear: {mac: 3}}\n",
    )
    found = load_convention(top)
    assert found.weights == {"mac": 1, "padding_mac": -1, "bias": 1}
    assert found.value("linear", {"mac": 10, "bias": 2}) == 30
    assert found.value("relu", {"activation": 7}) == 14
    assert found.value("convolution", {"mac": 10, "padding_mac": 4, "bias": 2}) == 8


def test_what_is_refused_is_extended_too(tmp_path: Path) -> None:
    found = load_convention(write(tmp_path, "own.yaml", HEAD + "extends: [multiply-adds]\n"))
    base = load_convention("multiply-adds")
    assert (found.unlisted, found.leaf_types, found.kinds) == ("error", base.leaf_types, base.kinds)
    open_ = load_convention(
        write(tmp_path, "open.yaml", HEAD + "extends: [multiply-adds]\nunlisted: weights\nleaf_types: null\n")
    )
    assert (open_.unlisted, open_.leaf_types) == ("weights", None)


def test_a_base_that_says_nothing_takes_nothing_back(tmp_path: Path) -> None:
    write(tmp_path, "strict.yaml", HEAD + "unlisted: error\nleaf_types: [torch.nn.Linear]\n")
    write(tmp_path, "plain.yaml", HEAD + "weights: {mac: 1}\n")
    found = load_convention(write(tmp_path, "own.yaml", HEAD + "extends: [strict.yaml, plain.yaml]\n"))
    assert (found.unlisted, found.leaf_types) == ("error", ["torch.nn.Linear"])


def test_a_kind_holds_in_every_dimension_unless_one_is_named(tmp_path: Path) -> None:
    found = load_convention(
        write(tmp_path, "own.yaml", HEAD + "kinds: {average_pool: {pool: 1}, average_pool3d: {pool: 7}}\n")
    )
    assert found.value("average_pool2d", {"pool": 2}) == 2
    assert found.value("average_pool3d", {"pool": 2}) == 14


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("extends: [mac]\n", r"key 'extends': unknown convention 'mac'; did you mean macs"),
        ("extends: [none.yaml]\n", r"there is no file .*none.yaml"),
        ("extends: [own.yaml]\n", r"own.yaml: key 'extends': the file extends itself, by way of own.yaml"),
        ("extends: [../{folder}/own.yaml]\n", r"own.yaml: key 'extends': the file extends itself, by way of own.yaml"),
        ("weights: {mac: 0x" + "1" * 5000 + "}\n", r"key 'weights.mac'"),
        ("extends: [exact-flops]\n", r"exact-flops counts in FLOP, not in MAC"),
        ("extends: macs\n", r"key 'extends'"),
        ("weights: {macs: 1}\n", r"unknown term 'macs'; did you mean mac"),
        ("weights: {mac: 1.5}\n", r"key 'weights.mac'"),
        ("weights: {mac: .nan}\n", r"key 'weights.mac'"),
        ("kinds: {convolutoin: {mac: 1}}\n", r"unknown kind of layer 'convolutoin'; did you mean convolution"),
        ("kinds: {linear: {macs: 1}}\n", r"unknown term 'macs'"),
        ("kinds: {linear: 1}\n", r"key 'kinds.linear'"),
        ("leaf_types: torch.nn.Linear\n", r"key 'leaf_types'"),
        ("wieghts: {mac: 1}\n", r"unknown key 'wieghts'; did you mean weights"),
    ],
)
def test_what_is_no_convention_is_one_sentence_with_the_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ReconcileError, match=says) as raised:
        load_convention(write(tmp_path, "own.yaml", HEAD + text.replace("{folder}", tmp_path.name)))
    assert "own.yaml" in str(raised.value) or "none.yaml" in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_a_file_that_is_reached_many_ways_is_loaded_once(tmp_path: Path) -> None:
    for number in range(40):  # 2 to the 40 ways
        write(tmp_path, f"{number}.yaml", HEAD + f"extends: [{number + 1}.yaml, {number + 1}.yaml]\n")
    write(tmp_path, "40.yaml", HEAD + "weights: {mac: 7}\n")
    assert load_convention(str(tmp_path / "0.yaml")).weights == {"mac": 7}
