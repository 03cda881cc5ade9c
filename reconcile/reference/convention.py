"""A convention: a weight for each term, with the kind of layer where that matters. Data, in configs/conventions/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from reconcile.configs import StrictModel, data_folder, load
from reconcile.errors import ReconcileError, UnlistedKindError, did_you_mean
from reconcile.reference.terms import TERMS

DEFAULT_CONVENTION = "macs"


class Convention(StrictModel):
    """How to add up terms.

    ``weights`` hold for every kind of layer; ``kinds`` replace them for one kind. ``unlisted`` says what becomes of a
    kind that ``kinds`` does not name: it follows ``weights``, or it is an error.
    """

    name: str
    unit: Literal["MAC", "FLOP"]
    description: str
    source: str
    weights: dict[str, int] = Field(default_factory=dict)
    kinds: dict[str, dict[str, int]] = Field(default_factory=dict)
    unlisted: Literal["weights", "error"] = "weights"

    @field_validator("weights")
    @classmethod
    def _known_terms(cls, weights: dict[str, int]) -> dict[str, int]:
        for term in weights:
            if term not in TERMS:
                raise ValueError(f"unknown term '{term}'{did_you_mean(term, TERMS)}")
        return weights

    @field_validator("kinds")
    @classmethod
    def _known_terms_in_kinds(cls, kinds: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        for weights in kinds.values():
            cls._known_terms(weights)
        return kinds

    def weight(self, kind: str, term: str) -> int:
        """Return the weight of a term in a kind of layer."""
        return self.kinds.get(kind, self.weights).get(term, 0)

    def value(self, kind: str, terms: Mapping[str, int]) -> int:
        """Return what one operator of a kind counts: the sum of weight times term."""
        weights = self.kinds.get(kind, self.weights)
        return sum(weights.get(term, 0) * amount for term, amount in terms.items())

    def require_listed(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Check pairs of a kind and the layer that it ran in.

        Raises:
            UnlistedKindError: ``unlisted`` is ``error`` and a kind is not listed; names each with its layers.
        """
        if self.unlisted != "error":
            return
        missing = Counter(kind for kind, _ in kinds if kind not in self.kinds)
        if missing:
            listed = ", ".join(f"{kind} ({number})" for kind, number in sorted(missing.items()))
            raise UnlistedKindError(f"convention '{self.name}' has no rule for: {listed}.")


@cache
def convention_names() -> tuple[str, ...]:
    """Return the names of the conventions that come with the project, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_convention(name: str) -> Convention:
    """Return a convention by its name, or from a YAML file by its path.

    Raises:
        ReconcileError: No such convention (with the nearest names), or a file that is not one.
    """
    if name in convention_names():
        return load(Convention, _folder() / f"{name}.yaml")
    if name.endswith((".yaml", ".yml")):
        return load(Convention, Path(name))
    raise ReconcileError(f"unknown convention '{name}'{did_you_mean(name, convention_names())}")


def _folder() -> Path:
    return data_folder() / "conventions"
