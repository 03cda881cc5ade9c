"""Sums, means, norms and extrema over axes, and losses."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.reference.elements import has_fraction
from reconcile.reference.registry import EitherKind, Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


def _reduction(self: TensorSpec, output: Value) -> Terms:
    """One operation per element of the input, where it or the result has a fraction.

    Unit: elements. Source: the documentation of the function in torch.
    """
    counts = has_fraction(self) or any(map(has_fraction, tensors(output)))
    return {"reduce": self.elements if counts else 0}


formula(
    "reduction",
    *(
        f"aten.{name}"
        for name in (
            "sum", "mean", "prod", "var", "std", "var_mean", "std_mean", "amax", "amin", "aminmax",
            "argmax", "argmin", "norm", "linalg_vector_norm", "linalg__powsum", "native_norm", "renorm", "dist",
            "logsumexp", "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "_logcumsumexp", "nansum",
            "histc", "bincount",
        )
    ),
)(_reduction)  # fmt: skip  # a list of operators


def _extreme_kind(named: Mapping[str, Value]) -> str:
    return "reduction" if named.get("other") is None else "elementwise"


@formula(EitherKind(("reduction", "elementwise"), _extreme_kind), "aten.max", "aten.min")
def extreme(self: TensorSpec, other: TensorSpec | None, output: Value) -> Terms:
    """The extreme over axes, as other reductions; or of two tensors, element by element.

    Unit: elements. Source: torch.max's documentation.
    """
    if other is None:
        return _reduction(self, output)
    return {"elementwise": sum(tensor.elements for tensor in tensors(output) if has_fraction(tensor))}


@formula(
    "sort",
    "aten.sort",
    "aten.topk",
    "aten.kthvalue",
    "aten.median",
    "aten.nanmedian",
    "aten.mode",
    "aten._unique2",
    "aten.unique_dim",
)
def sort(self: TensorSpec, dim: int | None) -> Terms:
    """Comparisons of a merge sort along an axis of n elements, at most n·⌈log₂ n⌉ per row.

    The largest k, the k-th and the distinct elements count as if all were sorted.
    Unit: comparisons. Source: Knuth, "The Art of Computer Programming", volume 3, section 5.2.4.
    """
    length = self.elements if dim is None or not self.shape else self.shape[dim]
    passes = (length - 1).bit_length() if length else 0
    return {"compare": self.elements * passes if has_fraction(self) else 0}


@formula("embedding_bag", "aten.embedding_bag", "aten._embedding_bag", "aten._embedding_bag_forward_only")
def embedding_bag(weight: TensorSpec, indices: TensorSpec, per_sample_weights: TensorSpec | None) -> Terms:
    """Rows of ``weight`` [N, D] looked up and reduced over each bag; with weights of samples, multiplied before.

    Unit: elements. Source: torch.nn.EmbeddingBag's documentation.
    """
    looked_up = indices.elements * weight.shape[-1]
    return {"reduce": looked_up, "elementwise": looked_up if per_sample_weights is not None else 0}


@formula("scatter", "aten.scatter")
def scatter_with(self: TensorSpec, index: TensorSpec, reduce: str | None) -> Terms:
    """As ``scatter_add`` where ``reduce`` names an operation; otherwise elements are only moved.

    Unit: elements. Source: torch.Tensor.scatter's documentation.
    """
    return {"reduce": index.elements if reduce is not None and has_fraction(self) else 0}


@formula("scatter", "aten.index_put", "aten._index_put_impl", "aten._unsafe_index_put")
def index_put(values: TensorSpec, accumulate: bool | None, output: TensorSpec) -> Terms:
    """Elements that are added to the places that indices name; without ``accumulate`` they are only moved.

    Unit: elements. Source: torch.Tensor.index_put_'s documentation.
    """
    return {"reduce": values.elements if accumulate and has_fraction(output) else 0}


@formula("scatter", "aten.scatter_add", "aten.scatter_reduce", "aten.index_reduce", "aten.index_add")
def scatter(index: TensorSpec, src: TensorSpec | None, source: TensorSpec | None) -> Terms:
    """Elements that are added to, or otherwise reduced into, the places that an index names.

    Unit: elements. Source: torch.Tensor.scatter_add's and index_add's documentation.
    """
    if source is not None:
        return {"reduce": source.elements if has_fraction(source) else 0}
    return {"reduce": index.elements if src is None or has_fraction(src) else 0}


@formula("fold", "aten.col2im")
def fold(self: TensorSpec) -> Terms:
    """Elements of blocks that overlap, added up. Unit: elements. Source: torch.nn.Fold's documentation."""
    return {"reduce": self.elements}


@formula("fold", "aten.unfold_backward")
def overlap_and_add(grad_in: TensorSpec) -> Terms:
    """Elements of windows that overlap, added up, as the inverse of a short-time Fourier transform does.

    Unit: elements. Source: torch.istft's documentation.
    """
    return {"reduce": grad_in.elements}


@formula("reduction", "aten.segment_reduce")
def segment_reduce(data: TensorSpec) -> Terms:
    """Elements reduced over segments. Unit: elements. Source: torch.segment_reduce's documentation."""
    return {"reduce": data.elements}


@formula("reduction", "aten.trace")
def matrix_trace(self: TensorSpec) -> Terms:
    """The sum of a matrix's diagonal. Unit: elements. Source: torch.trace's documentation."""
    return {"reduce": min(self.shape)}


def _loss(self: TensorSpec, output: Value) -> Terms:
    """One evaluation of the loss per element and, unless each is returned, their sum.

    Unit: elements. Source: the documentation of the function in torch.nn.functional.
    """
    reduced = next(tensors(output)).shape != self.shape
    return {"elementwise": self.elements, "reduce": self.elements if reduced else 0}


formula(
    "loss",
    "aten.mse_loss", "aten.smooth_l1_loss", "aten.huber_loss", "aten.soft_margin_loss", "aten.binary_cross_entropy",
    "aten.binary_cross_entropy_with_logits",
)(_loss)  # fmt: skip  # a list of operators


@formula("loss", "aten.nll_loss_forward", "aten.nll_loss2d_forward")
def negative_log_likelihood(target: TensorSpec, reduction: int) -> Terms:
    """The sum of one looked-up value per target, unless each is returned.

    Unit: elements. Source: torch.nn.NLLLoss's documentation.
    """
    return {"reduce": target.elements if reduction else 0}
