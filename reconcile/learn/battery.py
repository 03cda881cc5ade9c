"""The battery: small models of one layer each, in sizes that tell formulas apart.

A probe exercises one subject: a module, a function or an operator, in one setting (with and without bias, groups, ...).
Its model has the subject as its one child, or calls it as its one function, so that what a tool counts for the model
is what it counts for the subject.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

Kind = Literal["module", "function"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of one variant. Channels are multiples of six, so that they can be grouped; the rest share no factor."""

    batch: int
    channels: int
    out: int
    spatial: tuple[int, int, int]
    length: int
    features: int

    def image(self, dimensions: int) -> tuple[int, ...]:
        """Batch, channels and so many spatial axes."""
        return (self.batch, self.channels, *self.spatial[:dimensions])


VARIANTS = (
    Sizes(1, 6, 12, (17, 13, 11), 5, 14),
    Sizes(2, 12, 18, (11, 19, 13), 7, 22),
    Sizes(3, 18, 6, (13, 11, 17), 4, 10),
    Sizes(5, 6, 30, (19, 14, 10), 9, 26),
    Sizes(2, 24, 12, (10, 23, 12), 3, 34),
    Sizes(4, 12, 24, (15, 9, 14), 11, 38),
    Sizes(1, 30, 18, (12, 17, 9), 8, 46),
    Sizes(3, 6, 42, (21, 10, 13), 6, 58),
    Sizes(2, 18, 36, (14, 15, 16), 13, 62),
)
"""The sizes in which each probe is measured."""

KEPT_BACK = (4, 6)
"""Variants from which no formula is made: they decide between those that the others suggest."""

UNUSED = (7, 8)
"""Variants of which the learner sees nothing: what was learned has to predict them."""

OWN_PARAMETERS = 1
"""How many parameters the model of a probe has beside its subject's."""

UNKNOWN = "a layer of an unknown type"
UNKNOWN_TYPE = f"{__name__}.Unknown"

Made = tuple[Any, tuple[torch.Tensor, ...]]


@dataclass(frozen=True, slots=True)
class Probe:
    """One subject in one setting. ``make`` returns the module or the function, and what it is called with."""

    subject: str
    kind: Kind
    setting: str
    make: Callable[[Sizes], Made] = field(repr=False)


class _Model(nn.Module):
    """Calls a layer or a function. It has a parameter of its own, since some tools take no model without one."""

    def __init__(self, subject: Any, past_hooks: bool) -> None:
        super().__init__()
        self.subject = subject
        self.past_hooks = past_hooks
        self.unused = nn.Parameter(torch.zeros(OWN_PARAMETERS))

    def call(self, *inputs: torch.Tensor) -> Any:
        """Call the subject; if it is a module, perhaps without its hooks."""
        return self.subject.forward(*inputs) if self.past_hooks else self.subject(*inputs)


class OfOne(_Model):
    """A model with one input."""

    def forward(self, first: torch.Tensor) -> Any:
        """Call the subject."""
        return self.call(first)


