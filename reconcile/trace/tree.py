"""The data of a trace: what ran, in which module, on which shapes.

One execution is a tree of calls. A module call holds the calls that ran inside it; a function call
(``torch.nn.functional.linear``, ``torch.Tensor.__add__``) holds the operators that it dispatched; an operator that
torch composes of others (``aten.linear``) holds those (``aten.t``, ``aten.addmm``). A product of sizes of tensors
(``x.shape[0] * 2``), which is no operator, is there as ``size.mul``. Nothing here holds a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reconcile.execution import Readings

Kind = Literal["module", "function", "operator", "size"]

Fusion = Literal["", "without-gradients", "always"]
"""Whether a CPU runs a call as one operator, so that nobody sees its parts: never, without gradients, or always."""

ROOT = ""
"""The path of the model itself; its children are ``features``, ``features.0`` and so on."""


@dataclass(frozen=True)  # without slots: thousands travel between processes, and pickle takes those faster
class TensorSpec:
    """A tensor's shape without its data.

    ``parameter`` is its qualified name if it is a parameter of the model; ``source`` is the name of the operator
    that produced it, or an empty text for inputs, parameters and constants.
    """

    shape: tuple[int, ...]
    dtype: str
    parameter: str | None = None
    source: str = ""

    @property
    def elements(self) -> int:
        """Number of elements: the product of the shape."""
        count = 1
        for size in self.shape:
            count *= size
        return count


Value: TypeAlias = "TensorSpec | int | float | bool | str | tuple[Value, ...] | Mapping[str, Value] | None"


@dataclass(frozen=True)  # without slots: thousands travel between processes, and pickle takes those faster
class Call:
    """One call and what it called.

    ``name`` is a class (``torch.nn.Conv2d``), a function (``torch.nn.functional.relu``) or an operator without its
    overload (``aten.addmm``). ``stack`` are the paths of the modules that were running, innermost first; of a module
    call, the module itself is the first. ``inputs`` are positional arguments, ``named`` the keyword ones; an
    operator's are all named, after its schema, with defaults filled in. ``number`` counts the calls of one module
    from 0. ``kept`` is a function that the program had kept under a name of its own, rather than to look it up in
    torch when it calls it: one that a tool which replaces functions of torch does not see. ``unused`` is an operator or
    a product of sizes on which nothing depends that the model returns. ``fusion`` tells whether a
    CPU runs the call as one operator; its parts are here all the same.
    """

    kind: Kind
    name: str
    stack: tuple[str, ...]
    inputs: tuple[Value, ...]
    named: Mapping[str, Value]
    output: Value
    children: tuple[Call, ...] = ()
    number: int = 0
    kept: bool = False
    fusion: Fusion = ""
    unused: bool = False

    @property
    def path(self) -> str:
        """The module in which it ran."""
        return self.stack[0]

    def walk(self) -> Iterator[Call]:
        """Yield this call and all below it, parents first, in the order of execution."""
        pending = [self]
        while pending:
            call = pending.pop()
            yield call
            pending.extend(reversed(call.children))


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter: its first qualified name, shape, type, whether it is trained, and every name that it goes by.

    ``packed`` is one of a quantized layer, which ``Module.parameters()`` does not have.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    names: tuple[str, ...]
    packed: bool = False

    @property
    def elements(self) -> int:
        """Number of elements: the product of the shape."""
        return TensorSpec(self.shape, "").elements


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A module of the model, whether it ran or not.

    ``path`` is its first name. ``visits`` are the paths under which a walk over children reaches it, one more for
    each further owner. ``last_path`` is its last name in the model's order: of an owner that has it under several, the
    last of these. ``parameters`` maps the module's own parameter names to their first qualified names.
    ``attributes`` are its public plain values (``kernel_size``, ``stride``, ``affine``, ...).
    """

    path: str
    type: str
    bases: tuple[str, ...]
    parameters: Mapping[str, str]
    children: tuple[str, ...]
    visits: tuple[str, ...]
    last_path: str
    training: bool
    attributes: Mapping[str, Value]

    @property
    def is_leaf(self) -> bool:
        """Whether it is a layer rather than a container of layers, empty ones included."""
        return not self.children and self.type not in _CONTAINERS

    @property
    def class_name(self) -> str:
        """The class's own name, without its package."""
        return self.type.rpartition(".")[2]


_CONTAINERS = ("torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict")


@dataclass(frozen=True, slots=True)
class Trace:
    """One execution of a model.

    ``execution`` tells how: ``meta`` (tensors without data) or ``real`` (values were needed). ``calls`` counts the
    calls of each module that ran, by path; ``used_parameters`` are those that an operator was given; ``readings`` is
    what control flow read of values in a real run, or None where it read memory that no operator saw.
    ``in_evaluation`` is, beside a trace in training, one in evaluation mode, into which some tools put every model.
    """

    root: Call
    modules: Mapping[str, ModuleInfo]
    parameters: Mapping[str, ParameterInfo]
    inputs: tuple[Value, ...]
    named_inputs: Mapping[str, Value]
    execution: Literal["meta", "real"]
    mode: Literal["eval", "train"]
    calls: Mapping[str, int] = field(default_factory=dict)
    used_parameters: frozenset[str] = frozenset()
    readings: Readings | None = ()
    in_evaluation: Trace | None = None

    @property
    def uncalled(self) -> tuple[str, ...]:
        """Paths of the modules that never ran, in the model's order.

        One has run, too, if something below it has, or if its parameters were used without calling it, as attention
        uses those of its last layer. Packed parameters count as used; an empty container has nothing to run.
        """
        return tuple(
            path
            for path, module in self.modules.items()
            if (module.children or module.is_leaf) and not any(map(self._ran, self._below(module)))
        )

    def _ran(self, path: str) -> bool:
        module = self.modules[path]
        used = any(name in self.used_parameters or self.parameters[name].packed for name in module.parameters.values())
        return path in self.calls or used

    def _below(self, module: ModuleInfo) -> Iterator[str]:
        """Yield the path of a module and of all below it."""
        yield module.path
        for child in module.children:
            yield from self._below(self.modules[child])


def tensors(value: Value) -> Iterator[TensorSpec]:
    """Yield every tensor in a nested value, in order."""
    if isinstance(value, TensorSpec):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)
