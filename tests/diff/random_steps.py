"""Steps of random networks: what a layer, a function, a method or a piece of a program does to one tensor.

A step takes a source of random choices and the shape that it is given, batch first, and returns a module for it. What
comes out may have another shape, which running the step tells.
"""

# ruff: noqa: PLW0108  # a lambda looks a name of torch up when it is called
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from random import Random
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import gelu, silu

from tests.diff.random_modules import (
    Add,
    Attention,
    Cell,
    Chosen,
    Concatenated,
    EarlyFunction,
    FromParts,
    Function,
    Last,
    Listed,
    NormedConvolution,
    Recurrent,
    SubclassedLinear,
    WithOwnParameter,
)

Shape = tuple[int, ...]
Make = Callable[[Random, Shape], nn.Module]


@dataclass(frozen=True)
class Step:
    """A step, the numbers of axes that it can be given, and whether it shares modules or parameters."""

    name: str
    make: Make
    axes: tuple[int, ...]
    shares: bool = False
    fits: Callable[[Shape], bool] = lambda _: True


STEPS: list[Step] = []


def step(*axes: int, shares: bool = False, fits: Callable[[Shape], bool] = lambda _: True) -> Callable[[Make], Make]:
    """Add a step for tensors of these numbers of axes, and for shapes that fit."""

    def add(make: Make) -> Make:
        STEPS.append(Step(make.__name__, make, axes, shares, fits))
        return make

    return add


IMAGES, TOKENS, ROWS = (3, 4, 5), (3,), (2,)


def of_rank(shape: Shape, *classes: Any) -> Any:
    """The class for one, two or three axes of positions."""
    return classes[len(shape) - 3]


def divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def many_positions(shape: Shape) -> bool:
    """Normalizations in training need more than one value of each channel of each sample."""
    return prod(shape[2:]) > 1


def many_values(shape: Shape) -> bool:
    return shape[0] * prod(shape[2:]) > 1


# --- convolutions ---


