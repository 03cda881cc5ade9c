"""torchvision's models: names, the inputs that their weights' metadata state, and building without a download."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from threading import RLock
from typing import Any, Literal

import torch
import torchvision.models
from torch import nn
from torch.overrides import TorchFunctionMode

from reconcile.errors import ModelError, ReconcileError, describe_exception
from reconcile.zoo.arguments import join_arguments
from reconcile.zoo.inputs import InputSpec, TensorInput

Initialization = Literal["random", "zeros", "unwritten"]
"""What a model's parameters are: as its builder makes them, zeros, or memory as it comes, for runs that do not compute.

Arithmetic on memory as it comes is slow where that holds subnormal numbers: it takes zeros.
"""

FRAMES = 16
"""Length of the clip for which torchvision publishes its video models' operations; their metadata does not say."""

FLOW_SIZE = 512
"""Size of the two images for which torchvision publishes its optical flow models' operations; the same holds."""


@cache
def all_names() -> tuple[str, ...]:
    """Names of all models, in alphabetical order."""
    return tuple(sorted(torchvision.models.list_models()))


@cache
def default_inputs(name: str) -> InputSpec:
    """Return one sample of the size that goes with the default weights.

    For images and clips, the size to which the weights' transforms crop or resize; for detection, an image as large
    as the model resizes to.

    Raises:
        ReconcileError: Neither the weights nor the model state a size.
    """
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
    arguments: Mapping[str, Any],
    inputs: InputSpec,
    device: Literal["cpu", "meta"],
    parameters: Initialization,
) -> nn.Module:
    """Build a model without weights; ``parameters`` says what it is filled with.

    ``arguments`` are the builder's. An architecture made for one size of image (its constructor takes an
    ``image_size``) is built for the size of these inputs, as torchvision does for its own weights of another size; and
    with parameters of the inputs' floating type.

    Raises:
        ModelError: torchvision cannot build the model so, or not on this device.
    """
    chosen = {**_no_backbone_weights(name), **_image_size(name, inputs), **arguments}
    try:
        with (
            _ONE_AT_A_TIME,
            _WithoutData() if device == "meta" else nullcontext(),
            nullcontext() if parameters == "random" else _instead_of_random_numbers(parameters),
        ):
            module: nn.Module = torchvision.models.get_model(name, weights=None, **chosen)
        types = dict.fromkeys(getattr(torch, tensor.dtype) for tensor in inputs.tensors)
        floating = [dtype for dtype in types if dtype.is_floating_point]
        if floating and floating != [torch.float32]:
            module = module.to(floating[0])
        return module.to("meta") if device == "meta" else module
    except Exception as error:
        called = join_arguments(name, arguments)
        raise ModelError(f"{called} cannot be built for input {inputs} ({describe_exception(error)}).") from error


_ONE_AT_A_TIME = RLock()
"""Building replaces functions of ``torch.nn.init``, which are those of the whole process: threads take turns."""


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


class _WithoutData(TorchFunctionMode):
    """While active, tensors that are made to be filled hold no data; those that are computed stay real.

    A model may compute with small tensors while it is built (widths, indices), and read their values.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLED and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)


_FILLED = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn}


@contextmanager
def _instead_of_random_numbers(parameters: Initialization) -> Iterator[None]:
    """Let ``torch.nn.init`` fill with zeros or not at all: counts depend on no values, and random numbers take time."""

    def fill(tensor: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        with torch.no_grad():
            return tensor if parameters == "unwritten" or tensor.device.type == "meta" else tensor.zero_()

    # A layer that has imported a function of nn.init by its name still calls what that function is made of.
    originals = {
        name: value
        for name, value in vars(nn.init).items()
        if name.endswith("_") and (not name.startswith("_") or name.startswith("_no_grad_"))
    }
    try:
        for name in originals:
            setattr(nn.init, name, fill)
        yield
    finally:
        for name, value in originals.items():
            setattr(nn.init, name, value)
