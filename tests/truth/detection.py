"""Non-maximum suppression in loops."""

from __future__ import annotations

from itertools import combinations

from tests.truth.arrays import Array
from tests.truth.numbers import Counted


def kept_boxes(boxes: Array, scores: Array, threshold: float) -> Array:
    """Drop each of ``boxes`` [N, 4] that overlaps one kept with a better score; every pair is compared beforehand."""
    tally = boxes.tally
    with tally.part("area"):
        areas = [(boxes[n, 2] - boxes[n, 0]) * (boxes[n, 3] - boxes[n, 1]) for n in range(boxes.shape[0])]
    limit = tally.number(threshold)
    overlapping = set()
    for pair in combinations(range(boxes.shape[0]), 2):
        overlap = _overlap(boxes, areas, *pair)
        with tally.part("compare"):
            if overlap > limit:
                overlapping |= {pair, pair[::-1]}
    kept: list[int] = []
    for n in sorted(range(boxes.shape[0]), key=lambda n: scores[(n,)].value, reverse=True):
        if not any((n, better) in overlapping for better in kept):
            kept.append(n)
    return boxes.make((len(kept),), lambda at: tally.number(float(kept[at])))


def _overlap(boxes: Array, areas: list[Counted], one: int, other: int) -> Counted:
    """Return the intersection over the union of two boxes (x, y, x', y'), by twelve operations."""
    tally = boxes.tally
    with tally.part("pair"):
        zero = tally.number(0.0)
        left, top = (_extreme("maximum", boxes[one, at], boxes[other, at]) for at in (0, 1))
        right, bottom = (_extreme("minimum", boxes[one, at], boxes[other, at]) for at in (2, 3))
        width, height = _extreme("clamp", right - left, zero), _extreme("clamp", bottom - top, zero)
        shared = width * height
        return shared / (areas[one] + areas[other] - shared)


def _extreme(name: str, one: Counted, other: Counted) -> Counted:
    return one.apply(name, min if name == "minimum" else max, other)
