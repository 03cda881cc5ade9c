"""How many bytes a rulebook says that a tool counts: outputs of modules, inputs, parameters."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from reconcile.reference import element_bytes, written_bytes
from reconcile.rules.parameters import predict_parameters
from reconcile.rules.rulebook import InputMemory, Memory, Rulebook
from reconcile.trace import ROOT, Call, ModuleInfo, TensorSpec, Trace, Value, tensors


@dataclass(frozen=True, slots=True)
class OutputClaim:
    """What a tool counts for what one call of a module puts out, in bytes.

    It is what the call writes and the sum of ``differences``, by cause. ``omitted`` is the cause for which the tool
    counts nothing; empty if it counts.
    """

    call: Call
    differences: Mapping[str, int]
    omitted: str = ""

    @property
    def value(self) -> int:
        """What the tool counts in all."""
        return 0 if self.omitted else written_bytes(self.call) + sum(self.differences.values())


@dataclass(frozen=True, slots=True)
class MemoryClaims:
    """What a tool counts for outputs, call by call; for parameters, by layer; for inputs, by where it books them."""

    outputs: tuple[OutputClaim, ...] = ()
    parameters: Mapping[str, int] | None = None
    inputs: Mapping[str, int] | None = None

    @property
    def total(self) -> int:
        """All of it."""
        added = (*(self.parameters or {}).values(), *(self.inputs or {}).values())
        return sum(claim.value for claim in self.outputs) + sum(added)


def predict_memory(rulebook: Rulebook, trace: Trace) -> MemoryClaims:
    """Return what a rulebook says of the memory of a forward pass."""
    memory = rulebook.memory
    if memory is None:
        return MemoryClaims()
    sizes = {id(call): _size(memory, call.output, trace) for call in _module_calls(trace)}
    claims = tuple(_claim(memory, call, sizes[id(call)], trace) for call in _module_calls(trace))
    if memory.first_axis == "printed" and sum(claim.value for claim in claims) < 0:
        claims = tuple(_claim(memory, call, -sizes[id(call)], trace) for call in _module_calls(trace))
    return MemoryClaims(claims, _parameters(rulebook, memory, trace), _inputs(memory.input, memory, trace))


def _module_calls(trace: Trace) -> Iterator[Call]:
    return (call for call in trace.root.walk() if call.kind == "module")


def _claim(memory: Memory, call: Call, size: int, trace: Trace) -> OutputClaim:
    """What is counted for a call; ``size`` are the bytes of its output as the tool takes them."""
    module = trace.modules[call.path]
    omitted = _omitted(memory, call, module, trace)
    if omitted:
        return OutputClaim(call, {}, omitted)
    counted = _in_single_precision(size) if memory.precision == "single" else size
    owners = len(module.visits) if memory.owners == "each" else 1
    differences = {
        _cause_of_size(memory, call, trace): size - written_bytes(call),
        "rounding": counted - size,
        "gradients": (memory.times - 1) * counted,
        "reuse": (owners - 1) * memory.times * counted,
    }
    return OutputClaim(call, {cause: delta for cause, delta in differences.items() if delta})


def _omitted(memory: Memory, call: Call, module: ModuleInfo, trace: Trace) -> str:
    """Why a call of a module counts nothing; an empty text if it counts."""
    if (memory.watch == "leaves" and module.children) or (memory.model == "never" and module.path == ROOT):
        return "container"
    if any(name in memory.skipped for name in (module.type, *module.bases)):
        return "unsupported-layer"
    if memory.without_parameters == "omitted" and all(trace.parameters[n].packed for n in module.parameters.values()):
        return "unsupported-layer"
    return "reuse" if memory.calls == "last" and call.number + 1 < trace.calls[call.path] else ""


def _size(memory: Memory, output: Value, trace: Trace) -> int:
    """Bytes of an output as the tool takes them."""
    counted = _first(output) if memory.tensors == "first" else tuple(tensors(output))
    sizes = [prod(_shape(memory, tensor, trace, alone=isinstance(output, TensorSpec))) for tensor in counted]
    return _bytes(memory, counted, sizes, as_product=memory.tensors == "product")


def _bytes(memory: Memory, counted: Sequence[TensorSpec], sizes: Sequence[int], *, as_product: bool) -> int:
    """Bytes of tensors that the tool takes for so many elements each."""
    each = [memory.element_bytes or element_bytes(tensor.dtype) for tensor in counted]
    if as_product:
        return prod(sizes) * each[0] if each else 0
    return sum(size * bytes_each for size, bytes_each in zip(sizes, each, strict=True))


def _first(output: Value) -> tuple[TensorSpec, ...]:
    """The first tensor, if there is one; of a mapping, that of the last entry."""
    entry = tuple(output.values())[-1:] if isinstance(output, Mapping) else output
    return tuple(tensors(entry))[:1]


def _shape(memory: Memory, tensor: TensorSpec, trace: Trace, *, alone: bool) -> Sequence[int]:
    match memory.first_axis:
        case "kept":
            return tensor.shape
        case "dropped":
            return tensor.shape[1:]
        case "printed":
            batch = _batch(trace)
            return (batch if alone and batch > 1 else -1, *tensor.shape[1:])


def _cause_of_size(memory: Memory, call: Call, trace: Trace) -> str:
    """Why the size of an output is another than what it takes: one sample is counted, or another formula."""
    output = call.output
    of_the_batch = isinstance(output, TensorSpec) and output.shape[:1] == (_batch(trace),)
    return "batch" if memory.first_axis == "dropped" and of_the_batch else "formula"


def _parameters(rulebook: Rulebook, memory: Memory, trace: Trace) -> dict[str, int]:
    if memory.parameters is None:
        return {}
    found: dict[str, int] = {}
    for layer, name in predict_parameters(rulebook.model_copy(update={"parameters": memory.parameters}), trace).counted:
        parameter = trace.parameters[name]
        size = parameter.elements * (memory.element_bytes or element_bytes(parameter.dtype))
        found[layer] = found.get(layer, 0) + size
    return found


def _inputs(given: InputMemory | None, memory: Memory, trace: Trace) -> dict[str, int]:
    """Bytes of the inputs: of those given by position, or by name where there are none."""
    if given is None:
        return {}
    counted = [*tensors(trace.inputs or trace.named_inputs)]
    if given.sizes == "product":
        size = _batch(trace) * _bytes(memory, counted, [prod(tensor.shape[1:]) for tensor in counted], as_product=True)
    else:
        size = _bytes(memory, counted, [tensor.elements for tensor in counted], as_product=False)
    return {given.booked_on: size + given.overhead * len(counted)}


def _batch(trace: Trace) -> int:
    """Length of the first tensor that the model is given."""
    first = next(tensors((*trace.inputs, trace.named_inputs)), None)
    return first.shape[0] if first is not None and first.shape else 1


def _in_single_precision(number: int) -> int:
    """The nearest number with 24 binary digits."""
    return int(struct.unpack("f", struct.pack("f", number))[0])
