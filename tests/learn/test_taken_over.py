"""Rules that are not learned come from the rulebook that is known, and what they predict is checked."""

from __future__ import annotations

import torch
from torch import nn

from reconcile.learn.taken_over import predicted_not_learned, what_was_taken_over, with_rules_taken_over
from reconcile.rules import load_rulebook
from reconcile.trace import trace


def test_known_rules_are_kept() -> None:
    known = load_rulebook("mmengine")
    learned = known.model_copy(update={"activations": None})
    assert with_rules_taken_over(learned, ["activations"], known) == known
    assert with_rules_taken_over(learned, [], known) == learned
    assert with_rules_taken_over(learned, ["activations", "memory"], None) == learned
    # A tool of which another thing is learned than operators has no outputs of operators.
    hooks = learned.model_copy(update={"operators": None})
    assert with_rules_taken_over(hooks, ["activations"], known) == hooks


def test_what_they_predict() -> None:
    # 2 x 3 outputs; of torchstat, those of one sample, four bytes each.
    found = trace(nn.Sequential(nn.Linear(4, 3)), (torch.zeros(2, 4),))
    assert predicted_not_learned(load_rulebook("mmengine"), found) == {"activations": 6}
    assert predicted_not_learned(load_rulebook("torchstat-madd"), found) == {"memory": 12}
    assert predicted_not_learned(load_rulebook("thop"), found) == {}


def test_it_is_said() -> None:
    known = load_rulebook("mmengine")
    assert list(what_was_taken_over(known, ["memory", "activations"])) == [
        "rules for activations are not learned: they are those of the rulebook that is known.",
        "rules for memory are not learned: there are none.",
    ]
