"""The rows of a table of layers. A report has tens of thousands of them, too many for a template to fill one by one."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from reconcile.diff.result import LayerDifference
from reconcile.report.breakdown import ranked
from reconcile.report.names import layer_label
from reconcile.report.numbers import exact, signed, typeset


def shown_layers(layers: Sequence[LayerDifference]) -> tuple[LayerDifference, ...]:
    """Layers of which there is something to say: a count on either side, or causes that cancel out."""
    return tuple(layer for layer in layers if layer.value or layer.reference or any(layer.causes.values()))


def layer_rows(layers: Sequence[LayerDifference]) -> Markup:
    """A row for each layer: name, type, calls, the tool's value, the reference's, their difference and its causes."""
    return Markup("\n      ".join(map(_row, layers)))  # noqa: S704  # each row escapes what it shows


def _row(layer: LayerDifference) -> str:
    difference = layer.difference
    cells = (
        f'<td class="path mono">{escape(layer_label(layer.layer))}</td><td>{escape(layer.layer_type)}</td>'
        f'<td class="n">{layer.calls}</td><td class="n">{typeset(exact(layer.value))}</td>'
        f'<td class="n">{typeset(exact(layer.reference))}</td><td class="n">{typeset(signed(difference))}</td>'
    )
    return f'<tr class="{"differs" if difference else "same"}">{cells}<td>{_pieces(layer)}</td></tr>'


def _pieces(layer: LayerDifference) -> str:
    pieces = [
        f'<span class="piece">{escape(cause)} {typeset(signed(delta))}</span>' for cause, delta in ranked(layer.causes)
    ]
    if layer.residual:
        pieces.append(f'<span class="piece flag">unexplained {typeset(signed(layer.residual))}</span>')
    return "".join(pieces)
