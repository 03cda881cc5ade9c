"""Printed names of models, and the models here that they stand for; nothing is guessed in silence."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from reconcile.errors import ReconcileError, did_you_mean
from reconcile.zoo import ModelSpec, all_names, resolve


@dataclass(frozen=True)
class NamedModel:
    """The model that a name stands for, None if none does, and what there is to say about that."""

    spec: ModelSpec | None
    note: str = ""


@cache
def find_model(name: str, said_to_be: str = "", *, own_models: bool = False) -> NamedModel:
    """Return the model of a name as it is printed, or of what a file says that it is here.

    A name is a model's own (``resnet50``, ``timm/NAME``), or the same letters and digits as one's and no other's
    (``ResNet-50``), which the note says. ``package.module:callable`` is code that would be run, and a model only with
    ``own_models``: a file may come from anywhere.
    """
    wanted = said_to_be or name
    if ":" in wanted and not own_models:
        return NamedModel(None, f"'{wanted[:80]}' is code, which is run only where models of one's own are asked for")
    try:
        return NamedModel(resolve(wanted))
    except ReconcileError as error:
        if said_to_be:
            return NamedModel(None, str(error))
    same = _by_letters().get(_letters(name), [])
    if len(same) == 1:
        return NamedModel(resolve(same[0]), f"'{name}' is taken as {same[0]}")
    return NamedModel(None, f"there is no model '{name}' here{did_you_mean(name, all_names())}")


@cache
def _by_letters() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in all_names():
        found[_letters(name)].append(name)
    return found


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
