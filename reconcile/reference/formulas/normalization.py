"""Batch, layer, group and instance normalization."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.reference.registry import EitherKind, Terms, formula
from reconcile.trace import TensorSpec, Value

_CONVOLUTIONS = ("aten.conv1d", "aten.conv2d", "aten.conv3d", "aten.conv_transpose", "aten.convolution")


def _batch_norm_kind(named: Mapping[str, Value]) -> str:
    """Tell apart a batch normalization directly behind a convolution: it folds into that when a model is deployed."""
    source = named.get("input")
    behind = isinstance(source, TensorSpec) and source.source.startswith(_CONVOLUTIONS)
    return "folded_batch_norm" if behind and not named.get("training") else "batch_norm"


_BATCH_NORM = EitherKind(("folded_batch_norm", "batch_norm"), _batch_norm_kind)


@formula(_BATCH_NORM, "aten.batch_norm", "aten.native_batch_norm", "aten._native_batch_norm_legit")
def batch_norm(input: TensorSpec, weight: TensorSpec | None, training: bool | None) -> Terms:
    """(x − mean) / √(var + ε) · weight + bias, per channel of ``input`` [B, C, *].

    normalize and, with learned parameters, affine: one per element. In training mode the mean and variance come from
    the batch: statistics, one per element.
    Unit: elements. Source: Ioffe and Szegedy, arXiv:1502.03167, algorithm 1; torch.nn.BatchNorm2d's documentation.
    """
    return _normalization(input, weight, with_statistics=bool(training))


@formula(_BATCH_NORM, "aten._native_batch_norm_legit_no_training")
def batch_norm_in_evaluation(input: TensorSpec, weight: TensorSpec | None) -> Terms:
    """Batch normalization by the recorded mean and variance: no statistics.

    Unit: elements. Source: torch.nn.BatchNorm2d's documentation.
    """
    return _normalization(input, weight, with_statistics=False)


@formula("layer_norm", "aten.layer_norm", "aten.native_layer_norm")
def layer_norm(input: TensorSpec, weight: TensorSpec | None) -> Terms:
    """Normalization over the last axes of ``input`` [*, N]; statistics, normalize and affine: one per element.

    Unit: elements. Source: Ba et al., arXiv:1607.06450; torch.nn.LayerNorm's documentation.
    """
    return _normalization(input, weight, with_statistics=True)


@formula("group_norm", "aten.group_norm", "aten.native_group_norm")
def group_norm(input: TensorSpec, weight: TensorSpec | None) -> Terms:
    """Normalization over groups of channels of ``input`` [B, C, *]; terms as :func:`layer_norm`.

    Unit: elements. Source: Wu and He, arXiv:1803.08494; torch.nn.GroupNorm's documentation.
    """
    return _normalization(input, weight, with_statistics=True)


@formula("instance_norm", "aten.instance_norm")
def instance_norm(input: TensorSpec, weight: TensorSpec | None, use_input_stats: bool | None) -> Terms:
    """Normalization over each channel of each sample; statistics only where they come from the input.

    Unit: elements. Source: Ulyanov et al., arXiv:1607.08022; torch.nn.InstanceNorm2d's documentation.
    """
    return _normalization(input, weight, with_statistics=bool(use_input_stats))


@formula("rms_norm", "aten.rms_norm")
def rms_norm(input: TensorSpec, weight: TensorSpec | None) -> Terms:
    """x / √(mean(x²) + ε) · weight; statistics, normalize and, with a weight, affine: one per element.

    Unit: elements. Source: Zhang and Sennrich, arXiv:1910.07467; torch.nn.RMSNorm's documentation.
    """
    return _normalization(input, weight, with_statistics=True)


@formula("weight_norm", "aten._weight_norm", "aten._weight_norm_interface")
def weight_norm(v: TensorSpec) -> Terms:
    """``g · v / ‖v‖``: the norm reduces, and the scale multiplies, every element of ``v``.

    Unit: elements. Source: Salimans and Kingma, arXiv:1602.07868, equation 2; torch.nn.utils.weight_norm's
    documentation.
    """
    return {"reduce": v.elements, "elementwise": v.elements}


def _normalization(input: TensorSpec, weight: TensorSpec | None, *, with_statistics: bool) -> Terms:
    return {
        "normalize": input.elements,
        "statistics": input.elements if with_statistics else 0,
        "affine": input.elements if weight is not None else 0,
    }
