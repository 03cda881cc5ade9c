"""Activations, softmax, and arithmetic on single elements."""

from __future__ import annotations

from reconcile.reference.elements import has_fraction
from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


def _activation(self: TensorSpec) -> Terms:
    """One application of the function per element, where elements have a fraction.

    Unit: elements. Source: the documentation of the function in torch.nn.functional.
    """
    return {"activation": self.elements if has_fraction(self) else 0}


for _name in (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh",
    "hardtanh", "hardswish", "hardsigmoid", "hardshrink", "softshrink", "softplus", "log_sigmoid", "threshold",
    "rrelu",
):  # fmt: skip  # a list of operators
    formula(_name, f"aten.{_name}")(_activation)
formula("rrelu", "aten.rrelu_with_noise")(_activation)
formula("prelu", "aten.prelu", "aten._prelu_kernel")(_activation)
formula("log_sigmoid", "aten.log_sigmoid_forward")(_activation)


@formula("glu", "aten.glu")
def gated_linear_unit(output: TensorSpec) -> Terms:
    """a · σ(b) for the two halves of the input: an activation and a product per output.

    Unit: elements. Source: torch.nn.GLU's documentation; Dauphin et al., arXiv:1612.08083.
    """
    return {"activation": output.elements, "elementwise": output.elements}


@formula("softmax", "aten.softmax", "aten._softmax", "aten._safe_softmax", "aten.log_softmax", "aten._log_softmax")
def softmax(self: TensorSpec, dim: int, output: TensorSpec) -> Terms:
    """exp(x) / Σ exp(x) along an axis of n elements: n exponentials, n − 1 additions and n divisions per row.

    softmax: one per element; softmax_row: one per row. Unit: elements and rows. Source: torch.nn.Softmax's
    documentation.
    """
    length = self.shape[dim] if self.shape else 1
    return {"softmax": output.elements, "softmax_row": output.elements // max(length, 1)}


def _elementwise(output: Value) -> Terms:
    """One operation per element of the result, where the result has a fraction.

    Unit: elements. Source: the documentation of the function in torch.
    """
    return {"elementwise": sum(tensor.elements for tensor in tensors(output) if has_fraction(tensor))}


formula(
    "elementwise",
    *(
        f"aten.{name}"
        for name in (
            "add", "sub", "rsub", "mul", "div", "true_divide", "floor_divide", "remainder", "fmod", "neg", "abs",
            "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "pow", "reciprocal",
            "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh", "atanh",
            "erf", "erfc", "erfinv", "sign", "floor", "ceil", "round", "trunc", "frac",
            "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "fmax", "fmin",
            "lerp", "logaddexp", "hypot", "nan_to_num", "logit", "sinc", "xlogy", "special_expit",
            "bernoulli", "angle", "conj_physical", "_conj_physical", "copysign", "deg2rad", "rad2deg", "heaviside",
            "ldexp", "lgamma", "digamma", "polygamma", "mvlgamma", "igamma", "igammac", "i0", "sgn", "polar",
            "logaddexp2", "nextafter", "special_entr", "special_erfcx", "special_i0e", "special_i1", "special_i1e",
            "special_log_ndtr", "special_ndtri", "special_xlog1py", "special_zeta",
            "special_bessel_j0", "special_bessel_j1",
        )
    ),
)(_elementwise)  # fmt: skip  # a list of operators


@formula("elementwise", "aten.linalg_cross")
def cross_product(output: TensorSpec) -> Terms:
    """Two products and their difference per element. Unit: elements. Source: torch.linalg.cross's documentation."""
    return {"elementwise": 3 * output.elements if has_fraction(output) else 0}


@formula("elementwise", "aten.addcmul", "aten.addcdiv")
def product_with_addend(output: TensorSpec) -> Terms:
    """``a + value · b · c`` or ``a + value · b / c``: two operations per element.

    The factor ``value``, like ``alpha`` of a sum, is left out: it is 1 unless one is given.
    Unit: elements. Source: torch.addcmul's documentation.
    """
    return {"elementwise": 2 * output.elements if has_fraction(output) else 0}


def _compare(self: TensorSpec, output: TensorSpec) -> Terms:
    """One comparison per element of the result, where what is compared has a fraction.

    Unit: comparisons. Source: the documentation of the function in torch.
    """
    return {"compare": output.elements if has_fraction(self) else 0}


formula(
    "compare",
    *(
        f"aten.{name}"
        for name in (
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "isnan",
            "isinf",
            "isfinite",
            "isclose",
            "isposinf",
            "isneginf",
            "signbit",
        )
    ),
)(_compare)
