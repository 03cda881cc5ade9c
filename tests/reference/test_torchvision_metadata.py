"""torchvision publishes operations (GFLOPS, which are multiply-adds) and parameters with each of its 166 weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torchvision.models

from reconcile.reference import COUNTING, ReferenceCount, count_trace, load_convention
from reconcile.trace import trace_spec
from reconcile.zoo import parse_inputs, resolve

ALL_WEIGHTS = [
    (name, weights.name)
    for name in torchvision.models.list_models()
    for weights in torchvision.models.get_model_weights(name)
]

# How torchvision builds a model for its weights, where that differs from how it builds it without.
SEGMENTATION = (
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet101",
    "deeplabv3_resnet50",
    "fcn_resnet101",
    "fcn_resnet50",
)
ARGUMENTS = dict.fromkeys(SEGMENTATION, "(aux_loss=True)") | dict.fromkeys(
    ("googlenet", "quantized_googlenet"), "(aux_logits=False)"
)

# With weights these have frozen batch normalizations in the backbone, whose scale and shift are no parameters.
FROZEN = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fcos_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
)

# Two stages: how many regions the second one gets, and on how many detections masks or keypoints are computed, depends
# on the values of weights and image. Published are the operations for these numbers of regions and detections.
PUBLISHED_REGIONS = {
    ("fasterrcnn_mobilenet_v3_large_320_fpn", "COCO_V1"): (0, 0),
    ("fasterrcnn_mobilenet_v3_large_fpn", "COCO_V1"): (0, 0),
    ("fasterrcnn_resnet50_fpn", "COCO_V1"): (1000, 0),
    ("fasterrcnn_resnet50_fpn_v2", "COCO_V1"): (1000, 0),
    ("keypointrcnn_resnet50_fpn", "COCO_LEGACY"): (1000, 0),
    ("keypointrcnn_resnet50_fpn", "COCO_V1"): (1000, 1),
    ("maskrcnn_resnet50_fpn", "COCO_V1"): (1000, 0),
    ("maskrcnn_resnet50_fpn_v2", "COCO_V1"): (1000, 100),
}


def inputs_of(name: str, weights: Any) -> str:
    """The input for which the weights' operations are published."""
    transforms = weights.transforms()
    if name.startswith("raft"):
        return "1x3x512x512,1x3x512x512"
    if "320" in name:
        return "[3x320x320]"
    if name == "ssd300_vgg16":
        return "[3x300x300]"
    if not hasattr(transforms, "resize_size"):
        return "[3x800x800]"
    if not hasattr(transforms, "crop_size"):
        (size,) = transforms.resize_size
        return f"1x3x{size}x{size}"
    crop = list(transforms.crop_size) * 2
    clip = "16x" if "KINETICS400" in weights.name else ""
    return f"1x3x{clip}{crop[0]}x{crop[1]}"


def counted(name: str, weights: Any) -> ReferenceCount:
    spec = resolve(name + ARGUMENTS.get(name, ""), parse_inputs([inputs_of(name, weights)]))
    return count_trace(trace_spec(spec, detail=COUNTING)[0], load_convention("macs"))


def regions(found: ReferenceCount, layer: str) -> int:
    outputs = (atom.call.output for atom in found.atoms if atom.call.name == "torchvision.roi_align")
    layers = (atom.layer for atom in found.atoms if atom.call.name == "torchvision.roi_align")
    return sum(output.shape[0] for output, at in zip(outputs, layers, strict=True) if at == f"roi_heads.{layer}")


def per_region(found: ReferenceCount, *layers: str) -> int:
    """What the second stage counts in the named layers, for one region."""
    below = {path: value for path, value in found.by_layer().items() if path.startswith(layers)}
    (number,) = {atom.call.output.shape[0] for atom in found.atoms if atom.layer in below and atom.terms.get("mac")}
    assert sum(below.values()) % number == 0
    return sum(below.values()) // number


def parameters_of_normalizations(found: ReferenceCount, below: str) -> int:
    return sum(
        found.trace.parameters[parameter].elements
        for path, module in found.trace.modules.items()
        if path.startswith(below) and module.type == "torch.nn.BatchNorm2d"
        for parameter in module.parameters.values()
    )


def cases() -> Iterator[Any]:
    for name, member in ALL_WEIGHTS:
        default = torchvision.models.get_model_weights(name).DEFAULT.name == member
        slow = not default or name in torchvision.models.list_models(module=torchvision.models.detection)
        yield pytest.param(name, member, marks=[pytest.mark.slow] if slow else [])


def test_there_are_as_many_weights_as_known() -> None:
    assert len(ALL_WEIGHTS) == 166


@pytest.mark.parametrize(("name", "member"), list(cases()))
def test_operations_and_parameters_are_as_published(name: str, member: str) -> None:
    weights = torchvision.models.get_model_weights(name)[member]
    found = counted(name, weights)
    assert not found.uncovered
    frozen = parameters_of_normalizations(found, "backbone.body") if name in FROZEN else 0
    assert found.parameters - frozen == weights.meta["num_params"]
    total = found.total
    if (name, member) in PUBLISHED_REGIONS:
        published_regions, published_detections = PUBLISHED_REGIONS[name, member]
        boxes = per_region(found, "roi_heads.box_head", "roi_heads.box_predictor")
        total += (published_regions - regions(found, "box_roi_pool")) * boxes
        for kind in ("mask", "keypoint"):
            if number := regions(found, f"{kind}_roi_pool"):
                detections = per_region(found, f"roi_heads.{kind}_head", f"roi_heads.{kind}_predictor")
                total += (published_detections - number) * detections
    assert round(total / 1e9, 3) == weights.meta["_ops"]
