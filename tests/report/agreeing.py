"""Three tools on four models, small enough to be compared by hand.

In FLOPs, of which a multiply-add has two:

|           | a | b | c | d |
| --------- | --: | --: | --: | --: |
| reference | 200 | 400 | 600 | 600 |
| first     | 200 | 400 | 300 | 620 |
| second    | 200 | 410 | 300 | failed |
| third     | 100 | 200 | 300 | 350 |

``first`` counts in multiply-adds. ``second`` counts two FLOPs for each. ``third`` counts multiply-adds and calls them
FLOPs. The two first leave out the attention of ``c``; what ``third`` says of ``d`` is not explained.
"""

from __future__ import annotations

from reconcile.diff.result import Reconciliation
from reconcile.run.result import Cell, Run

from .runs import INPUT, layer, parameters, reconciliation


def cell(tool: str, model: str, reference: int, counted: str = "MAC", residual: int = 0, **causes: int) -> Cell:
    item = reconciliation(layer("", "Net", reference, residual, **causes), unit=counted)
    return Cell(model, INPUT, tool, "1", "ok", {"compute": item})


def with_parameters(measured: Cell, item: Reconciliation) -> Cell:
    return Cell(
        measured.model,
        INPUT,
        measured.tool,
        "1",
        "ok",
        {"compute": measured.reconciliations["compute"], "params": item},
    )


def small_run() -> Run:
    cells = (
        with_parameters(cell("first", "a", 100), parameters(7)),
        with_parameters(cell("first", "b", 200), parameters(7)),
        cell("first", "c", 300, attention=-150),
        cell("first", "d", 300, bias=10),
        cell("second", "a", 100, "FLOP", unit=100),
        cell("second", "b", 200, "FLOP", unit=200, bias=10),
        cell("second", "c", 300, "FLOP", unit=150, attention=-150),
        Cell("d", INPUT, "second", "1", "failed", error="No."),
        with_parameters(cell("third", "a", 100, "FLOP"), parameters(7)),
        with_parameters(cell("third", "b", 200, "FLOP"), parameters(7, frozen=-1)),
        cell("third", "c", 300, "FLOP"),
        cell("third", "d", 300, "FLOP", residual=50),
    )
    return Run("run-1", "macs", "MAC", ("first", "second", "third"), (), cells, {})
