"""Convolutions and transposed convolutions in one to three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from reconcile.reference.formulas.windows import per_axis, positions_inside
from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec


@formula("convolution", "aten.conv1d", "aten.conv2d", "aten.conv3d")
def convolution(
    input: TensorSpec,
    weight: TensorSpec,
    bias: TensorSpec | None,
    stride: Sequence[int],
    padding: Sequence[int] | str,
    dilation: Sequence[int],
    output: TensorSpec,
) -> Terms:
    """Convolution of ``input`` [B, C, *in] with ``weight`` [K, C/g, *kernel] to ``output`` [B, K, *out].

    mac = B·K·Π(out) · C/g · Π(kernel); first_add and bias: one per output. Each output is a sum of C/g·Π(kernel)
    products. padding_mac counts the products whose input lies in the zero padding.
    Unit: multiply-adds. Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
    arXiv:1603.07285; torch.nn.Conv2d's documentation.
    """
    rank = len(weight.shape) - 2
    kernel = weight.shape[2:]
    size_in, size_out = input.shape[-rank:], output.shape[-rank:]
    strides, dilations = per_axis(stride, rank), per_axis(dilation, rank)
    if isinstance(padding, str):
        # 'same' pads d·(k−1) in all, the smaller half in front; 'valid' not at all.
        pads = tuple(d * (k - 1) // 2 if padding == "same" else 0 for d, k in zip(dilations, kernel, strict=True))
    else:
        pads = per_axis(padding, rank)
    per_position = output.elements // max(prod(size_out), 1) * weight.shape[1]
    inside = prod(map(positions_inside, size_in, size_out, kernel, strides, pads, dilations))
    mac = output.elements * weight.shape[1] * prod(kernel)
    return {
        "mac": mac,
        "padding_mac": mac - per_position * inside,
        "first_add": output.elements if mac else 0,
        "bias": output.elements if bias is not None else 0,
    }


@formula("transposed_convolution", "aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d")
def transposed_convolution(
    input: TensorSpec,
    weight: TensorSpec,
    bias: TensorSpec | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    output: TensorSpec,
) -> Terms:
    """Transposed convolution of ``input`` [B, C, *in] with ``weight`` [C, K/g, *kernel] to ``output`` [B, K, *out].

    mac = elements of the input · K/g · Π(kernel): every input element is multiplied by every weight of its channel.
    padding_mac counts the products that land outside of the output, where the padding cuts them off.
    first_add: one per output that receives a product; bias: one per output.
    Unit: multiply-adds. Source: as for :func:`convolution`, section 4; torch.nn.ConvTranspose2d's documentation.
    """
    rank = len(weight.shape) - 2
    kernel = weight.shape[2:]
    size_in, size_out = input.shape[-rank:], output.shape[-rank:]
    axes = [per_axis(values, rank) for values in (stride, padding, dilation)]
    reached = prod(map(_outputs_reached, size_in, size_out, kernel, *axes))
    # Pairs of an input and a kernel position that land inside: those of the convolution that this one transposes.
    inside = prod(map(positions_inside, size_out, size_in, kernel, *axes))
    mac = input.elements * weight.shape[1] * prod(kernel)
    return {
        "mac": mac,
        "padding_mac": mac - input.elements // max(prod(size_in), 1) * weight.shape[1] * inside,
        "first_add": output.elements // max(prod(size_out), 1) * reached,
        "bias": output.elements if bias is not None else 0,
    }


@formula("convolution", "aten.conv_tbc")
def time_first_convolution(self: TensorSpec, weight: TensorSpec, pad: int, output: TensorSpec) -> Terms:
    """Convolution in one dimension of [T, B, C] with ``weight`` [kernel, C, K], always with a bias.

    Unit: multiply-adds. Source: torch.conv_tbc's documentation; terms as for :func:`convolution`.
    """
    kernel, channels, _ = weight.shape
    per_position = output.elements // max(output.shape[0], 1) * channels
    mac = output.elements * channels * kernel
    inside = positions_inside(self.shape[0], output.shape[0], kernel, 1, pad, 1)
    return {
        "mac": mac,
        "padding_mac": mac - per_position * inside,
        "first_add": output.elements,
        "bias": output.elements,
    }


@formula("deformable_convolution", "torchvision.deform_conv2d")
def deformable_convolution(
    input: TensorSpec, weight: TensorSpec, bias: TensorSpec, use_mask: bool, output: TensorSpec
) -> Terms:
    """Convolution of ``input`` [B, C, H, W] at displaced positions with ``weight`` [K, C/g, kH, kW].

    Every channel is interpolated at every kernel position of every output position (resample), multiplied by its
    mask where one is given (elementwise), and then convolved: mac, first_add and bias as for :func:`convolution`.
    Where there is no bias, torchvision makes zeros for one, which add nothing. Positions depend on data, so padding is
    not told apart.
    Unit: multiply-adds. Source: Dai et al., arXiv:1703.06211, equation 2; Zhu et al., arXiv:1811.11168, equation 1;
    torchvision.ops.deform_conv2d's documentation.
    """
    batch, channels = input.shape[:2]
    samples = batch * channels * prod(weight.shape[2:]) * prod(output.shape[2:])
    return {
        "mac": output.elements * prod(weight.shape[1:]),
        "first_add": output.elements,
        "bias": output.elements if bias.source != "aten.zeros" else 0,
        "resample": samples,
        "elementwise": samples if use_mask else 0,
    }


@formula("convolution", "aten.convolution", "aten._convolution")
def dispatched_convolution(
    input: TensorSpec,
    weight: TensorSpec,
    bias: TensorSpec | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool | None,
    output: TensorSpec,
) -> Terms:
    """The operator to which every convolution is dispatched: a convolution or its transposed form.

    Unit: multiply-adds. Source: torch.nn.Conv2d's and torch.nn.ConvTranspose2d's documentation.
    """
    chosen = transposed_convolution if transposed else convolution
    return chosen(
        input=input, weight=weight, bias=bias, stride=stride, padding=padding, dilation=dilation, output=output
    )


def _outputs_reached(size_in: int, size_out: int, kernel: int, stride: int, pad: int, dilation: int) -> int:
    """Outputs on one axis that at least one product reaches.

    Tap t reaches the outputs stride·(i + t·dilation // stride) + remainder − pad for every input i: for taps of equal
    remainder, these are intervals of one progression, which may overlap.
    """
    starts: dict[int, list[int]] = {}
    for tap in range(kernel):
        quotient, remainder = divmod(tap * dilation, stride)
        starts.setdefault(remainder, []).append(quotient)
    reached = 0
    for remainder, quotients in starts.items():
        lowest = -((remainder - pad) // stride)  # the first member of the progression that is no negative position
        highest = (size_out - 1 + pad - remainder) // stride
        for start in sorted(quotients):
            first, last = max(start, lowest), min(start + size_in - 1, highest)
            reached += max(0, last - first + 1)
            lowest = max(lowest, last + 1)
    return reached
