"""The named causes of a difference between a tool and the reference. Codes are stable: scripts read them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """A stable code, and what it means in one line."""

    code: str
    meaning: str


_ALL = (
    Cause(
        "unit", "One side counts a multiply-add as one operation, the other as two, or as two less the first addition."
    ),
    Cause("bias", "One side counts the addition of a bias, the other does not."),
    Cause(
        "normalization",
        "Normalization layers (batch, layer, group, instance) are counted by one side only, or at another cost.",
    ),
    Cause("activation", "Activation functions are counted by one side only, or at another cost."),
    Cause("pooling", "Pooling layers are counted by one side only, or at another cost."),
    Cause(
        "elementwise",
        "Element-by-element arithmetic (additions, products, scaling) is counted by one side only, or at another cost.",
    ),
    Cause("attention", "The two products of attention are left out, or counted differently."),
    Cause("softmax", "Softmax is counted by one side only, or at another cost."),
    Cause("resample", "Interpolation and other resampling are counted by one side only, or at another cost."),
    Cause("reduction", "Sums, means, norms and extrema over axes are counted by one side only, or at another cost."),
    Cause("unsupported-layer", "The tool has no rule for this type of layer, so it counts as nothing."),
    Cause("unseen-function", "An operation that no module wraps is invisible to a tool that watches modules."),
    Cause(
        "container",
        "Booked on another row: a rule on a layer that has parts stops the descent, or the tool names no layer.",
    ),
    Cause(
        "double-counting", "The tool counts one execution twice, as a module and as the function that the module calls."
    ),
    Cause("reuse", "A layer with several owners, or a shared parameter, is counted more than once, or only once."),
    Cause("fused-path", "A fused operator hides its parts from the tool."),
    Cause("unused", "Nothing that the model returns depends on the result, so a traced graph does not hold it."),
    Cause("untraced", "A layer that the model owns never ran, so the tool did not see it."),
    Cause("size-arithmetic", "Products of sizes of tensors count, since a traced graph holds sizes as tensors."),
    Cause("mode", "The tool puts the model into evaluation mode, in which other things run or count."),
    Cause("batch", "One side reports a single sample, the other the whole batch."),
    Cause("formula", "The tool counts this layer by a formula that differs from the documented one."),
    Cause("frozen", "Parameters that are not trained are left out."),
    Cause("input", "The bytes of the model's inputs are added to those of outputs."),
    Cause("parameters", "The bytes of parameters are added to those of outputs."),
    Cause("gradients", "Every output is counted twice: for itself, and for its gradient."),
    Cause("rounding", "The tool returns a rounded number."),
    Cause("unexplained", "What is left when every known rule has been applied: a finding."),
)

CAUSES = {cause.code: cause for cause in _ALL}
"""Every cause by its code, in the order in which reports list them."""

TERM_CAUSES = {
    "mac": "unit",
    "first_add": "unit",
    "bias": "bias",
    "padding_mac": "formula",
    "normalize": "normalization",
    "statistics": "normalization",
    "affine": "normalization",
    "activation": "activation",
    "softmax": "softmax",
    "softmax_row": "softmax",
    "pool": "pooling",
    "pool_input": "pooling",
    "max_pool": "pooling",
    "elementwise": "elementwise",
    "reduce": "reduction",
    "resample": "resample",
    "compare": "elementwise",
}
"""The cause that a difference in the weight of a term has."""
