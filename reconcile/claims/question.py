"""What is asked of an audit: a claim on a model that is here, and the table that it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from reconcile.claims.claim import Claim
from reconcile.claims.counts import Network
from reconcile.claims.inputs import Stated, stated_inputs
from reconcile.claims.number import PrintedNumber
from reconcile.errors import ReconcileError
from reconcile.zoo import InputSpec, ModelSpec, default_inputs


@dataclass(frozen=True)
class Table:
    """What is known of the table that a claim stands in: its measure, and its rows' counts by that, by their models."""

    measure: str
    counts: Mapping[str, Fraction]


@dataclass(frozen=True)
class Question:
    """A claim on a model that is here."""

    claim: Claim
    spec: ModelSpec
    default: InputSpec | None
    stated: Stated | None

    @property
    def number(self) -> PrintedNumber:
        """The printed number, in multiply-adds or operations."""
        return self.claim.value.scaled(self.claim.unit.share)

    @property
    def inputs(self) -> tuple[InputSpec | None, ...]:
        """The stated inputs, or the model's own."""
        return (None,) if self.stated is None else self.stated.inputs

    @property
    def network(self) -> Network:
        """The model on the first of the inputs."""
        return Network(self.spec, self.inputs[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not understood of it."""
        if self.stated is None or self.stated.is_understood:
            return ()
        return (f"the input '{self.claim.input[:40]}' is not understood, and taken as {self.stated.inputs[0]}",)


def question(claim: Claim, spec: ModelSpec) -> Question:
    """Return a claim with the inputs that it is about."""
    try:
        default = spec.inputs or (None if spec.is_own else default_inputs(spec.name))
    except ReconcileError:
        default = None
    return Question(claim, spec, default, None if default is None else stated_inputs(claim.input, default))
