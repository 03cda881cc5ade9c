"""Sums, means, norms and extrema over axes, and resampling."""

from __future__ import annotations

from reconcile.reference.elements import has_fraction
from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


def _reduction(self: TensorSpec) -> Terms:
    """One operation per element of the input, where it has a fraction.

    Unit: elements. Source: the documentation of the function in torch.
    """
    return {"reduce": self.elements if has_fraction(self) else 0}


formula(
    "reduction",
    *(
        f"aten.{name}"
        for name in (
            "sum", "mean", "prod", "var", "std", "var_mean", "std_mean", "amax", "amin", "aminmax", "max", "min",
            "argmax", "argmin", "norm", "linalg_vector_norm", "logsumexp", "cumsum", "cumprod", "nansum", "median",
        )
    ),
)(_reduction)  # fmt: skip


def _resample(output: Value) -> Terms:
    """One interpolation per element of the result.

    Unit: elements. Source: torch.nn.functional.interpolate's documentation.
    """
    return {"resample": sum(tensor.elements for tensor in tensors(output))}


formula(
    "resample",
    *(
        f"aten.{name}"
        for name in (
            "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
            "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact1d",
            "_upsample_nearest_exact2d", "_upsample_nearest_exact3d", "_upsample_bilinear2d_aa",
            "_upsample_bicubic2d_aa", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d",
        )
    ),
)(_resample)  # fmt: skip
