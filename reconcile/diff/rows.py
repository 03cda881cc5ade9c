"""The rows of a comparison: which layer a difference is booked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconcile.diff.result import LayerDifference
from reconcile.trace import ROOT, Trace


@dataclass
class Row:
    """One layer while its causes are collected."""

    reference: int = 0
    causes: dict[str, int] = field(default_factory=dict)

    def add(self, cause: str, delta: int) -> None:
        """Book a difference under a cause."""
        if delta:
            self.causes[cause] = self.causes.get(cause, 0) + delta


class Rows:
    """Rows by layer: those that the tool reports, and those of the reference that lie below none of them."""

    def __init__(self, reported: Mapping[str, int]) -> None:
        """Start with the layers that the tool reports, with its values."""
        self._reported = reported
        self._rows: dict[str, Row] = {}

    def locate(self, *paths: str) -> str:
        """Return the layer under which something is booked.

        ``paths`` are the modules that were running, innermost first. It is the first that the tool reports; or the
        nearest above the innermost that it reports; or the innermost itself.
        """
        for path in paths:
            if path in self._reported:
                return path
        above = paths[0]
        while above not in self._reported:
            if above == ROOT:
                return paths[0]
            above = above.rpartition(".")[0]
        return above

    def at(self, layer: str) -> Row:
        """Return the row of a layer, made where there is none yet."""
        return self._rows.setdefault(layer, Row())

    def finish(self, trace: Trace) -> tuple[LayerDifference, ...]:
        """Return the rows as data, in the model's order; what lies on no module comes last."""
        layers = dict.fromkeys((*self._rows, *self._reported))
        place = {path: number for number, path in enumerate(trace.modules)}
        ordered = sorted(layers, key=lambda layer: place.get(layer, len(place)))
        return tuple(self._finished(layer, trace) for layer in ordered)

    def _finished(self, layer: str, trace: Trace) -> LayerDifference:
        row = self.at(layer)
        module = trace.modules.get(layer) or next((m for m in trace.modules.values() if layer in m.visits), None)
        return LayerDifference(
            layer=layer,
            layer_type=module.type if module is not None else "",
            calls=trace.calls.get(module.path, 0) if module is not None else 0,
            value=self._reported.get(layer, 0),
            reference=row.reference,
            causes={cause: delta for cause, delta in row.causes.items() if delta},
        )
