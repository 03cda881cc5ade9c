"""What tools print in tables that were published: the tools themselves, row by row, against arithmetic by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconcile.cli import main
from tests.reference.published import by_hand

Values = dict[tuple[str, str], dict[str, int]]
"""By tool and metric, the value of each layer."""


def run(folder: Path, tools: str, *arguments: str) -> Values:
    """Run tools on a model; return what each layer's row holds."""
    assert main(["run", *arguments, "--tools", tools, "--out", str(folder)]) == 0
    found: Values = {}
    with (folder / "layers.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["tool"], row["metric"]), {})[row["layer"]] = int(row["value"])
    return found


# --- mmengine ---


def test_mmengine_on_a_convolution(tmp_path: Path) -> None:
    found = run(tmp_path / "run", "mmengine", "tests.tools.published:convolution")
    totals = {metric: sum(layers.values()) for (_, metric), layers in found.items()}
    assert totals == {"compute": 10 * 8 * 8 * 3 * 3 * 3, "activations": 640, "params": 280}


def test_mmengine_on_a_network_in_a_network(tmp_path: Path) -> None:
    found = run(tmp_path / "run", "mmengine", "tests.tools.published:outer")
    totals = {metric: sum(layers.values()) for (_, metric), layers in found.items()}
    assert totals == {"compute": 400, "activations": 40, "params": 440}
    counted = {layer: value for layer, value in found["mmengine", "compute"].items() if value}
    assert counted == dict.fromkeys(["fc1", "fc2", "inner.fc1", "inner.fc2"], 100)


@pytest.mark.parametrize(("mode", "total"), [("train", 4_144_854_528), ("eval", 4_111_512_576)])
def test_mmengine_on_resnet50(tmp_path: Path, mode: str, total: int) -> None:
    found = run(tmp_path / "run", "mmengine", "resnet50", "--mode", mode)
    assert sum(found["mmengine", "compute"].values()) == total
    assert sum(found["mmengine", "params"].values()) == 25_557_032


# --- torchstat and torchsummary on VGG-16 ---


@dataclass(frozen=True)
class Row:
    """A layer as both tables have it: parameters, elements of its output, torchstat's Flops and MAdd."""

    path: str
    parameters: int
    outputs: int
    flops: int
    madd: int


def vgg16() -> Iterator[Row]:
    """The 39 layers, from the sizes of the paper's configuration D on an image of 224 x 224."""
    place = 0
    for number, layer in enumerate(by_hand.VGG16):
        parameters = 9 * layer.channels * layer.filters + layer.filters
        # 9 x channels products and as many sums with the bias; its "Flops" are the products and the bias.
        yield Row(f"features.{place}", parameters, layer.outputs, layer.products + layer.outputs, 2 * layer.products)
        yield Row(f"features.{place + 1}", 0, layer.outputs, layer.outputs, layer.outputs)
        place += 2
        if number in (1, 3, 6, 9, 12):
            pooled = layer.outputs // 4
            yield Row(f"features.{place}", 0, pooled, layer.outputs, 3 * pooled)
            place += 1
    yield Row("avgpool", 0, 512 * 7 * 7, 0, 0)
    for place, (inputs, outputs) in zip((0, 3, 6), by_hand.VGG16_LINEAR, strict=True):
        parameters = inputs * outputs + outputs
        yield Row(f"classifier.{place}", parameters, outputs, inputs * outputs, (2 * inputs - 1) * outputs)
        if place < 6:
            yield Row(f"classifier.{place + 1}", 0, outputs, outputs, outputs)
            yield Row(f"classifier.{place + 2}", 0, outputs, 0, 0)


def test_vgg16_by_hand_is_as_published() -> None:
    rows = list(vgg16())
    assert len(rows) == 39
    assert sum(row.parameters for row in rows) == 138_357_544
    assert sum(row.madd for row in rows) == 30_958_666_264
    assert sum(row.flops for row in rows) == 15_503_489_024


def test_vgg16_row_by_row(tmp_path: Path) -> None:
    found = run(tmp_path / "run", "torchstat-flops,torchstat-madd,torchsummary", "vgg16")
    rows = {row.path: row for row in vgg16()}

    def said(tool: str, metric: str) -> dict[str, int]:
        return {path: value for path, value in found[tool, metric].items() if path in rows}

    assert said("torchstat-flops", "compute") == {path: row.flops for path, row in rows.items()}
    assert said("torchstat-madd", "compute") == {path: row.madd for path, row in rows.items()}
    for tool in ("torchstat-flops", "torchstat-madd", "torchsummary"):
        assert said(tool, "params") == {path: row.parameters for path, row in rows.items()}
    assert said("torchstat-madd", "memory") == {path: 4 * row.outputs for path, row in rows.items()}
    assert said("torchsummary", "memory") == {
        path: 4 * (2 * row.outputs + row.parameters) for path, row in rows.items()
    }
    # Its input: 0.57 MB, and 747.15 MB in all.
    assert f"{(sum(found['torchsummary', 'memory'].values())) / 2**20:.2f}" == "747.15"
    assert f"{sum(found['torchstat-madd', 'memory'].values()) / 2**20:.2f}" == "109.39"
