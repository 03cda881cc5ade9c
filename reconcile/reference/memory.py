"""Memory of a forward pass, in bytes, as the summaries of models print it: over leaf modules, each call for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch

from reconcile.trace import Call, TensorSpec, Trace, Value, tensors


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """What the calls of one module read (its inputs and own parameters) and write (its outputs), in bytes."""

    read_bytes: int
    written_bytes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one forward pass, in bytes.

    ``input_bytes`` are the model's inputs, ``parameter_bytes`` its parameters, a shared one once. ``layers`` holds, by
    path in order of execution, what each leaf module reads and writes: a layer without children that ran. Sums and
    products outside of such layers are not in it.

    Source: torchsummary/torchsummary.py (input, forward/backward pass, parameters) and torchstat/compute_memory.py
    (memory read and written).
    """

    input_bytes: int
    parameter_bytes: int
    layers: Mapping[str, LayerMemory] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """Return every total by its name."""
        names = (
            "input_bytes",
            "parameter_bytes",
            "forward_backward_bytes",
            "read_bytes",
            "written_bytes",
            "total_bytes",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def read_bytes(self) -> int:
        """What all leaf modules read."""
        return sum(layer.read_bytes for layer in self.layers.values())

    @property
    def written_bytes(self) -> int:
        """What all leaf modules write: the memory of an inference that keeps every output."""
        return sum(layer.written_bytes for layer in self.layers.values())

    @property
    def forward_backward_bytes(self) -> int:
        """Every output twice: once itself and once its gradient."""
        return 2 * self.written_bytes

    @property
    def total_bytes(self) -> int:
        """Inputs, outputs with their gradients, and parameters."""
        return self.input_bytes + self.forward_backward_bytes + self.parameter_bytes


def memory(trace: Trace) -> Memory:
    """Return the memory of a forward pass. Sizes follow the types that ran, so half precision takes half."""
    parameters = {
        parameter.name: TensorSpec(parameter.shape, parameter.dtype) for parameter in trace.parameters.values()
    }
    layers: dict[str, LayerMemory] = {}
    for call in _leaf_calls(trace):
        own = (parameters[name] for name in trace.modules[call.path].parameters.values())
        before = layers.get(call.path, LayerMemory(0, 0))
        layers[call.path] = LayerMemory(
            before.read_bytes + _bytes(call.inputs) + _bytes(call.named) + _sum_of_bytes(own),
            before.written_bytes + written_bytes(call),
        )
    return Memory(_bytes(trace.inputs) + _bytes(trace.named_inputs), _sum_of_bytes(parameters.values()), layers)


def written_bytes(call: Call) -> int:
    """Bytes of everything that a call puts out."""
    return _bytes(call.output)


def _leaf_calls(trace: Trace) -> Iterator[Call]:
    for call in trace.root.walk():
        if call.kind == "module" and trace.modules[call.path].is_leaf:
            yield call


def _bytes(value: Value) -> int:
    return _sum_of_bytes(tensors(value))


def _sum_of_bytes(specs: Iterable[TensorSpec]) -> int:
    return sum(tensor.elements * element_bytes(tensor.dtype) for tensor in specs)


@cache
def element_bytes(dtype: str) -> int:
    """Bytes of one element of a type."""
    found: torch.dtype = getattr(torch, dtype)
    return found.itemsize
