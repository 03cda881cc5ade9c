"""A whole run in a few numbers: how many cells agree, which causes make up the rest, what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.report.breakdown import RESIDUAL, meaning
from reconcile.rules.causes import CAUSES
from reconcile.run.result import Cell, Run


@dataclass(frozen=True, slots=True)
class CauseTotal:
    """One cause over the whole run: in how many cells, and the sum of its magnitudes out of all causes' sum."""

    code: str
    meaning: str
    cells: int
    magnitude: int
    gross: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Every cell is in exactly one of the four groups: agreeing, explained, unexplained, failed.

    A cell agrees where all its metrics do; ``agreeing_in`` counts by metric. ``causes`` is keyed by metric, largest
    cause first; what no cause explains is among them as ``unexplained``.
    """

    models: int
    tools: int
    agreeing: tuple[Cell, ...]
    explained: tuple[Cell, ...]
    unexplained: tuple[Cell, ...]
    failed: tuple[Cell, ...]
    agreeing_in: Mapping[str, int]
    causes: Mapping[str, tuple[CauseTotal, ...]]

    @property
    def cells(self) -> int:
        """How many cells the run has."""
        return len(self.agreeing) + len(self.explained) + len(self.unexplained) + len(self.failed)


def overview(run: Run) -> Overview:
    """Group the cells of a run and add up its causes."""
    measured = [cell for cell in run.cells if cell.status == "ok"]
    differing = [cell for cell in measured if not cell.agrees]
    return Overview(
        models=len(models_of(run)),
        tools=len(tools_of(run)),
        agreeing=tuple(cell for cell in measured if cell.agrees),
        explained=tuple(cell for cell in differing if not has_residual(cell)),
        unexplained=tuple(cell for cell in differing if has_residual(cell)),
        failed=tuple(cell for cell in run.cells if cell.status != "ok"),
        agreeing_in={metric: _agreeing_in(run, metric) for metric in metrics_of(run)},
        causes={metric: _cause_totals(run, metric) for metric in metrics_of(run)},
    )


def has_residual(cell: Cell) -> bool:
    """Whether some part of the cell's difference has no cause, in total or in a layer."""
    return any(item.residual or item.unexplained_layers for item in cell.reconciliations.values())


def models_of(run: Run) -> tuple[tuple[str, str], ...]:
    """Every model with its input, in the run's order."""
    referenced = [(known.model, known.input) for known in run.references]
    return tuple(dict.fromkeys(referenced + [(cell.model, cell.input) for cell in run.cells]))


def tools_of(run: Run) -> tuple[str, ...]:
    """Every tool, in the run's order."""
    return tuple(dict.fromkeys([*run.tools, *(cell.tool for cell in run.cells)]))


def metrics_of(run: Run) -> tuple[str, ...]:
    """Every metric that some cell has; compute and parameters always, and first."""
    return tuple(dict.fromkeys(["compute", "params", *(key for cell in run.cells for key in cell.reconciliations)]))


def _agreeing_in(run: Run, metric: str) -> int:
    found = (cell.reconciliations.get(metric) for cell in run.cells)
    return sum(item is not None and item.difference == 0 for item in found)


def _cause_totals(run: Run, metric: str) -> tuple[CauseTotal, ...]:
    magnitudes: dict[str, int] = {}
    cells: dict[str, int] = {}
    for cell in run.cells:
        if metric not in cell.reconciliations:
            continue
        item = cell.reconciliations[metric]
        deltas = {share.cause: share.delta for share in item.causes}
        if item.residual:
            deltas[RESIDUAL] = deltas.get(RESIDUAL, 0) + item.residual
        for code, delta in deltas.items():
            magnitudes[code] = magnitudes.get(code, 0) + abs(delta)
            cells[code] = cells.get(code, 0) + 1
    gross = sum(magnitudes.values())
    order = {code: position for position, code in enumerate(CAUSES)}
    ranked = sorted(magnitudes, key=lambda code: (-magnitudes[code], order.get(code, len(order)), code))
    return tuple(CauseTotal(code, meaning(code), cells[code], magnitudes[code], gross) for code in ranked)
