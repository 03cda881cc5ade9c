"""Interpolation: resizing, sampling at given positions, and what detection models do with regions and boxes."""

from __future__ import annotations

from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


def _resample(output: Value) -> Terms:
    """One interpolation per element of the result.

    Unit: elements. Source: torch.nn.functional.interpolate's and grid_sample's documentation.
    """
    return {"resample": sum(tensor.elements for tensor in tensors(output))}


for _kind, _names in {
    "nearest_resample1d": ("upsample_nearest1d", "_upsample_nearest_exact1d"),
    "nearest_resample2d": ("upsample_nearest2d", "_upsample_nearest_exact2d"),
    "nearest_resample3d": ("upsample_nearest3d", "_upsample_nearest_exact3d"),
    "linear_resample1d": ("upsample_linear1d",),
    "linear_resample2d": ("upsample_bilinear2d", "_upsample_bilinear2d_aa"),
    "linear_resample3d": ("upsample_trilinear3d",),
    "cubic_resample2d": ("upsample_bicubic2d", "_upsample_bicubic2d_aa"),
    "grid_resample": ("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"),
}.items():
    formula(_kind, *(f"aten.{_name}" for _name in _names))(_resample)


@formula("roi_align", "torchvision.roi_align")
def roi_align(sampling_ratio: int, output: TensorSpec) -> Terms | None:
    """The mean of s² interpolated values per bin of each region, for a sampling ratio s.

    resample and pool: s² per element of the output. With a ratio of 0 or less the number of samples depends on the
    regions' sizes, which are data, so nothing is known.
    Unit: elements. Source: He et al., arXiv:1703.06870, section 3; torchvision.ops.roi_align's documentation.
    """
    if sampling_ratio <= 0:
        return None
    samples = output.elements * sampling_ratio**2
    return {"resample": samples, "pool": samples}


@formula("non_maximum_suppression", "torchvision.nms")
def non_maximum_suppression(dets: TensorSpec) -> Terms:
    """The overlap of every pair of n boxes, compared with a threshold: n·(n − 1)/2 comparisons.

    elementwise: 3 per box for its area (two differences, a product); 12 per pair: two maxima, two minima, two
    differences, two clamps and a product for the intersection, a sum and a difference for the union, a division.
    All pairs are counted, as the parallel algorithm computes them; one by one, boxes that are already suppressed are
    passed over, and how many these are depends on data.
    Unit: operations. Source: torchvision.ops.nms's and torchvision.ops.box_iou's documentation.
    """
    boxes = dets.shape[0]
    pairs = boxes * (boxes - 1) // 2
    return {"compare": pairs, "elementwise": 12 * pairs + 3 * boxes}
