"""Which model, with which input: the zoos of torchvision and timm, and the user's own models."""

from reconcile.zoo import timm_zoo
from reconcile.zoo.initialization import Initialization
from reconcile.zoo.inputs import InputSpec, TensorInput, describe_inputs, parse_inputs
from reconcile.zoo.model import (
    BuiltModel,
    Mode,
    ModelSpec,
    build,
    check_mode,
    default_inputs,
    describe_requested_inputs,
    expand,
    resolve,
    specs,
)
from reconcile.zoo.torchvision_zoo import all_names

__all__ = [
    "BuiltModel",
    "Initialization",
    "InputSpec",
    "Mode",
    "ModelSpec",
    "TensorInput",
    "all_names",
    "build",
    "check_mode",
    "default_inputs",
    "describe_inputs",
    "describe_requested_inputs",
    "expand",
    "parse_inputs",
    "resolve",
    "specs",
    "timm_zoo",
]
