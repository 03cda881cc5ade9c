"""Linear layers, matrix products and attention."""

from __future__ import annotations

from math import prod

from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


@formula("linear", "aten.linear")
def linear(input: TensorSpec, bias: TensorSpec | None, output: TensorSpec) -> Terms:
    """``input`` [*, I] times ``weight`` [O, I] transposed, to ``output`` [*, O].

    mac = elements of the output · I; first_add and bias: one per output.
    Unit: multiply-adds. Source: torch.nn.Linear's documentation.
    """
    return {**sums_of_products(output, input.shape[-1]), "bias": output.elements if bias is not None else 0}


@formula(
    "matmul",
    "aten.matmul", "aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot", "aten.inner", "aten._int_mm",
    "aten._scaled_mm", "aten._weight_int8pack_mm",
)  # fmt: skip  # a list of operators
def matrix_product(self: TensorSpec, bias: TensorSpec | None, output: TensorSpec) -> Terms:
    """A product [*, n, m] × [*, m, p], batched, of vectors too.

    mac = elements of the output · m, where m is the last axis of the first factor; first_add: one per output, and bias
    where the operator takes one and it is given.
    Unit: multiply-adds. Source: torch.matmul's documentation.
    """
    products = sums_of_products(output, self.shape[-1] if self.shape else 1)
    return {**products, "bias": output.elements if bias is not None else 0}


@formula("matmul", "aten._grouped_mm", "aten._scaled_grouped_mm")
def grouped_matrix_product(self: TensorSpec, mat2: TensorSpec, bias: TensorSpec | None, output: TensorSpec) -> Terms:
    """Every row of ``self`` [n, m] times the matrix [m, p] of its group, or each group's columns times its rows.

    Unit: multiply-adds. Source: torch.nn.functional.grouped_mm's documentation.
    """
    products = output.elements * self.shape[-1]
    if len(self.shape) == len(mat2.shape) == 2:  # the groups share out the columns among them
        products //= max(output.shape[0], 1)
    return {
        "mac": products,
        "first_add": output.elements if products else 0,
        "bias": output.elements if bias is not None else 0,
    }


@formula("matmul", "aten.affine_grid_generator")
def affine_grid(theta: TensorSpec, output: TensorSpec) -> Terms:
    """Every position of a grid times a matrix ``theta`` [B, 2, 3] or [B, 3, 4].

    Unit: multiply-adds. Source: torch.nn.functional.affine_grid's documentation.
    """
    return sums_of_products(output, theta.shape[-1])


@formula("matmul", "aten.addmm", "aten.baddbmm")
def matrix_product_with_addend(
    mat1: TensorSpec | None, batch1: TensorSpec | None, beta: float, output: TensorSpec
) -> Terms:
    """``beta · addend + mat1 × mat2``, batched too: a product and, unless beta is 0, an addition, counted as a bias.

    Unit: multiply-adds. Source: torch.addmm's and torch.baddbmm's documentation.
    """
    first = mat1 or batch1
    assert first is not None, "one of the two is in the schema of either operator"
    return {**sums_of_products(output, first.shape[-1]), "bias": output.elements if beta else 0}


@formula("matmul", "aten.addmv", "aten.addbmm", "aten.addr")
def vector_product_with_addend(
    mat: TensorSpec | None, batch1: TensorSpec | None, beta: float, output: TensorSpec
) -> Terms:
    """``addend + mat × vec``, ``addend + Σ batch1 × batch2`` and ``addend + vec1 ⊗ vec2``; no addend where beta is 0.

    Unit: multiply-adds. Source: torch.addmv's, torch.addbmm's and torch.addr's documentation.
    """
    length = 1 if mat is None else mat.shape[-1]
    if batch1 is not None:
        length = batch1.shape[0] * batch1.shape[-1]
    return {**sums_of_products(output, length), "bias": output.elements if beta else 0}


def sums_of_products(output: TensorSpec, length: int) -> dict[str, int]:
    """Return the terms of an output whose elements are sums of ``length`` products; a sum of none saves nothing."""
    return {"mac": output.elements * length, "first_add": output.elements if length else 0}


@formula("bilinear", "aten.bilinear")
def bilinear(input1: TensorSpec, input2: TensorSpec, bias: TensorSpec | None, output: TensorSpec) -> Terms:
    """``(x₁ᵀ · A) · x₂ + b`` for ``weight`` [O, I₁, I₂] and rows x₁, x₂, read from left to right.

    mac = elements of the output · (I₁·I₂ + I₂); first_add: one per sum, I₂ + 1 for each output.
    Unit: multiply-adds. Source: torch.nn.Bilinear's documentation.
    """
    first, second = input1.shape[-1], input2.shape[-1]
    return {
        "mac": output.elements * (first * second + second),
        "first_add": output.elements * (second + 1),
        "bias": output.elements if bias is not None else 0,
    }


@formula("distance", "aten.cdist", "aten._cdist_forward", "aten._euclidean_dist")
def distances(x1: TensorSpec, output: TensorSpec) -> Terms:
    """The distance of every row of x₁ [*, P, M] from every row of x₂ [*, R, M]: M differences and their norm.

    Unit: elements. Source: torch.cdist's documentation.
    """
    differences = output.elements * x1.shape[-1]
    return {"elementwise": differences, "reduce": differences}


@formula("distance", "aten._pdist_forward")
def distances_within(self: TensorSpec, output: TensorSpec) -> Terms:
    """:func:`distances` of every pair of rows of one matrix. Unit: elements. Source: torch.pdist's documentation."""
    return distances(self, output)


@formula(
    "attention",
    "aten.scaled_dot_product_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_efficient_attention",
)
def attention(
    query: TensorSpec,
    key: TensorSpec,
    value: TensorSpec,
    attn_mask: TensorSpec | None,
    attn_bias: TensorSpec | None,
    is_causal: bool | None,
    output: Value,
) -> Terms:
    """softmax(Q·Kᵀ / √E + mask) · V for Q [*, H, L, E], K [*, G, S, E], V [*, G, S, Ev].

    mac = H·L·S·(E + Ev) for every leading index: all scores are computed, masked ones too, and grouped keys are
    shared without further products. first_add: one per score and per output. softmax: one per score, a row per query.
    elementwise: one scaling per score, and one addition where a mask is given or causal.
    Unit: multiply-adds. Source: Vaswani et al., "Attention is all you need", arXiv:1706.03762, equation 1;
    torch.nn.functional.scaled_dot_product_attention's documentation.
    """
    rows = prod(next(tensors(output)).shape[:-1])  # the output's, since leading axes may be broadcast
    scores = rows * key.shape[-2]
    masked = attn_mask is not None or attn_bias is not None or bool(is_causal)
    return {
        "mac": scores * (query.shape[-1] + value.shape[-1]),
        "first_add": (scores if query.shape[-1] else 0) + (rows * value.shape[-1] if key.shape[-2] else 0),
        "softmax": scores,
        "softmax_row": rows,
        "elementwise": scores * (2 if masked else 1),
    }