@step(*IMAGES)
def convolution(random: Random, shape: Shape) -> nn.Module:
    cls = of_rank(shape, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    filters = random.randint(1, 6)
    groups = random.choice([n for n in divisors(shape[1]) if filters % n == 0])
    bias = random.random() < 0.5
    kernel = tuple(random.choice([k for k in (1, 2, 3) if k <= size]) for size in shape[2:])
    if random.random() < 0.3:
        padding = random.choice(["same", "valid"])
        dilation = random.choice([1, 2]) if padding == "same" else 1
        return cls(shape[1], filters, kernel, padding=padding, dilation=dilation, groups=groups, bias=bias)
    dilation = tuple(
        random.choice([d for d in (1, 2) if d * (k - 1) < n]) for k, n in zip(kernel, shape[2:], strict=True)
    )
    return cls(
        shape[1],
        filters,
        kernel,
        stride=tuple(random.choice([1, 1, 2]) for _ in kernel),
        padding=tuple(random.randint(0, 2) for _ in kernel),
        dilation=dilation,
        groups=groups,
        bias=bias,
        padding_mode=random.choice(["zeros", "zeros", "replicate"]),
    )


@step(*IMAGES, fits=lambda shape: prod(shape[2:]) < 150)
def transposed_convolution(random: Random, shape: Shape) -> nn.Module:
    cls = of_rank(shape, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    groups = random.choice(divisors(shape[1]))
    kernel, stride = tuple(random.randint(1, 3) for _ in shape[2:]), random.choice([1, 2])
    return cls(
        shape[1],
        groups * random.randint(1, 3),
        kernel,
        stride,
        output_padding=random.choice([0, stride - 1]),
        groups=groups,
        bias=random.random() < 0.5,
    )


@step(4, fits=lambda shape: min(shape[2:]) > 2)
def functional_convolution(random: Random, shape: Shape) -> nn.Module:
    bias = random.random() < 0.5
    layer = nn.Conv2d(shape[1], random.randint(1, 4), 3, bias=bias)
    return FromParts(lambda parts, x: F.conv2d(x, parts[0].weight, parts[0].bias, padding=1), layer)


@step(4)
def normed_convolution(random: Random, shape: Shape) -> nn.Module:
    """A subclass of a layer that has children of its own."""
    return NormedConvolution(shape[1], random.randint(1, 4), 1, bias=random.random() < 0.5)


# --- linear layers and products ---


@step(*ROWS, *IMAGES)
def linear(random: Random, shape: Shape) -> nn.Module:
    return nn.Linear(shape[-1], random.randint(1, 7), bias=random.random() < 0.6)


@step(*ROWS, *TOKENS)
def subclassed_linear(random: Random, shape: Shape) -> nn.Module:
    return SubclassedLinear(shape[-1], random.randint(1, 5), bias=random.random() < 0.6)


@step(*ROWS, *TOKENS)
def functional_linear(random: Random, shape: Shape) -> nn.Module:
    """A child's weight in a function: the child itself never runs."""
    layer = nn.Linear(shape[-1], random.randint(1, 5), bias=random.random() < 0.6)
    return FromParts(lambda parts, x: F.linear(x, parts[0].weight, parts[0].bias), layer)


@step(*ROWS, *TOKENS)
def own_parameter(random: Random, shape: Shape) -> nn.Module:
    return WithOwnParameter(shape[-1], random.randint(1, 5), random.choice(["matmul", "function", "method"]))


@step(2)
def addmm(random: Random, shape: Shape) -> nn.Module:
    layer = nn.Linear(shape[-1], random.randint(1, 5))
    if random.random() < 0.5:
        return FromParts(lambda parts, x: torch.addmm(parts[0].bias, x, parts[0].weight.t()), layer)
    return FromParts(lambda parts, x: torch.mm(x, parts[0].weight.t()), layer)


@step(3)
def bilinear_layer(random: Random, shape: Shape) -> nn.Module:
    layer = nn.Bilinear(shape[-1], shape[-1], random.randint(1, 4), bias=random.random() < 0.5)
    return FromParts(lambda parts, x: parts[0](x, x), layer)


PRODUCTS: list[Callable[[torch.Tensor], torch.Tensor]] = [
    lambda x: x @ x.transpose(1, 2),
    lambda x: x.matmul(x.transpose(-2, -1)),
    lambda x: torch.matmul(x, x.transpose(-2, -1)),
    lambda x: torch.bmm(x, x.transpose(1, 2)),
    lambda x: x.bmm(x.transpose(1, 2)),
    lambda x: torch.einsum("btc,bsc->bts", x, x),
    lambda x: torch.einsum("btc,bsc->bst", x, x),
    lambda x: torch.einsum("bij,bik->bjk", x, x),
    lambda x: torch.einsum("btc,dsc->bts", x, x),
    lambda x: torch.einsum("bij,bij->bij", x, x),
    lambda x: torch.baddbmm(x @ x.transpose(1, 2), x, x.transpose(1, 2)),
    lambda x: torch.matmul(x[0], x.transpose(1, 2)),
    lambda x: torch.matmul(x, x[0].t()),
    lambda x: torch.matmul(x[:, None], x.transpose(1, 2)[None]).sum(0),
    lambda x: (x @ x.transpose(1, 2)).softmax(-1) @ x,
    lambda x: F.softmax(torch.matmul(x, x.transpose(1, 2)) / x.shape[-1] ** 0.5, dim=-1).matmul(x),
    lambda x: F.scaled_dot_product_attention(x, x, x),
    lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], is_causal=True)[:, 0],
    lambda x: torch.matmul(x, x[0, 0])[..., None],
]


@step(3)
def product(random: Random, shape: Shape) -> nn.Module:
    return Function(random.choice(PRODUCTS))


# --- attention and recurrent layers ---


