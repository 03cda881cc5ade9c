"""What a model's result depends on.

A traced graph does not hold what leads to nothing: ``torch.jit.trace`` takes out operators whose results nobody uses,
as the weights of an attention layer that the model drops. The nodes are the operators that a program calls, and the
products of sizes; parts of operators belong to those.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from reconcile.execution import tensors_in


class Uses:
    """Nodes in the order of execution, by number, and for each the nodes whose results it was given."""

    def __init__(self) -> None:
        """Begin a run."""
        self._needs: list[frozenset[int]] = []
        self._written: dict[int, set[int]] = {}
        self._sizes: list[frozenset[int]] = []

    def add(self, needs: Iterable[int] = ()) -> int:
        """Add a node; return its number."""
        self._needs.append(frozenset(needs))
        return len(self._needs) - 1

    def begin_function(self, sizes: Iterable[int]) -> None:
        """A function begins that is given products of sizes: all operators that it calls use them."""
        self._sizes.append(frozenset(sizes))

    def end_function(self) -> None:
        """The function ends."""
        self._sizes.pop()

    def needs_of(self, given: Iterable[Any]) -> frozenset[int]:
        """Return the nodes that made the tensors which an operator is given, or wrote into their memory."""
        made = (node for tensor in tensors_in(tuple(given)) for node in self._makers(tensor))
        return frozenset(made).union(*self._sizes)

    def add_operator(self, needs: frozenset[int], given: Iterable[Any], written: Iterable[Any], output: Any) -> int:
        """Add an operator that has run; return its number."""
        node = self.add(needs)
        known = {_memory(tensor) for tensor in tensors_in(tuple(given))}
        for tensor in tensors_in((output,)):
            if _memory(tensor) not in known:
                self._written.pop(_memory(tensor), None)  # new memory, where something else may have been before
            tensor._reconcile_node = node  # type: ignore[attr-defined]  # the tensor is the tracer's own
        for tensor in tensors_in(tuple(written)):
            self._written.setdefault(_memory(tensor), set()).add(node)
        return node

    def unused(self, output: Any) -> frozenset[int]:
        """Return the nodes that nothing in a model's output depends on; none if it holds objects of unknown kinds."""
        try:
            pending = [node for tensor in _tensors_of(output) for node in self._makers(tensor)]
        except TypeError:
            return frozenset()
        used: set[int] = set()
        while pending:
            node = pending.pop()
            if node not in used:
                used.add(node)
                pending.extend(self._needs[node])
        return frozenset(range(len(self._needs))) - used

    def _makers(self, tensor: torch.Tensor) -> Iterator[int]:
        node = getattr(tensor, "_reconcile_node", None)
        if node is not None:
            yield node
        yield from self._written.get(_memory(tensor), ())


def _memory(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a tensor of another layout has no storage of its own
        return id(tensor)


def _tensors_of(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of a model's output.

    Raises:
        TypeError: It holds something else than tensors, plain values and containers of these.
    """
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors_of(item)
    elif isinstance(value, Mapping):
        yield from _tensors_of(tuple(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _tensors_of(tuple(getattr(value, item.name) for item in dataclasses.fields(value)))
    elif not isinstance(value, (bool, int, float, str, type(None))):
        raise TypeError(type(value).__name__)