class OfTwo(_Model):
    """A model with two inputs."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> Any:
        """Call the subject."""
        return self.call(first, second)


class OfThree(_Model):
    """A model with three inputs."""

    def forward(self, first: torch.Tensor, second: torch.Tensor, third: torch.Tensor) -> Any:
        """Call the subject."""
        return self.call(first, second, third)


class OfAnImage(_Model):
    """A model with one image as its input, of which it cuts the inputs of the subject."""

    def __init__(self, subject: Any, past_hooks: bool, inputs: Sequence[torch.Tensor]) -> None:
        super().__init__(subject, past_hooks)
        self.inputs = [(tuple(value.shape), value.dtype) for value in inputs]

    def forward(self, image: torch.Tensor) -> Any:
        """Cut the image up, and call the subject. Where it takes integers, they are 0 to 4."""
        pieces = image.flatten().split([math.prod(shape) for shape, _ in self.inputs])
        return self.call(
            *(
                piece.reshape(shape) if dtype.is_floating_point else (5 * piece).to(dtype).reshape(shape)
                for piece, (shape, dtype) in zip(pieces, self.inputs, strict=True)
            )
        )


_MODELS = (OfOne, OfTwo, OfThree)


def probe(
    subject: str, setting: str, variant: int, one_image: bool = False, past_hooks: bool = False
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """Return the model and the inputs of one probe, as an import path can name them.

    ``one_image``: the model has one image as its input, for a tool that takes nothing else.
    ``past_hooks``: the model calls the forward method of the module.
    """
    found = by_name()[subject, setting]
    sizes = VARIANTS[variant]
    made, inputs = found.make(replace(sizes, batch=1) if one_image else sizes)
    if one_image and not (len(inputs) == 1 and inputs[0].dim() == 4):
        return OfAnImage(made, past_hooks, inputs), (torch.rand(1, sum(value.numel() for value in inputs), 1, 1),)
    return _MODELS[len(inputs) - 1](made, past_hooks), inputs


@cache
def by_name() -> Mapping[tuple[str, str], Probe]:
    """Return every probe by subject and setting."""
    return {(item.subject, item.setting): item for item in (*_modules(), *_functions())}


def _modules() -> Iterator[Probe]:
    for dimensions in (1, 2, 3):
        yield from _convolutions(dimensions)
        yield from _normalizations(dimensions)
        yield from _poolings(dimensions)
    yield from _linear()
    yield from _activations()
    yield from _resampling()
    yield from _recurrent()
    yield from _others()


def _module(name: str, setting: str, make: Callable[[Sizes], Made]) -> Probe:
    return Probe(f"torch.nn.{name}", "module", setting, make)


def _convolutions(dimensions: int) -> Iterator[Probe]:
    settings: Mapping[str, Mapping[str, Any]] = {
        "": {},
        "without bias": {"bias": False},
        "grouped": {"groups": 2},
        "depthwise, without bias": {"groups": 6, "bias": False},
        "dilated, padded": {"dilation": 2, "padding": 2},
        "strided, larger": {"stride": 2, "kernel_size": 5},
    }
    for kind in ("Conv", "ConvTranspose"):
        for setting, options in settings.items():

            def make(sizes: Sizes, name: str = f"{kind}{dimensions}d", options: Mapping[str, Any] = options) -> Made:
                layer = getattr(nn, name)(sizes.channels, sizes.out, **{"kernel_size": 3, **options})
                return layer, (torch.rand(sizes.image(dimensions)),)

            yield _module(f"{kind}{dimensions}d", setting, make)


def _normalizations(dimensions: int) -> Iterator[Probe]:
    for kind in ("BatchNorm", "InstanceNorm"):
        for setting, affine in (("affine", True), ("plain", False)):

            def make(sizes: Sizes, name: str = f"{kind}{dimensions}d", affine: bool = affine) -> Made:
                return getattr(nn, name)(sizes.channels, affine=affine), (torch.rand(sizes.image(dimensions)),)

            yield _module(f"{kind}{dimensions}d", setting, make)


_POOLINGS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "overlapping": {"stride": 1},
    "padded": {"padding": 1},
    "smaller": {"kernel_size": 2},
}


def _poolings(dimensions: int) -> Iterator[Probe]:
    for kind in ("AvgPool", "MaxPool"):
        for setting, options in _POOLINGS.items():

            def make(sizes: Sizes, name: str = f"{kind}{dimensions}d", options: Mapping[str, Any] = options) -> Made:
                layer = getattr(nn, name)(**{"kernel_size": 3, **options})
                return layer, (torch.rand(sizes.image(dimensions)),)

            yield _module(f"{kind}{dimensions}d", setting, make)
    for kind in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
        for target in (1, 4):

            def adapt(sizes: Sizes, name: str = f"{kind}{dimensions}d", target: int = target) -> Made:
                return getattr(nn, name)(target), (torch.rand(sizes.image(dimensions)),)

            yield _module(f"{kind}{dimensions}d", f"to {target}", adapt)


def _rows(sizes: Sizes) -> tuple[torch.Tensor, ...]:
    return (torch.rand(sizes.batch, sizes.length, sizes.features),)


def _linear() -> Iterator[Probe]:
    for setting, bias in (("", True), ("without bias", False)):

        def flat(sizes: Sizes, bias: bool = bias) -> Made:
            return nn.Linear(sizes.features, sizes.out, bias=bias), (torch.rand(sizes.batch, sizes.features),)

        def rows(sizes: Sizes, bias: bool = bias) -> Made:
            return nn.Linear(sizes.features, sizes.out, bias=bias), _rows(sizes)

        yield _module("Linear", setting, flat)
        yield _module("Linear", f"{setting or 'with bias'}, 3-D", rows)
    for name, setting, options in (
        ("LayerNorm", "affine", {}),
        ("LayerNorm", "plain", {"elementwise_affine": False}),
        ("RMSNorm", "affine", {}),
        ("RMSNorm", "plain", {"elementwise_affine": False}),
    ):

        def normalize(sizes: Sizes, name: str = name, options: Mapping[str, Any] = options) -> Made:
            return getattr(nn, name)(sizes.features, **options), _rows(sizes)

        yield _module(name, setting, normalize)
    for setting, affine in (("affine", True), ("plain", False)):

        def group(sizes: Sizes, affine: bool = affine) -> Made:
            return nn.GroupNorm(3, sizes.channels, affine=affine), (torch.rand(sizes.image(2)),)

        yield _module("GroupNorm", setting, group)


_ACTIVATIONS = (
    "ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh", "Softplus",
    "Hardswish", "Hardsigmoid", "Hardtanh", "LogSigmoid", "Softsign",
)  # fmt: skip  # one entry a line would fill the page


def _activations() -> Iterator[Probe]:
    for name in _ACTIVATIONS:

        def make(sizes: Sizes, name: str = name) -> Made:
            return getattr(nn, name)(), (torch.rand(sizes.image(2)),)

        yield _module(name, "", make)
    for name in ("Softmax", "LogSoftmax"):

        def along(sizes: Sizes, name: str = name) -> Made:
            return getattr(nn, name)(dim=-1), _rows(sizes)

        yield _module(name, "", along)


def _resampling() -> Iterator[Probe]:
    modes = (("nearest", 2), ("linear", 1), ("bilinear", 2), ("bicubic", 2), ("trilinear", 3))
    for (mode, dimensions), scale in itertools.product(modes, (2, 3)):

        def make(sizes: Sizes, mode: str = mode, dimensions: int = dimensions, scale: int = scale) -> Made:
            return nn.Upsample(scale_factor=scale, mode=mode), (torch.rand(sizes.image(dimensions)),)

        yield _module("Upsample", f"{mode}, {scale} times", make)
    for name, scale in itertools.product(("UpsamplingNearest2d", "UpsamplingBilinear2d"), (2, 3)):

        def named(sizes: Sizes, name: str = name, scale: int = scale) -> Made:
            return getattr(nn, name)(scale_factor=scale), (torch.rand(sizes.image(2)),)

        yield _module(name, f"{scale} times", named)


def _recurrent() -> Iterator[Probe]:
    settings: Mapping[str, Mapping[str, Any]] = {
        "": {},
        "two layers": {"num_layers": 2},
        "both directions": {"bidirectional": True},
        "without bias": {"bias": False},
    }
    for name in ("RNN", "GRU", "LSTM"):
        for setting, options in settings.items():

            def make(sizes: Sizes, name: str = name, options: Mapping[str, Any] = options) -> Made:
                return getattr(nn, name)(sizes.features, sizes.out, batch_first=True, **options), _rows(sizes)

            yield _module(name, setting, make)
    for name in ("RNNCell", "GRUCell", "LSTMCell"):
        for setting, bias in (("", True), ("without bias", False)):

            def cell(sizes: Sizes, name: str = name, bias: bool = bias) -> Made:
                layer = getattr(nn, name)(sizes.features, sizes.out, bias=bias)
                return layer, (torch.rand(sizes.batch, sizes.features),)

            yield _module(name, setting, cell)


class Unknown(nn.Module):
    """A layer that no tool knows: it multiplies by a matrix of its own."""

    def __init__(self, features: int, out: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(out, features))
        self.bias = nn.Parameter(torch.rand(out)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight, self.bias)


def _others() -> Iterator[Probe]:
    def attend(sizes: Sizes) -> Made:
        given = torch.rand(sizes.batch, sizes.length, sizes.features)
        return nn.MultiheadAttention(sizes.features, 2, batch_first=True), (given, given, given)

    yield _module("MultiheadAttention", "", attend)
    for setting, bias in (("", False), ("with bias", True)):

        def unknown(sizes: Sizes, bias: bool = bias) -> Made:
            return Unknown(sizes.features, sizes.out, bias), _rows(sizes)

        yield Probe(UNKNOWN, "module", setting, unknown)
    yield _module("Dropout", "", lambda sizes: (nn.Dropout(), _rows(sizes)))
    yield _module("Identity", "", lambda sizes: (nn.Identity(), _rows(sizes)))
    yield _module("Flatten", "", lambda sizes: (nn.Flatten(), _rows(sizes)))
    yield _module("ZeroPad2d", "", lambda sizes: (nn.ZeroPad2d(2), (torch.rand(sizes.image(2)),)))
    yield _module(
        "PixelShuffle", "", lambda sizes: (nn.PixelShuffle(2), (torch.rand(sizes.batch, 8, *sizes.spatial[:2]),))
    )
    yield _module(
        "Embedding",
        "",
        lambda sizes: (
            nn.Embedding(sizes.out, sizes.features),
            (torch.arange(sizes.length).repeat(sizes.batch, 1) % 5,),
        ),
    )
    yield _module(
        "Bilinear",
        "",
        lambda sizes: (
            nn.Bilinear(sizes.features, sizes.channels, sizes.out),
            (torch.rand(sizes.batch, sizes.features), torch.rand(sizes.batch, sizes.channels)),
        ),
    )


def _functions() -> Iterator[Probe]:
    for name, make in _FUNCTIONS.items():
        base, _, setting = name.partition(", ")
        yield Probe(base, "function", setting, make)


def _images(sizes: Sizes, number: int = 1) -> tuple[torch.Tensor, ...]:
    return tuple(torch.rand(sizes.image(2)) for _ in range(number))


def _matrices(sizes: Sizes) -> tuple[torch.Tensor, ...]:
    return torch.rand(sizes.length, sizes.features), torch.rand(sizes.features, sizes.out)


def _batches(sizes: Sizes) -> tuple[torch.Tensor, ...]:
    return (
        torch.rand(sizes.batch, sizes.length, sizes.features),
        torch.rand(sizes.batch, sizes.features, sizes.out),
    )


def _heads(sizes: Sizes) -> tuple[torch.Tensor, ...]:
    query = torch.rand(sizes.batch, 2, sizes.length, sizes.features)
    return (
        query,
        torch.rand(sizes.batch, 2, sizes.out, sizes.features),
        torch.rand(sizes.batch, 2, sizes.out, sizes.features),
    )


def _late(place: Any, name: str) -> Callable[..., Any]:
    """A function that is looked up when it is called: a tool may have replaced it by then."""

    def call(*arguments: Any) -> Any:
        return getattr(place, name)(*arguments)

    return call


def _method(name: str) -> Callable[..., Any]:
    """A method of the first argument."""

    def call(first: torch.Tensor, *arguments: Any) -> Any:
        return getattr(first, name)(*arguments)

    return call


def _add_to(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    first += second
    return first


def _multiply_by(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    first *= second
    return first


_FUNCTIONS: Mapping[str, Callable[[Sizes], Made]] = {
    "torch.nn.functional.linear": lambda s: (
        _late(F, "linear"),
        (torch.rand(s.batch, s.features), torch.rand(s.out, s.features)),
    ),
    "torch.nn.functional.linear, with bias": lambda s: (
        _late(F, "linear"),
        (torch.rand(s.batch, s.features), torch.rand(s.out, s.features), torch.rand(s.out)),
    ),
    "torch.nn.functional.linear, 3-D": lambda s: (
        _late(F, "linear"),
        (*_rows(s), torch.rand(s.out, s.features), torch.rand(s.out)),
    ),
    "torch.nn.functional.conv2d": lambda s: (
        _late(F, "conv2d"),
        (*_images(s), torch.rand(s.out, s.channels, 3, 3), torch.rand(s.out)),
    ),
    "torch.matmul, matrices": lambda s: (_late(torch, "matmul"), _matrices(s)),
    "torch.matmul, batches": lambda s: (_late(torch, "matmul"), _batches(s)),
    "torch.mm": lambda s: (_late(torch, "mm"), _matrices(s)),
    "torch.bmm": lambda s: (_late(torch, "bmm"), _batches(s)),
    "torch.addmm": lambda s: (_late(torch, "addmm"), (torch.rand(s.length, s.out), *_matrices(s))),
    "torch.baddbmm": lambda s: (_late(torch, "baddbmm"), (torch.rand(s.batch, s.length, s.out), *_batches(s))),
    "torch.einsum": lambda s: ((lambda x, y: torch.einsum("bij,bjk->bik", x, y)), _batches(s)),
    "torch.nn.functional.scaled_dot_product_attention": lambda s: (_late(F, "scaled_dot_product_attention"), _heads(s)),
    "torch.tensordot": lambda s: ((lambda x, y: torch.tensordot(x, y, 1)), _matrices(s)),
    "torch.add": lambda s: (_late(torch, "add"), _images(s, 2)),
    "torch.mul": lambda s: (_late(torch, "mul"), _images(s, 2)),
    "torch.Tensor.__add__": lambda s: ((lambda x, y: x + y), _images(s, 2)),
    "torch.Tensor.__mul__": lambda s: ((lambda x, y: x * y), _images(s, 2)),
    "torch.Tensor.__matmul__": lambda s: ((lambda x, y: x @ y), _matrices(s)),
    "torch.Tensor.__iadd__": lambda s: (_add_to, _images(s, 2)),
    "torch.Tensor.__imul__": lambda s: (_multiply_by, _images(s, 2)),
    "torch.Tensor.add": lambda s: (_method("add"), _images(s, 2)),
    "torch.Tensor.mul": lambda s: (_method("mul"), _images(s, 2)),
    "torch.Tensor.add_": lambda s: (_method("add_"), _images(s, 2)),
    "torch.Tensor.mul_": lambda s: (_method("mul_"), _images(s, 2)),
    "torch.add, of a row": lambda s: (_late(torch, "add"), (*_rows(s), torch.rand(s.features))),
    "torch.add, to a row": lambda s: (_late(torch, "add"), (torch.rand(s.features), *_rows(s))),
    "torch.mul, of a row": lambda s: (_late(torch, "mul"), (*_rows(s), torch.rand(s.features))),
    "torch.mul, to a row": lambda s: (_late(torch, "mul"), (torch.rand(s.features), *_rows(s))),
    "torch.Tensor.matmul": lambda s: (_method("matmul"), _matrices(s)),
    "torch.Tensor.mm": lambda s: (_method("mm"), _matrices(s)),
    "torch.Tensor.bmm": lambda s: (_method("bmm"), _batches(s)),
    "torch.Tensor.addmm": lambda s: (_method("addmm"), (torch.rand(s.length, s.out), *_matrices(s))),
    "torch.Tensor.baddbmm": lambda s: (_method("baddbmm"), (torch.rand(s.batch, s.length, s.out), *_batches(s))),
    "torch.nn.functional.batch_norm": lambda s: (
        _late(F, "batch_norm"),
        (*_images(s), torch.rand(s.channels), torch.rand(s.channels)),
    ),
    "torch.nn.functional.batch_norm, in training": lambda s: (
        (lambda x, mean, var: F.batch_norm(x, mean, var, training=True)),
        (*_images(s), torch.rand(s.channels), torch.rand(s.channels)),
    ),
    "torch.Tensor.mean": lambda s: ((lambda x: x.mean((2, 3))), _images(s)),
    "torch.Tensor.sum": lambda s: ((lambda x: x.sum(1)), _images(s)),
    "torch.exp": lambda s: (_late(torch, "exp"), _images(s)),
    "torch.cat": lambda s: ((lambda x, y: torch.cat([x, y], 1)), _images(s, 2)),
    "torch.nn.functional.relu": lambda s: (_late(F, "relu"), _images(s)),
    "torch.nn.functional.gelu": lambda s: (_late(F, "gelu"), _images(s)),
    "torch.nn.functional.silu": lambda s: (_late(F, "silu"), _images(s)),
    "torch.sigmoid": lambda s: (_late(torch, "sigmoid"), _images(s)),
    "torch.nn.functional.softmax": lambda s: ((lambda x: F.softmax(x, -1)), _rows(s)),
    "torch.nn.functional.layer_norm": lambda s: ((lambda x: F.layer_norm(x, x.shape[-1:])), _rows(s)),
    "torch.nn.functional.max_pool2d": lambda s: ((lambda x: F.max_pool2d(x, 3)), _images(s)),
    "torch.nn.functional.avg_pool2d": lambda s: ((lambda x: F.avg_pool2d(x, 3)), _images(s)),
    "torch.nn.functional.adaptive_avg_pool2d": lambda s: ((lambda x: F.adaptive_avg_pool2d(x, 1)), _images(s)),
    "torch.nn.functional.interpolate, nearest": lambda s: ((lambda x: F.interpolate(x, scale_factor=2)), _images(s)),
    "torch.nn.functional.interpolate, bilinear": lambda s: (
        (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
        _images(s),
    ),
}
