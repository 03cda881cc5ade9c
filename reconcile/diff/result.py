"""The result of a reconciliation as data: a difference, its causes, its layers. Every row balances."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class CauseShare:
    """What one cause adds to the difference, in the tool's unit, and the layers in which it does."""

    cause: str
    delta: int
    layers: tuple[str, ...]


@dataclass(frozen=True)  # as below
class Proof:
    """What both sides count for one term of one kind of call, by which formulas, and why they differ.

    ``subject`` is what is counted (``torch.nn.Conv2d``, ``aten.addmm``); ``term`` the documented term, empty where it
    is no single one; ``tool_formula`` and ``reference_formula`` what either side counts of it (``2 mac``,
    ``nothing``); ``tool`` and ``reference`` the two counts, over the ``layers`` named. ``cause`` is empty where both
    count the same. The proofs of a reconciliation are a complete account: their references add up to the reference,
    what the tool counts in them to the tool's number less the residual.
    """

    cause: str
    subject: str
    term: str
    tool_formula: str
    reference_formula: str
    tool: int
    reference: int
    layers: tuple[str, ...]

    @property
    def delta(self) -> int:
        """Tool minus reference."""
        return self.tool - self.reference


@dataclass(frozen=True)  # without slots: thousands travel between processes, and pickle takes those faster
class LayerDifference:
    """One layer: the tool's own value, the reference's, and the causes of the difference.

    Values are the layer's own, without its children's; they add up to the model's.
    """

    layer: str
    layer_type: str
    calls: int
    value: int
    reference: int
    causes: Mapping[str, int]

    @property
    def difference(self) -> int:
        """Tool minus reference."""
        return self.value - self.reference

    @property
    def explained(self) -> int:
        """The sum of the causes."""
        return sum(self.causes.values())

    @property
    def residual(self) -> int:
        """What the causes do not explain."""
        return self.difference - self.explained


@dataclass(frozen=True)
class Reconciliation:
    """One metric of one model as one tool measured it, reconciled with the reference.

    What is added up over the layers is added up once, when it is first asked for.
    """

    metric: str
    unit: str
    value: int
    reference_convention: str
    reference_unit: str
    reference: int
    layers: tuple[LayerDifference, ...]
    proofs: tuple[Proof, ...] = ()

    @property
    def difference(self) -> int:
        """Tool minus reference."""
        return self.value - self.reference

    @property
    def explained(self) -> int:
        """The sum of all causes in all layers."""
        return sum(share.delta for share in self.causes)

    @property
    def residual(self) -> int:
        """What the causes do not explain; 0 where the rulebook predicts the tool exactly."""
        return self.difference - self.explained

    @cached_property
    def unexplained_layers(self) -> tuple[LayerDifference, ...]:
        """Layers with a residual; residuals of layers may cancel out in total."""
        return tuple(layer for layer in self.layers if layer.residual)

    @property
    def ratio(self) -> float | None:
        """Tool over reference in one unit (a FLOP is half a multiply-add); None where the reference is 0."""
        if self.reference == 0:
            return None
        return (self.value / OPERATIONS_PER.get(self.unit, 1)) / (
            self.reference / OPERATIONS_PER.get(self.reference_unit, 1)
        )

    def counterfactual(self, causes: Collection[str]) -> int:
        """Return what the reference would count if it followed the tool in these causes, and in nothing else.

        With none it is the reference, with all of them the tool's number less the residual.
        """
        return sum(proof.tool if proof.cause in causes else proof.reference for proof in self.proofs)

    @cached_property
    def causes(self) -> tuple[CauseShare, ...]:
        """The causes with what each adds, largest first; causes that cancel out to 0 in total are kept."""
        deltas: dict[str, int] = {}
        touched: dict[str, list[str]] = {}
        for layer in self.layers:
            for cause, delta in layer.causes.items():
                if delta:
                    deltas[cause] = deltas.get(cause, 0) + delta
                    touched.setdefault(cause, []).append(layer.layer)
        shares = (CauseShare(cause, delta, _unique(touched[cause])) for cause, delta in deltas.items())
        return tuple(sorted(shares, key=lambda share: (-abs(share.delta), share.cause)))


OPERATIONS_PER = {"MAC": 1, "FLOP": 2}
"""How many of a unit of compute one multiply-add is; other metrics have one unit each."""


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
