"""Changes that are planted into a world of runs are reported, each with its reason, and nothing else is."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from reconcile.changes import compare_runs
from reconcile.changes.record import NumberKey
from tests.changes.worlds import PLANTS, Change, World, reported, world

SEEDS = range(20)
SEEDS_OF_TWO = range(8)


@pytest.mark.parametrize("name", PLANTS)
def test_one_change(name: str) -> None:
    for seed in SEEDS:
        random = Random(seed)  # noqa: S311  # no secret
        before = world(random)
        planted = PLANTS[name](before, random)
        found = compare_runs(before.run(1), planted.world.run(2))
        assert reported(found) == planted.expected
        assert found.is_empty == (not planted.expected)


@pytest.mark.parametrize("names", tuple(combinations(PLANTS, 2)), ids=" and ".join)
def test_two_changes_at_once(names: tuple[str, str]) -> None:
    for seed in SEEDS_OF_TWO:
        random = Random(seed)  # noqa: S311  # no secret
        before = world(random)
        first = PLANTS[names[0]](before, random)
        second = PLANTS[names[1]](first.world, random)
        found = reported(compare_runs(before.run(1), second.world.run(2)))
        expected = {**first.expected, **second.expected}
        assert found.keys() == {place for place in expected if _shows(place, before, second.world)}
        for place, codes in found.items():
            planted = first.expected.get(place, frozenset()) | second.expected.get(place, frozenset())
            assert planted <= codes <= first.codes | second.codes


def _shows(place: Change, before: World, after: World) -> bool:
    """Whether a change is still to be seen beside another one, which may have hidden it."""
    kind, model, tool, metric = place
    if kind == "column":
        return True
    if tool and not (tool in before.tools and tool in after.tools):
        return False
    if kind not in ("number", "explanation"):
        return True
    then, now = (world.run(0).numbers[NumberKey(model, world.inputs[model], tool, metric)] for world in (before, after))
    if then.value is None or now.value is None:
        return False
    is_same = (then.value, then.reference) == (now.value, now.reference)
    return is_same if kind == "explanation" else then.value != now.value
