"""Sizes of tensors that remember by which products they came about.

``x.shape[0] * x.shape[1]`` is arithmetic of Python, and no operator. ``torch.jit.trace`` makes tensors of sizes, so
the graph holds such products as ``aten::mul``, if an operator uses what comes of them, and a tool that counts in the
graph may count them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

PRODUCT = "size.mul"
"""The name under which a trace holds a product with a size."""


@dataclass(eq=False, slots=True)
class Product:
    """One product with a size: the modules that were running, and its node if an operator has used what came of it."""

    stack: tuple[str, ...]
    node: int | None = None


class Size(int):
    """A length, or a number of elements, as ``torch.Tensor.shape`` and ``numel`` give it while a model is traced.

    What is computed from it is one too, or a :class:`Ratio`, as it is a tensor in a graph of torch; ``int(size)`` is
    a plain number. ``products`` are those that led to it, ``begin`` makes one.
    """

    begin: Callable[[], Product]
    products: tuple[Product, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is a plain number."""
        return int, (int(self),)


class Ratio(float):
    """A number that is not whole, computed from sizes."""

    begin: Callable[[], Product]
    products: tuple[Product, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy is a plain number."""
        return float, (float(self),)


def _remembering(name: str) -> Callable[..., Any]:
    """Return an operator of the language that computes as on plain numbers, and remembers the products so far."""

    def operate(self: Size | Ratio, *other: Any) -> Any:
        if not all(isinstance(value, (int, float)) for value in other):
            return NotImplemented
        whole = isinstance(self, int) and all(isinstance(value, int) for value in other)
        kind = int if whole else float
        value = getattr(kind, name)(kind(self), *map(kind, other))
        if type(value) not in (int, float):
            return value
        result: Size | Ratio = _size(value, self.begin)
        earlier = (item for given in (self, *other) for item in getattr(given, "products", ()))
        result.products = tuple(dict.fromkeys((*earlier, *([self.begin()] if name in _PRODUCTS else []))))
        return result

    return operate


_PRODUCTS = ("__mul__", "__rmul__")
_OTHERS = ("add", "radd", "sub", "rsub", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "pow", "neg")

for _name in (*_PRODUCTS, *(f"__{name}__" for name in _OTHERS)):
    setattr(Size, _name, _remembering(_name))
    setattr(Ratio, _name, _remembering(_name))


def _size(value: float, begin: Callable[[], Product]) -> Size | Ratio:
    if type(value) is int:
        return _length(value, begin)
    result = Ratio(value)
    result.begin = begin
    return result


def _length(value: int, begin: Callable[[], Product]) -> Size:
    result = Size(value)
    result.begin = begin
    return result


def noticing(value: Any, begin: Callable[[], Product]) -> Any:
    """Return a shape, or one length, as sizes; other values as they are."""
    if type(value) is torch.Size:
        return torch.Size([_length(length, begin) for length in value])
    return _length(value, begin) if type(value) is int else value


def products_in(value: Any) -> Iterator[Product]:
    """Yield the products behind the sizes in nested arguments of a function."""
    if isinstance(value, (Size, Ratio)):
        yield from value.products
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from products_in(item)
    elif isinstance(value, slice):
        yield from products_in((value.start, value.stop, value.step))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from products_in(item)
