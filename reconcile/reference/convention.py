"""A convention: a weight for each term, with the kind of layer where that matters. Data, in configs/conventions/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, WithJsonSchema, field_validator

from reconcile.configs import StrictModel, data_folder, load
from reconcile.errors import ReconcileError, UnlistedKindError, did_you_mean
from reconcile.reference import formulas  # noqa: F401  # registers every formula, and so every kind of layer
from reconcile.reference.registry import any_dimension
from reconcile.reference.registry import kinds as known_kinds
from reconcile.reference.terms import TERMS

DEFAULT_CONVENTION = "macs"


_WEIGHTS_SCHEMA = {
    "type": "object",
    "propertyNames": {"enum": sorted(TERMS)},
    "additionalProperties": {"type": "integer", "minimum": -(10**9), "maximum": 10**9},
}
_KINDS = sorted({*known_kinds(), *map(any_dimension, known_kinds())})
_KINDS_SCHEMA = {"type": "object", "propertyNames": {"enum": _KINDS}, "additionalProperties": _WEIGHTS_SCHEMA}

Weight: TypeAlias = Annotated[int, Field(ge=-(10**9), le=10**9)]
Weights: TypeAlias = Annotated[dict[str, Weight], WithJsonSchema(_WEIGHTS_SCHEMA)]
"""A weight for each term that counts."""


class Convention(StrictModel):
    """How to add up terms.

    ``weights`` hold for every kind of layer; ``kinds`` replace them for one kind. ``unlisted`` says what becomes of a
    kind that ``kinds`` does not name: it follows ``weights``, or it is an error. ``leaf_types`` are the types of layers
    without children that the convention knows, where it knows them by type; any other is an error. ``extends`` names
    conventions of the same unit, or files beside this one, of which everything holds that this one does not say
    otherwise; of several, the last counts.
    """

    name: str
    unit: Literal["MAC", "FLOP"]
    description: str
    source: str
    extends: list[str] = Field(default_factory=list)
    weights: Weights = Field(default_factory=dict)
    kinds: Annotated[dict[str, Weights], WithJsonSchema(_KINDS_SCHEMA)] = Field(default_factory=dict)
    unlisted: Literal["weights", "error"] = "weights"
    leaf_types: list[str] | None = None

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
        for kind, weights in kinds.items():
            if kind not in _KINDS:
                raise ValueError(f"unknown kind of layer '{kind}'{did_you_mean(kind, _KINDS)}")
            cls._known_terms(weights)
        return kinds

    def weight(self, kind: str, term: str) -> int:
        """Return the weight of a term in a kind of layer."""
        return self._weights_of(kind).get(term, 0)

    def value(self, kind: str, terms: Mapping[str, int]) -> int:
        """Return what one operator of a kind counts: the sum of weight times term."""
        weights = self._weights_of(kind)
        return sum(weights.get(term, 0) * amount for term, amount in terms.items())

    def _weights_of(self, kind: str) -> Mapping[str, int]:
        """The weights of the kind itself (``average_pool2d``), of the kind in any dimension, or of all kinds."""
        return self.kinds.get(kind, self.kinds.get(any_dimension(kind), self.weights))

    def require_listed(self, kinds: Collection[str], leaf_types: Collection[str]) -> None:
        """Check the kinds of layers, and the types of layers without children, that ran.

        Raises:
            UnlistedKindError: The convention refuses what it does not list, and there is such; names each with the
                number of operators or of layers.
        """
        complaints = []
        if self.unlisted == "error":
            listed = {kind for kind in kinds if kind in self.kinds or any_dimension(kind) in self.kinds}
            complaints.append(_listed(kind for kind in kinds if kind not in listed))
        if self.leaf_types is not None:
            complaints.append(_listed(name for name in leaf_types if name not in self.leaf_types))
        if any(complaints):
            raise UnlistedKindError(
                f"convention '{self.name}' has no rule for: {', of type '.join(filter(None, complaints))}."
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in sorted(Counter(names).items()))


@cache
def convention_names() -> tuple[str, ...]:
    """Return the names of the conventions that come with the project, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_convention(name: str) -> Convention:
    """Return a convention by its name, or from a YAML file by its path, together with what it extends.

    Raises:
        ReconcileError: No such convention (with the nearest names), a file that is not one, or conventions that
            extend each other in a circle.
    """
    if not isinstance(name, str):
        raise ReconcileError(f"a convention is a name or the path of a YAML file, not {type(name).__name__}.")
    return _extended(_path(name, Path()), (), {})


def _extended(path: Path, below: tuple[Path, ...], known: dict[Path, Convention]) -> Convention:
    """Load a file with what it extends; ``below`` are the files that wait for it, ``known`` those already loaded."""
    place = path.resolve()
    if place in below:
        circle = ", ".join(waiting.name for waiting in below[below.index(place) :])
        raise ReconcileError(f"{path}: key 'extends': the file extends itself, by way of {circle}.")
    if place in known:
        return known[place]
    own = load(Convention, path)
    found = own.model_copy(update={"weights": {}, "kinds": {}})
    for name in own.extends:
        try:
            following = _path(name, path.parent)
        except ReconcileError as error:
            raise ReconcileError(f"{path}: key 'extends': {error}") from error
        base = _extended(following, (*below, place), known)
        if base.unit != own.unit:
            raise ReconcileError(f"{path}: key 'extends': {name} counts in {base.unit}, not in {own.unit}.")
        found = _over(found, base, ({"unlisted", "leaf_types"} & base.model_fields_set) - own.model_fields_set)
    known[place] = _over(found, own, set())
    return known[place]


def _over(below: Convention, above: Convention, replaced: Collection[str]) -> Convention:
    """Merge weights and kinds, and take the named keys from the one above."""
    merged = {"weights": {**below.weights, **above.weights}, "kinds": {**below.kinds, **above.kinds}}
    kept = {key: getattr(above, key) for key in replaced}
    return below.model_copy(update={**merged, **kept})


def _path(name: str, folder: Path) -> Path:
    if name in convention_names():
        return _folder() / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return folder / name
    raise ReconcileError(f"unknown convention '{name}'{did_you_mean(name, convention_names())}")


def _folder() -> Path:
    return data_folder() / "conventions"
