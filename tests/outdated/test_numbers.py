"""Both rulebooks are evaluated on one trace; what has no formula makes a number uncertain, moved or not."""

from __future__ import annotations

from reconcile.outdated import Number, Study, compare_models, numbers_of, study_sentences
from reconcile.rules import Modules, Rule
from reconcile.trace import trace_spec
from reconcile.zoo import resolve
from tests.outdated.lessons import LINEAR, book
from tests.run.models import MACS, PARAMETERS

NET = "tests.run.models:net"


def test_numbers_of_both_versions() -> None:
    trace, _ = trace_spec(resolve(NET))
    assert list(numbers_of(NET, trace, book("1", 1), book("2", 2, unit="FLOP"))) == [
        Number(NET, "compute", MACS, 2 * MACS, "MAC", "FLOP"),
        Number(NET, "params", PARAMETERS, PARAMETERS, "parameter", "parameter"),
    ]
    silent = book("2", 2, unit="", parameters=None)
    assert list(numbers_of(NET, trace, book("1", 1), silent)) == []


def test_what_a_model_holds_without_a_formula() -> None:
    trace, _ = trace_spec(resolve(NET))
    misses = book("2", 1, without_formula={f"{LINEAR} (bias is False)": [7], "torch.nn.LSTM": [8]})
    (compute, params) = numbers_of(NET, trace, book("1", 1), misses)
    assert (compute.moves, compute.without_formula) == (False, (LINEAR,))
    assert params.without_formula == ()
    assert next(numbers_of(NET, trace, misses, book("2", 1))).without_formula == (LINEAR,)


def test_a_tool_that_forces_evaluation_is_held_against_evaluation() -> None:
    spec = resolve("tests.outdated.models:in_training", mode="train")  # there its linear layer runs twice
    trace, _ = trace_spec(spec)
    found = next(numbers_of(spec.name, trace, book("1", 1, mode="as-is"), book("2", 1, mode="eval")))
    assert (found.known, found.learned) == (2 * 3 * 5 * 5, 3 * 5 * 5)


def test_sentences() -> None:
    study = Study("counter==2", "counter", "1", ("a sentence.",), book("1", 1), book("2", 1))
    numbers = [
        Number("a", "compute", 1_000, 3_500, "MAC", "MAC"),
        Number("a", "params", 7, 5, "parameter", "parameter"),
        Number("b", "compute", 1_000, 2_000, "MAC", "FLOP", (LINEAR, "torch.exp")),
        Number("c", "compute", 4, 4, "MAC", "MAC", (LINEAR,)),
        Number("d", "compute", 4, 4, "MAC", "MAC"),
    ]
    assert list(study_sentences(study, numbers)) == [
        "a sentence.",
        "a: 1,000 becomes 3,500 (+2,500).",
        "a, parameters: 7 becomes 5 (-2).",
        "b: 1,000 MAC becomes 2,000 FLOP; this is not certain, as no formula was found for torch.nn.Linear, torch.exp.",
        "2 of 4 models keep their numbers; 1 of them holds what no formula was found for, so that it is not "
        "certain there.",
    ]
    unknown = Study("counter==2", "counter", "1", ("a sentence.",), None, book("2", 1))
    assert list(study_sentences(unknown, ())) == ["a sentence."]


def test_what_gives_no_number_is_named_and_the_others_go_on() -> None:
    rule = Rule(names=[LINEAR], counts={"mac": "no_such_quantity * 2"})
    studies = [
        Study("counter==2", "counter", "1", (), book("1", 1), book("2", 3)),
        Study("other==2", "other", "1", (), book("1", 1), book("2", 1, modules=Modules(rules=[rule]))),
        Study("third==2", "third", "1", problem="it cannot be made."),
    ]
    seen: list[str] = []
    found = compare_models(studies, [resolve("tests.outdated.models:raises"), resolve(NET)], progress=seen.append)
    assert seen == ["tests.outdated.models:raises", NET]
    assert [number.learned for number in found.of_studies[0]] == [3 * MACS, PARAMETERS]
    assert found.of_studies[1:] == ((), ())
    raised, unfit = found.problems
    assert "no model today" in raised
    assert unfit.startswith(f"a rulebook of other==2 does not fit {NET}: ")
    assert "no_such_quantity" in unfit


def test_without_anything_learned_no_model_is_traced() -> None:
    studies = [Study("torch==3", "torch", "2", remark="it is shared.")]
    assert compare_models(studies, [resolve("tests.outdated.models:raises")]).problems == ()
