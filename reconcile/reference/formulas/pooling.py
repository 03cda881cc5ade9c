"""Average and maximum pooling, adaptive or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from reconcile.reference.formulas.windows import per_axis, positions_inside
from reconcile.reference.registry import Terms, formula
from reconcile.trace import TensorSpec, Value, tensors


@formula("average_pool1d", "aten.avg_pool1d")
@formula("average_pool2d", "aten.avg_pool2d")
@formula("average_pool3d", "aten.avg_pool3d")
def average_pool(
    self: TensorSpec,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    count_include_pad: bool,
    output: TensorSpec,
    operator: str,
) -> Terms:
    """A mean over a window of Π(kernel) elements per output: Π(kernel) − 1 additions and a division.

    pool = elements of all windows: padded zeros too where ``count_include_pad`` says so, and nothing of what a window
    has beyond the padding, as it may with ``ceil_mode``. pool_input = elements of the input.
    Unit: elements. Source: torch.nn.AvgPool2d's documentation.
    """
    size = _Window(_rank(operator), kernel_size, stride, padding, (1,))
    windows = _windows(self, output, size, with_padding=count_include_pad)
    return {"pool": windows, "pool_input": self.elements}


@formula("adaptive_average_pool1d", "aten.adaptive_avg_pool1d")
@formula("adaptive_average_pool2d", "aten.adaptive_avg_pool2d", "aten._adaptive_avg_pool2d")
@formula("adaptive_average_pool3d", "aten.adaptive_avg_pool3d", "aten._adaptive_avg_pool3d")
def adaptive_average_pool(self: TensorSpec, output: TensorSpec) -> Terms:
    """A mean over windows from ⌊i·in/out⌋ to ⌈(i+1)·in/out⌉ on every axis, which overlap where out does not divide in.

    pool = elements of all windows; pool_input = elements of the input.
    Unit: elements. Source: torch.nn.AdaptiveAvgPool2d's documentation and the reference implementation in torch._refs.
    """
    return {"pool": _adaptive_windows(self, output), "pool_input": self.elements}


@formula("max_pool1d", "aten.max_pool1d", "aten.max_pool1d_with_indices", "aten.quantized_max_pool1d")
@formula("max_pool2d", "aten.max_pool2d", "aten.max_pool2d_with_indices", "aten.quantized_max_pool2d")
@formula("max_pool3d", "aten.max_pool3d", "aten.max_pool3d_with_indices", "aten.quantized_max_pool3d")
def max_pool(
    self: TensorSpec,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    output: Value,
    operator: str,
) -> Terms:
    """A maximum over a window of Π(kernel) elements per output, padded ones too: one comparison less than elements.

    Unit: comparisons. Source: torch.nn.MaxPool2d's documentation.
    """
    values = next(tensors(output))
    size = _Window(_rank(operator), kernel_size, stride, padding, dilation)
    windows = _windows(self, values, size, with_padding=True)
    return {"max_pool": windows - values.elements, "pool_input": self.elements}


@formula("max_pool2d", "aten.fractional_max_pool2d")
@formula("max_pool3d", "aten.fractional_max_pool3d")
def fractional_max_pool(self: TensorSpec, kernel_size: Sequence[int], output: Value, operator: str) -> Terms:
    """A maximum over a window of Π(kernel) elements at a random place per output.

    Unit: comparisons. Source: Graham, arXiv:1412.6071; torch.nn.FractionalMaxPool2d's documentation.
    """
    values = next(tensors(output))
    window = prod(per_axis(kernel_size, _rank(operator)))
    return {"max_pool": values.elements * (window - 1), "pool_input": self.elements}


@formula("adaptive_max_pool1d", "aten.adaptive_max_pool1d")
@formula("adaptive_max_pool2d", "aten.adaptive_max_pool2d")
@formula("adaptive_max_pool3d", "aten.adaptive_max_pool3d")
def adaptive_max_pool(self: TensorSpec, output: Value) -> Terms:
    """A maximum over windows as those of adaptive average pooling.

    Unit: comparisons. Source: torch.nn.AdaptiveMaxPool2d's documentation.
    """
    values = next(tensors(output))
    return {"max_pool": _adaptive_windows(self, values) - values.elements, "pool_input": self.elements}


@dataclass(frozen=True, slots=True)
class _Window:
    """A window that slides over ``rank`` axes; ``kernel_size`` is the stride where none is given."""

    rank: int
    kernel_size: Sequence[int]
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]

    def axes(self) -> Iterator[tuple[int, ...]]:
        """Yield kernel size, stride, padding and dilation of each axis."""
        values = (self.kernel_size, self.stride or self.kernel_size, self.padding, self.dilation)
        return zip(*(per_axis(value, self.rank) for value in values), strict=True)


def _windows(given: TensorSpec, output: TensorSpec, window: _Window, *, with_padding: bool) -> int:
    """Elements of all windows: on each axis, the sum of the windows' lengths; over axes, the product.

    Every channel of every sample has the same.
    """
    sizes = zip(given.shape[-window.rank :], output.shape[-window.rank :], window.axes(), strict=True)
    lengths = 1
    for size_in, size_out, (kernel, stride, pad, dilation) in sizes:
        first, size = (0, size_in + 2 * pad) if with_padding else (pad, size_in)
        lengths *= positions_inside(size, size_out, kernel, stride, first, dilation)
    return prod(output.shape[: -window.rank]) * lengths


def _rank(operator: str) -> int:
    """Number of axes that a window slides over: 2 for ``aten.max_pool2d``."""
    return next(rank for rank in (1, 2, 3) if f"{rank}d" in operator)


def _adaptive_windows(input: TensorSpec, output: TensorSpec) -> int:
    """Elements of all windows: on one axis, the sum of the windows' lengths; over axes, the product."""
    total = 1
    for size_in, size_out in zip(input.shape, output.shape, strict=True):
        if size_in == size_out:
            total *= size_in
        else:
            total *= sum(-(-(i + 1) * size_in // size_out) - i * size_in // size_out for i in range(size_out))
    return total
