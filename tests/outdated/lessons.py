"""Rulebooks of a tool in two versions, and lessons that nobody had to wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconcile.isolation import Workers
from reconcile.learn import Lesson
from reconcile.rules import Modules, Parameters, Rule, Rulebook, load_rulebook

LINEAR = "torch.nn.Linear"


def book(version: str, weight: int, **further: Any) -> Rulebook:
    """A rulebook that counts each product of a linear layer so many times, and all parameters."""
    rules = [Rule(names=[LINEAR], counts={"mac": weight})]
    facts: dict[str, Any] = {
        "tool": "counter",
        "versions": [version],
        "unit": "MAC",
        "description": "",
        "modules": Modules(rules=rules),
        "parameters": Parameters(of="all"),
    }
    return Rulebook(**{**facts, **further})


def lesson_on(rulebook: Rulebook) -> Lesson:
    return Lesson(rulebook, unused=(), checked=(), structural=(), refused={})


def without_biases(tool: str, workers: Workers[Any], progress: Callable[[str], None]) -> Lesson:
    """A lesson on a torchinfo that no longer counts what biases add to a linear layer."""
    progress(tool)
    name, _, version = tool.partition("==")
    rule = Rule(bases=[LINEAR], counts={"mac": "weight_elements * output_batch"})
    changes = {"versions": [version], "modules": Modules(watch="leaves", rules=[rule])}
    return lesson_on(load_rulebook(name).model_copy(update=changes))
