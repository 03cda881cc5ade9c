"""A rulebook of another version keeps what holds, in its own words, and takes what is new from the lesson."""

from __future__ import annotations

import pytest

from reconcile.learn import Lesson, revised
from reconcile.learn.battery import by_name
from reconcile.learn.observe import observe_structure
from reconcile.learn.structure import BATCHES, NETWORKS
from reconcile.rules import Rule, Rulebook, compare_rulebooks
from reconcile.tools import ADAPTERS
from tests.learn.test_learn import learned, observations
from tests.learn.tools import Hooks

LINEAR, RELU = "torch.nn.Linear", "torch.nn.ReLU"


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    with pytest.MonkeyPatch.context() as patch:
        book = learned(Hooks("hooks"), patch)
        patch.setitem(ADAPTERS, "hooks", Hooks("hooks"))
        structure = {(name, batch): observe_structure("hooks", name, batch) for name in NETWORKS for batch in BATCHES}
        unused = tuple(item for item in observations("hooks") if item.trace is not None)
    return Lesson(book, unused, checked=(), structural=(), refused={}, structure=structure)


def known(lesson: Lesson, *rules: Rule, **fields: str) -> Rulebook:
    modules = lesson.rulebook.modules
    assert modules is not None
    update = {"rules": list(rules), **fields}
    return lesson.rulebook.model_copy(update={"versions": ["0"], "modules": modules.model_copy(update=update)})


def test_what_holds_stays_in_its_words(lesson: Lesson) -> None:
    same = Rule(names=[LINEAR], counts={"mac": "2 * output_elements * input_last", "bias": 1})
    book = known(lesson, same, Rule(names=[RELU], counts={"activation": 3}))
    found = revised(book, lesson)
    assert found.versions == ["1"]
    assert found.modules == book.modules
    assert list(compare_rulebooks(book, found)) == []


def test_a_rule_that_changed_is_taken_from_the_lesson(lesson: Lesson) -> None:
    both = Rule(names=[LINEAR, RELU], counts={"mac": 1, "activation": "3 * output_elements"})
    found = revised(known(lesson, both), lesson)
    assert found.modules is not None
    assert found.modules.rules == [
        Rule(names=[LINEAR], counts={"mac": 2, "bias": 1}),
        Rule(names=[RELU], counts={"mac": 1, "activation": "3 * output_elements"}),
    ]
    (sentence,) = compare_rulebooks(known(lesson, both), found)
    assert sentence == (
        "torch.nn.Linear: hooks 0 counts activation 3 * output_elements + mac 1, hooks 1 counts bias 1 + mac 2."
    )


def test_what_is_watched_is_taken_from_the_lesson(lesson: Lesson) -> None:
    right = (Rule(names=[LINEAR], counts={"mac": 2, "bias": 1}), Rule(names=[RELU], counts={"activation": 3}))
    found = revised(known(lesson, *right, owners="each"), lesson)
    assert found.modules == known(lesson, *right).modules


def test_layers_that_neither_predicts_have_no_formula(lesson: Lesson) -> None:
    modules = lesson.rulebook.modules
    assert modules is not None
    wrong = modules.model_copy(update={"rules": [Rule(names=[RELU], counts={"activation": 3})]})
    helpless = Lesson(
        lesson.rulebook.model_copy(update={"modules": wrong}), lesson.unused, (), (), {}, structure=lesson.structure
    )
    found = revised(known(lesson, Rule(names=[RELU], counts={"activation": 3})), helpless)
    for name, numbers in found.without_formula.items():
        assert name.partition(" (")[0] == LINEAR
        setting = name.removeprefix(LINEAR).strip(" ()")
        assert numbers == [item.total for item in lesson.unused if (item.subject, item.setting) == (LINEAR, setting)]
    assert len(found.without_formula) == sum(subject == LINEAR for subject, _ in by_name())