@step(3)
def attention(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    layer = nn.MultiheadAttention(
        width,
        random.choice(divisors(width)),
        bias=random.random() < 0.7,
        add_bias_kv=random.random() < 0.15,
        add_zero_attn=random.random() < 0.15,
        batch_first=random.random() < 0.6,
    )
    return Attention(layer, need_weights=random.random() < 0.4, masked=random.random() < 0.3)


@step(3)
def attention_of_other_widths(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    key, value = random.randint(1, width), random.randint(1, width)
    layer = nn.MultiheadAttention(width, 1, kdim=key, vdim=value, batch_first=True)
    return FromParts(lambda parts, x: parts[0](x, x[:, :1, :key], x[:, :1, :value], need_weights=False)[0], layer)


@step(3)
def transformer_layer(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    return nn.TransformerEncoderLayer(
        width,
        random.choice(divisors(width)),
        random.randint(2, 6),
        activation=random.choice(["relu", "gelu", F.gelu]),
        norm_first=random.random() < 0.5,
        batch_first=random.random() < 0.6,
        bias=random.random() < 0.8,
    )


@step(3)
def transformer(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    layer = nn.TransformerEncoderLayer(width, random.choice(divisors(width)), 4, batch_first=True)
    return nn.TransformerEncoder(
        layer, 2, enable_nested_tensor=False, norm=nn.LayerNorm(width) if random.random() < 0.5 else None
    )


@step(3)
def transformer_decoder(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    layer = nn.TransformerDecoderLayer(width, random.choice(divisors(width)), 5, batch_first=random.random() < 0.6)
    return FromParts(lambda parts, x: parts[0](x, x), layer)


@step(3)
def recurrent(random: Random, shape: Shape) -> nn.Module:
    cls = random.choice([nn.RNN, nn.GRU, nn.LSTM])
    hidden = random.randint(2, 5)
    further: dict[str, Any] = {}
    if cls is nn.LSTM and random.random() < 0.5:
        further["proj_size"] = random.randint(1, hidden - 1)
    if cls is nn.RNN:
        further["nonlinearity"] = random.choice(["tanh", "relu"])
    layer = cls(
        shape[-1],
        hidden,
        num_layers=random.randint(1, 2),
        bias=random.random() < 0.7,
        batch_first=random.random() < 0.6,
        bidirectional=random.random() < 0.4,
        **further,
    )
    return Recurrent(layer, with_state=random.random() < 0.3)


@step(3)
def recurrent_in_sequence(random: Random, shape: Shape) -> nn.Module:
    return nn.Sequential(nn.GRU(shape[-1], random.randint(1, 4), batch_first=True), Last())


@step(3, 2)
def cell(random: Random, shape: Shape) -> nn.Module:
    """A cell, called for each token in a loop."""
    cls = random.choice([nn.RNNCell, nn.GRUCell, nn.LSTMCell])
    return Cell(cls(shape[-1], random.randint(1, 4), bias=random.random() < 0.7))


# --- normalizations ---


@step(*IMAGES, fits=many_values)
def batch_norm(random: Random, shape: Shape) -> nn.Module:
    cls = of_rank(shape, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return cls(shape[1], affine=random.random() < 0.7, track_running_stats=random.random() < 0.8)


@step(*IMAGES, fits=many_positions)
def instance_norm(random: Random, shape: Shape) -> nn.Module:
    cls = of_rank(shape, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
    return cls(shape[1], affine=random.random() < 0.5, track_running_stats=random.random() < 0.2)


@step(*IMAGES, fits=many_positions)
def group_norm(random: Random, shape: Shape) -> nn.Module:
    return nn.GroupNorm(random.choice(divisors(shape[1])), shape[1], affine=random.random() < 0.7)


@step(2, *IMAGES)
def layer_norm(random: Random, shape: Shape) -> nn.Module:
    over = shape[random.randint(1, len(shape) - 1) :]
    if random.random() < 0.3:
        return nn.RMSNorm(over, elementwise_affine=random.random() < 0.7)
    return nn.LayerNorm(over, elementwise_affine=random.random() < 0.7, bias=random.random() < 0.7)


@step(2, *IMAGES)
def functional_norm(random: Random, shape: Shape) -> nn.Module:
    return Function(
        random.choice(
            [
                lambda x: F.layer_norm(x, x.shape[-1:]),
                lambda x: F.normalize(x, dim=-1),
                lambda x: (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt(),
                lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6),
                lambda x: F.rms_norm(x, x.shape[-1:]),
            ]
        )
    )


@step(4)
def local_norm(random: Random, shape: Shape) -> nn.Module:
    return nn.LocalResponseNorm(random.choice([2, 3]))


# --- activations ---


ACTIVATIONS: list[Callable[[], nn.Module]] = [
    nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.ReLU6, nn.LeakyReLU, nn.ELU,
    nn.SELU, nn.CELU, nn.Softplus, nn.Mish, nn.PReLU, nn.Dropout, nn.Identity, nn.Hardtanh, nn.LogSigmoid, nn.Softsign,
    lambda: nn.ReLU(inplace=True), lambda: nn.LeakyReLU(inplace=True), lambda: nn.Softmax(-1), lambda: nn.Softmax(1),
    lambda: nn.LogSoftmax(-1), lambda: nn.Softmin(-1), lambda: nn.SiLU(inplace=True), lambda: nn.Dropout(0.0),
    lambda: nn.GELU(approximate="tanh"), lambda: nn.Hardswish(inplace=True), lambda: nn.Dropout1d(),
]  # fmt: skip  # one entry a line would fill the page

LATE: list[Callable[[torch.Tensor], torch.Tensor]] = [
    lambda x: F.relu(x),
    lambda x: F.relu(x, inplace=True),
    lambda x: F.gelu(x),
    lambda x: F.silu(x),
    lambda x: F.elu(x),
    lambda x: F.leaky_relu(x, 0.2),
    lambda x: F.relu6(x),
    lambda x: F.hardswish(x),
    lambda x: F.softmax(x, dim=-1),
    lambda x: F.log_softmax(x, dim=1),
    lambda x: F.dropout(x, 0.5, training=False),
    lambda x: torch.relu(x),
    lambda x: torch.sigmoid(x),
    lambda x: torch.tanh(x),
    lambda x: torch.softmax(x, dim=-1),
    lambda x: x.relu(),
    lambda x: x.sigmoid() * x,
    lambda x: x.softmax(-1),
    lambda x: F.prelu(x, torch.full((1,), 0.5)),
    lambda x: F.glu(torch.cat([x, x], -1)),
]

EARLY = [F.relu, F.gelu, F.silu, torch.relu, torch.sigmoid, F.softplus, gelu, silu, F.leaky_relu, F.elu]


@step(2, *IMAGES)
def activation(random: Random, shape: Shape) -> nn.Module:
    return random.choice(ACTIVATIONS)()


@step(3, fits=many_values)
def wide_prelu(random: Random, shape: Shape) -> nn.Module:
    return nn.PReLU(shape[1])


@step(2, *IMAGES)
def late_function(random: Random, shape: Shape) -> nn.Module:
    return Function(random.choice(LATE))


@step(2, *IMAGES)
def early_function(random: Random, shape: Shape) -> nn.Module:
    return EarlyFunction(random.choice(EARLY))


# --- arithmetic on elements ---

ELEMENTWISE: list[Callable[[torch.Tensor], torch.Tensor]] = [
    lambda x: torch.mul(x, 2) + x,
    lambda x: x * x,
    lambda x: x.add(x).mul(0.5),
    lambda x: torch.add(x, x),
    lambda x: torch.add(x, 1),
    lambda x: torch.add(x, x, alpha=2),
    lambda x: x.clone().add_(1).mul_(x),
    lambda x: x + x.mean(-1, keepdim=True),
    lambda x: torch.add(x, x.mean(-1, keepdim=True)),
    lambda x: torch.add(x.mean(-1, keepdim=True), x),
    lambda x: torch.mul(x[0], x),
    lambda x: torch.mul(x, x[0]),
    lambda x: x.mul(x[:, :1]),
    lambda x: x[:, :1].add(x),
    lambda x: torch.add(x[..., :1], x[:, :1]),
    lambda x: x * x.sigmoid().mean(),
    lambda x: torch.mul(x, x.sigmoid().mean()),
    lambda x: torch.mul(x.sigmoid().mean(), x),
    lambda x: x - x.mean(dim=1, keepdim=True),
    lambda x: x / (x.abs().sum(-1, keepdim=True) + 1),
    lambda x: torch.sqrt(x * x + 1),
    lambda x: torch.exp(-x.abs()),
    lambda x: x.clamp(min=0, max=6),
    lambda x: torch.where(x > 0, x, x * 0.1),
    lambda x: torch.addcmul(x, x, x),
    lambda x: torch.lerp(x, x * 2, 0.5),
    lambda x: 2 * x,
    lambda x: x**2,
    lambda x: 1 - x,
    lambda x: -x,
    lambda x: sum([x, x]),
    lambda x: x.cumsum(-1),
    lambda x: torch.cat([x, x], 1),
    lambda x: torch.stack([x, x]).sum(0),
    lambda x: torch.stack([x, x]).mean(0),
    lambda x: x.repeat(1, *[2 if axis == 0 else 1 for axis in range(x.dim() - 1)]),
    lambda x: x.float().double().float(),
    lambda x: F.pad(x, (1, 2)),
    lambda x: x.flip(-1).contiguous(),
    lambda x: x.unsqueeze(0).squeeze(0),
    lambda x: torch.roll(x, 1, -1),
    lambda x: x.clone().mul_(0.5),
    lambda x: torch.max(x, dim=-1, keepdim=True).values + x,
    lambda x: x.amax(-1, keepdim=True) * x,
    lambda x: x.norm(dim=-1, keepdim=True) + x,
    lambda x: torch.logsumexp(x, -1, keepdim=True) + x,
]

SIZES: list[Callable[[torch.Tensor], torch.Tensor]] = [
    lambda x: x.view(x.shape[0] * x.shape[1], -1).reshape(x.shape),
    lambda x: x.reshape(x.size(0), x.size(1) * x.size(2), -1) if x.dim() > 2 else x.reshape(x.size(0), -1),
    lambda x: x.reshape(-1, x.shape[-1] * 1).reshape(x.shape[0], -1, x.shape[-1]),
    lambda x: x * x.shape[-1] ** -0.5,
    lambda x: x / x.shape[1],
    lambda x: x[:, : max(1, int(x.shape[1] * 0.5))],
    lambda x: x[:, : x.shape[1] // 2 + 1],
    lambda x: x.flatten(1).reshape(x.shape),
    lambda x: x.new_zeros(x.shape[0], 3 * x.shape[1]),
    lambda x: x * (x.numel() * 2),
    lambda x: x.view(x.shape[0], -1).unflatten(1, x.shape[1:]),
    lambda x: x.view(*x.shape[:-1], x.shape[-1] // 1),
    lambda x: torch.chunk(x, 2, -1)[0] if x.shape[-1] > 1 else x,
    lambda x: x.expand(2 * 1, *x.shape).sum(0),
    lambda x: x + torch.arange(x.shape[-1] * 2)[: x.shape[-1]],
    lambda x: x + torch.linspace(0, 1, x.shape[-1]),
]  # fmt: skip  # one entry a line would fill the page


@step(2, *IMAGES)
def elementwise(random: Random, shape: Shape) -> nn.Module:
    return Function(random.choice(ELEMENTWISE))


@step(2, *IMAGES)
def sizes(random: Random, shape: Shape) -> nn.Module:
    return Function(random.choice(SIZES))


# --- pooling and resampling ---


@step(*IMAGES, fits=lambda shape: min(shape[2:]) > 1)
def pool(random: Random, shape: Shape) -> nn.Module:
    average = random.random() < 0.5
    cls = (
        of_rank(shape, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
        if average
        else of_rank(shape, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
    )
    kernel = random.choice([2, 2, 3]) if min(shape[2:]) > 2 else 2
    further = {"count_include_pad": random.random() < 0.5} if average else {}
    return cls(
        kernel, random.choice([None, 1, 2]), padding=random.choice([0, 1]), ceil_mode=random.random() < 0.4, **further
    )


@step(4, 5, fits=lambda shape: min(shape[2:]) > 1)
def functional_pool(random: Random, shape: Shape) -> nn.Module:
    choices = [lambda x: F.max_pool2d(x, 2), lambda x: F.avg_pool2d(x, 2), lambda x: F.avg_pool2d(x, (2, 1), 1)]
    if len(shape) == 5:
        choices = [lambda x: F.max_pool3d(x, 2), lambda x: F.avg_pool3d(x, 2)]
    return Function(random.choice(choices))


@step(*IMAGES)
def adaptive_pool(random: Random, shape: Shape) -> nn.Module:
    average = random.random() < 0.5
    cls = (
        of_rank(shape, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
        if average
        else of_rank(shape, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
    )
    size = tuple(random.randint(1, n) for n in shape[2:])
    return cls(random.choice([size, size, 1]) if len(shape) > 3 else size[0])


@step(4)
def functional_adaptive_pool(random: Random, shape: Shape) -> nn.Module:
    size = (random.randint(1, shape[2]), random.randint(1, shape[3]))
    return Function(random.choice([lambda x: F.adaptive_avg_pool2d(x, size), lambda x: F.adaptive_max_pool2d(x, size)]))


MODES = (("nearest", "linear"), ("nearest", "bilinear", "bicubic", "nearest-exact"), ("nearest", "trilinear"))


@step(*IMAGES, fits=lambda shape: prod(shape[2:]) < 150)
def upsample(random: Random, shape: Shape) -> nn.Module:
    mode = random.choice(MODES[len(shape) - 3])
    factor = random.choice([2, 2, 1.5, 3])
    if random.random() < 0.3:
        return nn.Upsample(size=tuple(n + random.randint(0, 3) for n in shape[2:]), mode=mode)
    if len(shape) == 4 and random.random() < 0.3:
        return random.choice([nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d])(scale_factor=2)
    return nn.Upsample(scale_factor=factor, mode=mode)


@step(*IMAGES, fits=lambda shape: prod(shape[2:]) < 150)
def interpolation(random: Random, shape: Shape) -> nn.Module:
    mode = random.choice(MODES[len(shape) - 3])
    if random.random() < 0.5:
        factor: Any = random.choice([2, 2.0, 1.5, 0.5, 2.5] if min(shape[2:]) > 1 else [2, 1.5])
        return Function(lambda x: F.interpolate(x, scale_factor=factor, mode=mode))
    size = tuple(random.randint(1, 2 * n) for n in shape[2:])
    return random.choice(
        [
            Function(lambda x: F.interpolate(x, size=size, mode=mode)),
            Function(lambda x: F.interpolate(x, size, mode=mode)),
            Function(lambda x: F.interpolate(x, size=tuple(2 * n for n in x.shape[2:]), mode=mode)),
        ]
    )


@step(4, fits=lambda shape: shape[1] % 4 == 0)
def pixel_shuffle(random: Random, shape: Shape) -> nn.Module:
    return nn.PixelShuffle(2)


@step(4)
def padding(random: Random, shape: Shape) -> nn.Module:
    return random.choice([nn.ZeroPad2d(1), nn.ReplicationPad2d(1), nn.ConstantPad2d((0, 1, 2, 0), 0.5)])


# --- from one kind of tensor to another ---


@step(4, 5)
def to_tokens(random: Random, shape: Shape) -> nn.Module:
    return Function(lambda x: x.flatten(2).transpose(1, 2))


@step(4)
def channels_last(random: Random, shape: Shape) -> nn.Module:
    """A linear layer on channels, as in a network that permutes its axes."""
    layer = nn.Linear(shape[1], random.randint(1, 4), bias=random.random() < 0.5)
    return FromParts(lambda parts, x: parts[0](x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), layer)


@step(*IMAGES)
def to_rows(random: Random, shape: Shape) -> nn.Module:
    reduced = [Function(lambda x: x.flatten(2).mean(-1)), Function(lambda x: x.mean(dim=tuple(range(2, x.dim()))))]
    return random.choice([nn.Flatten(), *reduced])


@step(2, fits=lambda shape: shape[1] > 1)
def to_image(random: Random, shape: Shape) -> nn.Module:
    return Function(lambda x: x[:, None, None])


@step(2)
def to_sequence(random: Random, shape: Shape) -> nn.Module:
    return Function(lambda x: x.unsqueeze(-1))


@step(3)
def embedding(random: Random, shape: Shape) -> nn.Module:
    layer = nn.Embedding(5, random.randint(1, 5), padding_idx=random.choice([None, 0]))
    return FromParts(lambda parts, x: parts[0]((x[..., 0] > 0).long()), layer)


# --- containers, shared modules and parameters ---


@step(2, *IMAGES)
def residual(random: Random, shape: Shape) -> nn.Module:
    inner = [nn.Linear(shape[-1], shape[-1], bias=random.random() < 0.5), activation(random, shape)]
    return Add(nn.Sequential(*inner), random.choice(["operator", "function", "method", "in place"]))


@step(*IMAGES)
def concatenated(random: Random, shape: Shape) -> nn.Module:
    branches = [nn.Sequential(activation(random, shape)), layer_norm(random, shape)]
    return Concatenated(branches)


@step(2, *TOKENS)
def listed(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    return Listed([nn.Linear(width, width) for _ in range(random.randint(1, 3))], as_dictionary=random.random() < 0.5)


@step(2, *IMAGES)
def with_unused_head(random: Random, shape: Shape) -> nn.Module:
    used = activation(random, shape)
    return Chosen(used, nn.Sequential(nn.Linear(shape[-1], 3), nn.BatchNorm1d(3), nn.Conv2d(2, 2, 1)))


@step(2, *IMAGES)
def result_for_nobody(random: Random, shape: Shape) -> nn.Module:
    """What runs, and leads to nothing that the network returns."""
    layer = nn.Linear(shape[-1], 2)
    return random.choice(
        [
            FromParts(lambda parts, x: (parts[0](x), x)[1], layer),
            FromParts(lambda parts, x: (parts[0](x).relu().mean(), x * 2)[1], layer),
            Function(lambda x: (torch.matmul(x, x.transpose(-2, -1)).mul(2), F.relu(x))[1]),
            Function(lambda x: (x.clone().add_(1).mul(3), x)[1]),
            Function(lambda x: torch.split(x * 2, 1, -1)[0]),
        ]
    )


@step(2, *IMAGES)
def parent_with_children(random: Random, shape: Shape) -> nn.Module:
    """A layer of a plain type that was given a child."""
    layer = nn.Linear(shape[-1], random.randint(1, 4))
    layer.add_module("extra", nn.Linear(3, 2))
    return layer


@step(2, *IMAGES)
def frozen(random: Random, shape: Shape) -> nn.Module:
    layer = nn.Linear(shape[-1], random.randint(1, 4))
    layer.weight.requires_grad_(False)
    return layer


@step(2, *TOKENS, shares=True)
def called_several_times(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    layer = nn.Linear(width, width, bias=random.random() < 0.5)
    return FromParts(lambda parts, x: parts[0](parts[0](x)) + parts[0](x), layer)


@step(2, *IMAGES, shares=True)
def two_owners(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    layer = random.choice([lambda: nn.Linear(width, width), nn.ReLU, lambda: nn.LayerNorm(width), nn.GELU])()
    return nn.Sequential(nn.Sequential(layer, nn.ReLU()), nn.Sequential(nn.Tanh(), layer))


@step(4, shares=True)
def convolution_of_two_owners(random: Random, shape: Shape) -> nn.Module:
    layer = nn.Conv2d(shape[1], shape[1], 1, bias=random.random() < 0.5)
    return Add(nn.Sequential(layer, nn.Sequential(nn.ReLU(), layer)), "operator")


@step(2, *TOKENS, shares=True)
def tied_weights(random: Random, shape: Shape) -> nn.Module:
    width = shape[-1]
    first, second = nn.Linear(width, width), nn.Linear(width, width)
    second.weight = first.weight
    return nn.Sequential(first, nn.ReLU(), second)


def nested(random: Random, layers: Sequence[nn.Module]) -> nn.Module:
    """A sequence with or without a sequence inside."""
    if len(layers) > 2 and random.random() < 0.5:
        middle = len(layers) // 2
        return nn.Sequential(nn.Sequential(*layers[:middle]), *layers[middle:])
    return nn.Sequential(*layers)
