"""Collecting calls while a model runs: a stack of those under way, and values without their data."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from reconcile.execution import Reading
from reconcile.trace.fusion import fusion_of_module
from reconcile.trace.modules import plain_name, type_name
from reconcile.trace.packed import unpack
from reconcile.trace.sizes import PRODUCT, Product, Ratio, Size
from reconcile.trace.tree import ROOT, Call, Fusion, TensorSpec, Value
from reconcile.trace.uses import Uses


class Recorder:
    """Collects calls while the model runs; a stack of lists, one for each call that is under way."""

    def __init__(self, module: nn.Module) -> None:
        """Be ready for a run of the module, which belongs to the tracer."""
        self._module = module
        self._paths = {below: path for path, below in module.named_modules()}
        self._parameters = {id(parameter): name for name, parameter in module.named_parameters()}
        self._open: list[list[Call]] = [[]]
        self._stacks: list[tuple[str, ...]] = [(ROOT,)]
        self._fusions: list[Fusion] = []
        self.calls: dict[str, int] = {}
        self.used: set[str] = set()
        self.readings: list[Reading] = []
        self.can_be_repeated = True
        self.uses = Uses()
        self._nodes: dict[int, int] = {}

    def root(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Call:
        """Return the call of the model itself, made of what it called if its hooks were passed by."""
        unused = self.uses.unused(output)
        left_over = frozenset(call for call, node in self._nodes.items() if node in unused)
        recorded = [_marked(call, left_over) for call in self._open[0]] if left_over else self._open[0]
        if len(recorded) == 1 and recorded[0].kind == "module" and recorded[0].path == ROOT:
            return recorded[0]
        self.calls[ROOT] = 1
        inputs = tuple(self.describe(value) for value in args)
        named = {key: self.describe(value) for key, value in kwargs.items()}
        name = type_name(type(self._module))
        return Call("module", name, (ROOT,), inputs, named, self.describe(output), tuple(recorded))

    def open(self) -> None:
        """A call begins."""
        self._open.append([])

    def close(self) -> tuple[Call, ...]:
        """The call ends; return what it called."""
        return tuple(self._open.pop())

    def add(
        self, kind: Literal["function", "operator"], name: str, inputs: tuple[Value, ...], named: Mapping[str, Value],
        output: Value, children: tuple[Call, ...], *, kept: bool = False, fusion: Fusion = "", node: int | None = None,
    ) -> None:  # fmt: skip  # one entry a line would fill the page
        """Record a call that has ended, in the module that is running; ``node`` if it is one, see :class:`Uses`."""
        call = Call(kind, name, self._stacks[-1], inputs, named, output, children, kept=kept, fusion=fusion)
        self._open[-1].append(call)
        if node is not None:
            self._nodes[id(call)] = node

    def begin_product(self) -> Product:
        """A size is multiplied, in the module that is running."""
        return Product(self._stacks[-1])

    def node_of(self, product: Product) -> int:
        """Return the node of a product of sizes, which is recorded now if this is its first use."""
        if product.node is None:
            product.node = self.uses.add()
            call = Call("size", PRODUCT, product.stack, (), {}, None)
            self._open[-1].append(call)
            self._nodes[id(call)] = product.node
        return product.node

    def note_use(self, tensor: torch.Tensor) -> None:
        """Note that an operator is given the tensor, if it is a parameter."""
        name = self._parameters.get(id(tensor))
        if name is not None:
            self.used.add(name)

    def watching(self) -> _ModuleHooks:
        """Record the calls of the model's modules while the returned context is open."""
        return _ModuleHooks(self._module, self._enter, self._leave)

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        path = self._paths[module]
        self._stacks.append((path, *self._stacks[-1]) if path != ROOT else (ROOT,))
        self._fusions.append(fusion_of_module(module, args, kwargs))
        self.open()

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        children = self.close()
        stack, fusion = self._stacks.pop(), self._fusions.pop()
        path = stack[0]
        number = self.calls.get(path, 0)
        self.calls[path] = number + 1
        call = Call(
            kind="module",
            name=type_name(type(module)),
            stack=stack,
            inputs=tuple(self.describe(value) for value in args),
            named={key: self.describe(value) for key, value in kwargs.items()},
            output=self.describe(output),
            children=children,
            number=number,
            fusion=fusion,
        )
        self._open[-1].append(call)

    def describe(self, value: Any) -> Value:
        """Return a value without its data."""
        if isinstance(value, torch.Tensor) and not is_lazy(value):
            return TensorSpec(
                tuple(map(int, value.shape)),  # the sizes that a model reads remember products
                plain_name(value.dtype),
                self._parameters.get(id(value)),
                getattr(value, "_reconcile_source", ""),
            )
        if isinstance(value, (Size, Ratio)):
            return int(value) if isinstance(value, int) else float(value)
        if isinstance(value, (bool, int, float, str, type(None))):
            return value
        if isinstance(value, (tuple, list)):
            return tuple(self.describe(item) for item in value)
        if isinstance(value, Mapping):
            return {str(key): self.describe(item) for key, item in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {item.name: self.describe(getattr(value, item.name)) for item in dataclasses.fields(value)}
        if isinstance(value, torch.ScriptObject):
            return {name: self.describe(item) for name, item in unpack(value).items()}
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return plain_name(value)
        return f"<{type(value).__name__}>"


def _marked(call: Call, unused: frozenset[int], *, inside: bool = False) -> Call:
    """The call with what is not used marked as such, with all that it consists of; ``unused`` are identities."""
    inside = inside or id(call) in unused
    children = tuple(_marked(child, unused, inside=inside) for child in call.children)
    if not inside and all(map(operator.is_, children, call.children)):
        return call
    return dataclasses.replace(call, children=children, unused=inside)


class _ModuleHooks:
    """Hooks on every module of a copy, taken off again at the end."""

    def __init__(self, module: nn.Module, enter: Callable[..., None], leave: Callable[..., None]) -> None:
        self._module, self._enter, self._leave = module, enter, leave
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        for module in self._module.modules():
            if isinstance(module, torch.jit.ScriptModule):  # takes no hooks: it belongs to the module above it
                continue
            self._handles.append(module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True))
            self._handles.append(module.register_forward_hook(self._leave, with_kwargs=True, always_call=True))

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
