"""Whether two tools put models in the same order: how many pairs of models they order oppositely, and which.

Exact whatever the size of the numbers: numpy sees ranks alone, and these come from Python's integers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from heapq import nsmallest
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Model = TypeVar("Model", bound=Hashable)

_KEPT = 20


@dataclass(frozen=True, slots=True)
class Flip(Generic[Model]):
    """A pair of models of which one tool says that ``lower`` is below ``upper``, and the other that it is above.

    ``gap`` and ``other_gap`` are by how much, for each tool, the smaller number lies below the larger: 0.5 is half.
    """

    lower: Model
    upper: Model
    gap: float
    other_gap: float


@dataclass(frozen=True, slots=True)
class Order(Generic[Model]):
    """All pairs of models: each is ordered alike, ordered oppositely (flipped), or tied by one tool or by both.

    ``flips`` are those on which both tools see the widest gaps: sorted by the narrower of the two, widest first.
    """

    model_pairs: int
    flipped: int
    tied: int
    flips: tuple[Flip[Model], ...]

    @property
    def kendall_tau(self) -> Fraction | None:
        """Kendall's tau-a: pairs ordered alike less those that are flipped, out of all; None where there is no pair."""
        if self.model_pairs == 0:
            return None
        return Fraction(self.model_pairs - self.tied - 2 * self.flipped, self.model_pairs)


def compare_order(one: Mapping[Model, int], other: Mapping[Model, int]) -> Order[Model]:
    """Compare how two tools order the same models, each number by its model."""
    models = list(one)
    ours, theirs = [one[model] for model in models], [other[model] for model in models]
    product = np.triu(_signs(ours) * _signs(theirs), k=1)
    pairs = len(models) * (len(models) - 1) // 2
    flips = [
        _flip(models, ours, theirs, *((row, column) if ours[row] < ours[column] else (column, row)))
        for row, column in np.argwhere(product < 0).tolist()
    ]
    # A stable order: of gaps that are the same to all digits, the models that stand first come first.
    kept = nsmallest(_KEPT, flips, key=lambda flip: -min(flip.gap, flip.other_gap))
    return Order(pairs, len(flips), pairs - int(np.count_nonzero(product)), tuple(kept))


def _signs(values: list[int]) -> NDArray[np.int64]:
    """For each two models, whether the row's number is below, equal or above the column's: -1, 0, 1."""
    place = {value: rank for rank, value in enumerate(sorted(set(values)))}
    ranks = np.array([place[value] for value in values], dtype=np.int64)
    signs: NDArray[np.int64] = np.sign(ranks[:, None] - ranks[None, :])
    return signs


def _flip(models: list[Model], ours: list[int], theirs: list[int], lower: int, upper: int) -> Flip[Model]:
    return Flip(models[lower], models[upper], _gap(ours[lower], ours[upper]), _gap(theirs[upper], theirs[lower]))


def _gap(smaller: int, larger: int) -> float:
    # Python rounds the quotient of two integers correctly, so that no two gaps change places.
    return (larger - smaller) / max(abs(larger), abs(smaller))
