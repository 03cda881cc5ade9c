"""torchvision's models: names, the inputs that their weights' metadata state, and building without a download."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torchvision.models
from torch import nn

from reconcile.errors import ReconcileError
from reconcile.zoo.arguments import Plain, join_arguments
from reconcile.zoo.initialization import Device, Initialization, construct
from reconcile.zoo.inputs import InputSpec, TensorInput

LIBRARY = "torchvision"
"""The distribution that these models come from, imported by the same name."""

REFUSED = ("weights",)
"""How arguments begin that would load something."""

FRAMES = 16
"""Length of the clip for which torchvision publishes its video models' operations; their metadata does not say."""

FLOW_SIZE = 512
"""Size of the two images for which torchvision publishes its optical flow models' operations; the same holds."""


@cache
def all_names() -> tuple[str, ...]:
    """Names of all models, in alphabetical order."""
    return tuple(sorted(torchvision.models.list_models()))


def is_name(name: str) -> bool:
    """Whether there is such a model."""
    return name in all_names()


def default_inputs(name: str, _: Mapping[str, Plain]) -> InputSpec:
    """Return one sample of the size that goes with the default weights, whatever the builder's arguments.

    Raises:
        ReconcileError: Neither the weights nor the model state a size.
    """
    return _default_inputs(name)


@cache
def _default_inputs(name: str) -> InputSpec:
    """For images and clips, the size to which the weights' transforms crop or resize; for detection, an image as large
    as the model resizes to."""
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    size = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None)
    if name in _names_in(torchvision.models.optical_flow):
        return InputSpec((TensorInput((1, 3, FLOW_SIZE, FLOW_SIZE)),) * 2)
    if name in _names_in(torchvision.models.detection):
        return InputSpec(((TensorInput((3, *_resized(name))),),))
    if size is None:
        raise ReconcileError(
            f"the weights of '{name}' state no input size: say which with --input, as in --input 1x3x224x224."
        )
    clip = (FRAMES,) if name in _names_in(torchvision.models.video) else ()
    return InputSpec((TensorInput((1, 3, *clip, *_height_and_width(size))),))


def build(
    name: str,
    arguments: Mapping[str, Plain],
    inputs: InputSpec,
    device: Device,
    parameters: Initialization,
) -> nn.Module:
    """Build a model without weights; ``parameters`` says what it is filled with.

    ``arguments`` are the builder's. An architecture made for one size of image (its constructor takes an
    ``image_size``) is built for the size of these inputs, as torchvision does for its own weights of another size; and
    with parameters of the inputs' floating type.

    Raises:
        ModelError: torchvision cannot build the model so, or not on this device.
    """
    chosen: dict[str, Any] = {**_no_backbone_weights(name), **_image_size(name, inputs), **arguments}
    return construct(
        join_arguments(name, arguments),
        lambda: torchvision.models.get_model(name, weights=None, **chosen),
        inputs,
        device,
        parameters,
    )


def _names_in(package: Any) -> tuple[str, ...]:
    return tuple(torchvision.models.list_models(module=package))


def _height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    sizes = [size] if isinstance(size, int) else list(size)
    return (sizes[0], sizes[-1])


@cache
def _resized(name: str) -> tuple[int, int]:
    """The square to which a detection model resizes a square image."""
    transform = build(name, {}, InputSpec(), "meta", "unwritten").transform
    assert isinstance(transform, nn.Module)
    fixed: Any = getattr(transform, "fixed_size", None)
    if fixed is not None:
        return _height_and_width(fixed)
    smallest: Any = transform.min_size
    return _height_and_width(smallest[-1])


def _image_size(name: str, inputs: InputSpec) -> dict[str, int]:
    built = inspect.signature(torchvision.models.get_model_builder(name)).return_annotation
    takes_size = inspect.isclass(built) and "image_size" in inspect.signature(built).parameters
    shape = inputs.tensors[0].shape if inputs.tensors else ()
    return {"image_size": shape[-2]} if takes_size and len(shape) > 2 else {}


def _no_backbone_weights(name: str) -> dict[str, Any]:
    """Segmentation and detection models would download a backbone's weights unless they are told not to."""
    builder = torchvision.models.get_model_builder(name)
    return {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}
