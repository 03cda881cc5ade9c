"""Operators on quantized tensors: they count as the operators on real numbers that they compute.

Weights travel packed; a trace holds them unpacked, as ``weight``, ``bias`` and, of convolutions, their settings. An
operator that ends in an activation counts as the two that it joins. Source of all: the documentation of
torch.ao.nn.quantized.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconcile.reference.formulas.convolution import convolution, transposed_convolution
from reconcile.reference.formulas.matrix import linear, sums_of_products
from reconcile.reference.registry import Terms, formula, free
from reconcile.trace import TensorSpec, Value, tensors


def _names(*patterns: str) -> tuple[str, ...]:
    """Names of operators; ``#`` stands for each of 1d, 2d and 3d."""
    ranks = ("1d", "2d", "3d")
    full = (pattern.replace("#", rank) for pattern in patterns for rank in (ranks if "#" in pattern else ranks[:1]))
    return tuple(f"quantized.{name}" for name in full)


def _convolution_arguments(qx: TensorSpec, packed: Mapping[str, Any], output: TensorSpec) -> dict[str, Any]:
    """The arguments of the convolution on real numbers; in one dimension torch packs weights as [K, C/g, 1, k]."""
    rank = len(qx.shape) - 2
    weight: TensorSpec = packed["weight"]
    return {
        "input": qx,
        "weight": replace(weight, shape=(*weight.shape[:2], *weight.shape[-rank:])),
        "bias": packed["bias"],
        "output": output,
        **{name: packed[name][-rank:] for name in ("stride", "padding", "dilation")},
    }


@formula("convolution", *_names("conv#", "conv#_relu", "conv#_dynamic", "conv2d_add", "conv2d_add_relu"))
def quantized_convolution(qx: TensorSpec, packed_weight: Mapping[str, Any] | None, output: TensorSpec) -> Terms | None:
    """The convolution, as :func:`reconcile.reference.formulas.convolution.convolution`. Unit: multiply-adds.

    Nothing is known of the forms of the operator from before torch 1.6, which took no packed settings.
    """
    if packed_weight is None:
        return None
    return convolution(**_convolution_arguments(qx, packed_weight, output))


@formula("transposed_convolution", *_names("conv_transpose#", "conv_transpose#_dynamic"))
def quantized_transposed_convolution(qx: TensorSpec, packed_weight: Mapping[str, Any], output: TensorSpec) -> Terms:
    """The transposed convolution. Unit: multiply-adds."""
    return transposed_convolution(**_convolution_arguments(qx, packed_weight, output))


@formula(
    "linear",
    *_names(
        "linear", "linear_relu", "linear_leaky_relu", "linear_tanh", "linear_dynamic", "linear_relu_dynamic",
        "linear_dynamic_fp16", "linear_relu_dynamic_fp16",
    ),
)  # fmt: skip  # a list of operators
def quantized_linear(X: TensorSpec, W_prepack: Mapping[str, Any], output: TensorSpec) -> Terms:  # noqa: N803  # torch's
    """The linear layer, as :func:`reconcile.reference.formulas.matrix.linear`. Unit: multiply-adds."""
    return linear(input=X, bias=W_prepack["bias"], output=output)


@formula("matmul", "quantized.matmul")
def quantized_matrix_product(qa: TensorSpec, output: TensorSpec) -> Terms:
    """The matrix product. Unit: multiply-adds."""
    return sums_of_products(output, qa.shape[-1])


def _activation_at_the_end(output: TensorSpec) -> Terms:
    """One application of the function per element of the result. Unit: elements."""
    return {"activation": output.elements}


for _kind, _operators in {
    "relu": (
        "conv#_relu", "conv2d_add_relu", "linear_relu", "linear_relu_dynamic", "linear_relu_dynamic_fp16", "add_relu",
        "add_scalar_relu", "mul_relu", "mul_scalar_relu", "batch_norm_relu", "batch_norm#_relu", "cat_relu",
    ),
    "leaky_relu": ("leaky_relu", "linear_leaky_relu"),
    "tanh": ("linear_tanh",),
    "relu6": ("relu6",),
    "elu": ("elu",),
    "celu": ("celu",),
    "prelu": ("prelu",),
    "sigmoid": ("sigmoid",),
    "hardswish": ("hardswish",),
    "threshold": ("threshold",),
}.items():  # fmt: skip  # a list of operators
    formula(_kind, *_names(*_operators))(_activation_at_the_end)


def _elementwise(output: Value) -> Terms:
    """One operation per element of the result, of each tensor of a list. Unit: elements."""
    return {"elementwise": sum(tensor.elements for tensor in tensors(output))}


formula(
    "elementwise",
    *_names(
        "add", "add_relu", "add_scalar", "add_scalar_relu", "mul", "mul_relu", "mul_scalar", "mul_scalar_relu", "clamp",
        "conv2d_add", "conv2d_add_relu",
    ),
)(_elementwise)  # fmt: skip  # a list of operators


formula(
    "quantize",
    "aten.quantize_per_tensor", "aten.quantize_per_channel", "aten.quantize_per_tensor_dynamic", "aten.dequantize",
)(_elementwise)  # fmt: skip  # a list of operators


@formula("batch_norm", *_names("batch_norm", "batch_norm_relu", "batch_norm#", "batch_norm#_relu"))
def quantized_batch_norm(qx: TensorSpec, weight: TensorSpec | None) -> Terms:
    """The normalization by recorded statistics. Unit: elements."""
    return {"normalize": qx.elements, "affine": qx.elements if weight is not None else 0}


free(*_names("cat", "dropout"), "aten.q_scale", "aten.q_zero_point", "aten.qscheme", "aten.int_repr")
