"""Arrays of counting numbers, indexed by position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product, starmap
from typing import TypeAlias

import torch

from tests.truth.numbers import Counted, Tally

Index: TypeAlias = tuple[int, ...]


def indices(shape: Iterable[int]) -> Iterator[Index]:
    """Yield every position of a shape, the last axis fastest."""
    return product(*map(range, shape))


@dataclass(frozen=True)
class Array:
    """A number at each position of a shape."""

    shape: Index
    cells: dict[Index, Counted]
    tally: Tally

    def __getitem__(self, index: Index) -> Counted:
        return self.cells[index]

    def __iter__(self) -> Iterator[Index]:
        return indices(self.shape)

    def map(self, function: Callable[[Counted], Counted]) -> Array:
        return self.make(self.shape, lambda *index: function(self.cells[index]))

    def make(self, shape: Iterable[int], number_at: Callable[..., Counted]) -> Array:
        """Return an array of another shape, with the same tally."""
        shape = tuple(shape)
        positions = list(indices(shape))
        return Array(shape, dict(zip(positions, starmap(number_at, positions), strict=True)), self.tally)

    def broadcast(self, index: Index) -> Counted:
        """Return the number at a position of a shape that this one is broadcast to."""
        own = index[len(index) - len(self.shape) :]
        return self.cells[tuple(0 if size == 1 else at for at, size in zip(own, self.shape, strict=True))]


def array(tensor: torch.Tensor, tally: Tally) -> Array:
    """Lift a tensor to counting numbers."""
    numbers = map(tally.number, tensor.flatten().tolist())
    return Array(tuple(tensor.shape), dict(zip(indices(tensor.shape), numbers, strict=True)), tally)


def tensor(counted: Array) -> torch.Tensor:
    """Return the values of an array, in double precision."""
    values = [counted[index].value for index in counted]
    dtype = torch.complex128 if any(isinstance(value, complex) for value in values) else torch.float64
    return torch.tensor(values, dtype=dtype).reshape(counted.shape)


def broadcast_shape(*shapes: Index) -> Index:
    """Return the shape that shapes are broadcast to: sizes aligned at the end, those of 1 stretched."""
    return tuple(torch.broadcast_shapes(*shapes))


def permuted(counted: Array, *axes: int) -> Array:
    """Return the array with these of its axes, in this order; one that is left out has size 1."""
    shape = tuple(counted.shape[axis] for axis in axes)
    cells = {tuple(index[axis] for axis in axes): number for index, number in counted.cells.items()}
    return Array(shape, cells, counted.tally)


def in_batch(loops: Callable[[Array], Array], source: Array, rank: int) -> Array:
    """Run loops that expect ``rank`` axes; an input that has one less is a batch of one."""
    if len(source.shape) == rank:
        return loops(source)
    batch = source.make((1, *source.shape), lambda _, *index: source[index])
    found = loops(batch)
    return found.make(found.shape[1:], lambda *index: found[0, *index])
