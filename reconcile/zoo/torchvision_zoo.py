"""torchvision's models: names, the inputs that their weights' metadata states, and building without a download."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Literal

import torch
import torchvision.models
from torch import nn

from reconcile.errors import ModelError, ReconcileError, describe_exception
from reconcile.zoo.inputs import InputSpec, TensorInput


@cache
def classification_names() -> tuple[str, ...]:
    """Names of the classification models, in alphabetical order."""
    return tuple(sorted(torchvision.models.list_models(module=torchvision.models)))


@cache
def all_names() -> tuple[str, ...]:
    """Names of all models, in alphabetical order."""
    return tuple(sorted(torchvision.models.list_models()))


@cache
def default_inputs(name: str) -> InputSpec:
    """Return one image of the size to which the default weights' transforms crop.

    Raises:
        ReconcileError: The metadata of the weights states no single crop size.
    """
    weights = torchvision.models.get_model_weights(name).DEFAULT
    crop = getattr(weights.transforms(), "crop_size", None)
    if name not in classification_names() or crop is None:
        raise ReconcileError(
            f"the weights of '{name}' state no input size: say which with --input, as in --input 1x3x224x224."
        )
    sizes = [crop] if isinstance(crop, int) else list(crop)
    height, width = sizes if len(sizes) == 2 else (sizes[0], sizes[0])
    return InputSpec((TensorInput((1, 3, height, width)),))


def build(name: str, inputs: InputSpec, device: Literal["cpu", "meta"], *, initialize: bool) -> nn.Module:
    """Build a model without weights; ``initialize`` says whether its parameters are random numbers or zeros.

    An architecture made for one image size (it says so in its attribute ``image_size``) is built for the input's,
    as torchvision does for its own weights of another size.

    Raises:
        ModelError: torchvision cannot build the model for this input, or not on this device.
    """
    try:
        with torch.device(device), nullcontext() if initialize else _zeros_for_random_numbers():
            module: nn.Module = torchvision.models.get_model(name, weights=None, **_no_backbone_weights(name))
            height = (
                inputs.positional[0].shape[-2] if inputs.positional and len(inputs.positional[0].shape) > 2 else None
            )
            if height is not None and getattr(module, "image_size", height) != height:
                module = torchvision.models.get_model(name, weights=None, image_size=height)
    except Exception as error:
        raise ModelError(f"{name} cannot be built for input {inputs} ({describe_exception(error)}).") from error
    return module


def _no_backbone_weights(name: str) -> dict[str, Any]:
    """Segmentation and detection models would download a backbone's weights unless they are told not to."""
    builder = torchvision.models.get_model_builder(name)
    return {"weights_backbone": None} if "weights_backbone" in inspect.signature(builder).parameters else {}


@contextmanager
def _zeros_for_random_numbers() -> Iterator[None]:
    """Let ``torch.nn.init`` fill with zeros: counts do not depend on values, and random numbers take their time.

    Memory as it comes would do for the counts too, but it may hold subnormal numbers, on which arithmetic is slow.
    """

    def fill(tensor: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        with torch.no_grad():
            return tensor.zero_()

    originals = {
        name: value for name, value in vars(nn.init).items() if name.endswith("_") and not name.startswith("_")
    }
    try:
        for name in originals:
            setattr(nn.init, name, fill)
        yield
    finally:
        for name, value in originals.items():
            setattr(nn.init, name, value)
