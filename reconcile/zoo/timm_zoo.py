"""timm's models, ``timm/NAME``: names, the inputs that their configurations state, and building without a download."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from typing import Any

from torch import nn

from reconcile.errors import ReconcileError, describe_exception
from reconcile.zoo.arguments import Plain, join_arguments
from reconcile.zoo.initialization import Device, Initialization, construct
from reconcile.zoo.inputs import InputSpec, TensorInput

LIBRARY = "timm"
"""The distribution that these models come from, imported by the same name."""

PREFIX = "timm/"
"""How the names of these models begin."""

REFUSED = ("pretrained", "checkpoint", "cache")
"""How arguments begin that would load something."""


def is_installed() -> bool:
    """Whether timm can be found."""
    try:
        metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        return False
    return True


@cache
def all_names() -> tuple[str, ...]:
    """Names of all models, in alphabetical order, without the tags of their weights.

    Raises:
        ReconcileError: timm is not installed, or cannot be imported.
    """
    return tuple(sorted(f"{PREFIX}{name}" for name in _timm().list_models()))


def is_name(name: str) -> bool:
    """Whether there is such a model, named with or without the tag of its weights (``timm/resnet18.a1_in1k``).

    Raises:
        ReconcileError: timm is not installed, or cannot be imported.
    """
    return name in all_names() or name in _tagged_names()


def default_inputs(name: str, arguments: Mapping[str, Plain]) -> InputSpec:
    """Return one image of the size that the configuration states, that of the weights if their tag is in the name.

    The arguments ``in_chans`` and ``img_size`` of the builder state another one.

    Raises:
        ReconcileError: timm is not installed, or these arguments are no sizes.
    """
    channels, height, width = _configuration(name).input_size
    channels = arguments.get("in_chans") or channels
    size = arguments.get("img_size") or (height, width)
    sizes = tuple(size) if isinstance(size, Sequence) else (size, size)
    shape = (1, channels, *sizes)
    if len(shape) != 4 or not all(isinstance(axis, int) and axis > 0 for axis in shape):
        raise ReconcileError(f"{join_arguments(name, arguments)}: in_chans or img_size is no size of an image.")
    return InputSpec((TensorInput(shape),))


def build(
    name: str,
    arguments: Mapping[str, Plain],
    inputs: InputSpec,
    device: Device,
    parameters: Initialization,
) -> nn.Module:
    """Build a model without weights; ``parameters`` says what it is filled with.

    ``arguments`` are the builder's. A model whose configuration says that it is made for one size of image is built
    for the size of these inputs, unless the arguments say otherwise; and with parameters of the inputs' floating type.

    Raises:
        ReconcileError: timm is not installed.
        ModelError: timm cannot build the model so, or not on this device.
    """
    library = _timm()
    chosen: dict[str, Any] = {**_image_size(name, arguments, inputs), **arguments}
    return construct(
        join_arguments(name, arguments),
        lambda: library.create_model(name.removeprefix(PREFIX), pretrained=False, **chosen),
        inputs,
        device,
        parameters,
        initializers=(library.layers.weight_init,),
    )


def _timm() -> Any:
    if not is_installed():
        raise ReconcileError(f"the models {PREFIX}NAME need timm: pip install 'reconcile-flops[timm]'.")
    try:
        return importlib.import_module(LIBRARY)
    except Exception as error:
        raise ReconcileError(f"timm is installed, and cannot be imported ({describe_exception(error)}).") from error


@cache
def _tagged_names() -> frozenset[str]:
    return frozenset(f"{PREFIX}{name}" for name in _timm().list_models(include_tags=True))


def _configuration(name: str) -> Any:
    return _timm().models.get_pretrained_cfg(name.removeprefix(PREFIX))


def _image_size(name: str, arguments: Mapping[str, Plain], inputs: InputSpec) -> dict[str, Any]:
    """The size of the inputs for a model that is made for one size, where the configuration states another."""
    configuration = _configuration(name)
    shape = inputs.tensors[0].shape if inputs.tensors else ()
    takes_any = arguments.get("dynamic_img_size") or arguments.get("strict_img_size") is False
    if not configuration.fixed_input_size or takes_any or len(shape) != 4:
        return {}
    size = shape[-2:]
    return {} if size == tuple(configuration.input_size[-2:]) else {"img_size": size}
