"""Whatever a tool says or does costs its own cells: they say why, and those of the other tools are right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconcile.isolation import Workers
from reconcile.report import write_report
from reconcile.run import Cell, Run, begin, make_plan, new_run_id, run_plan
from reconcile.run.execute import Task
from tests.hostile import tools
from tests.hostile.models import BIASES, MACS, PARAMETERS

PRELOAD = "tests.hostile.preload"
"""Not imported here: it would replace a tool in this process too."""

NO_COUNT = "which is no count"
SECONDS = 20

NOT_OK: Mapping[str, tuple[str, str]] = {
    "nan": ("failed", f"the tool returned nan for its compute, {NO_COUNT}"),
    "infinity": ("failed", f"the tool returned inf for its compute, {NO_COUNT}"),
    "negative": ("failed", f"the tool returned -5 for its compute, {NO_COUNT}"),
    "huge": ("failed", "the tool returned a number of more than 63 bits, which is no count."),
    "half": ("failed", f"the tool returned 1.5 for its compute, {NO_COUNT}"),
    "whole_float": ("failed", f"the tool returned 60.0 for its compute, {NO_COUNT}"),
    "nothing": ("failed", f"the tool returned None for its compute, {NO_COUNT}"),
    "text": ("failed", f"the tool returned '60' for its compute, {NO_COUNT}"),
    "truth": ("failed", f"the tool returned True for its compute, {NO_COUNT}"),
    "tensor": ("failed", f"the tool returned tensor(60) for its compute, {NO_COUNT}"),
    "large_tensor": ("failed", "the tool returned tensor([[0., 0."),
    "numpy_integer": ("failed", f"the tool returned np.int64(60) for its compute, {NO_COUNT}"),
    "fraction": ("failed", f"the tool returned Fraction(60, 1) for its compute, {NO_COUNT}"),
    "function": ("failed", "the tool returned <function"),
    "unshowable": ("failed", "RuntimeError: shows nothing"),
    "wrong_sum": ("failed", "the tool returned 60 for its compute, and layers that add up to 59"),
    "number_as_layer": ("failed", f"the tool returned 60 for the compute of 7, {NO_COUNT}"),
    "none_as_layer": ("failed", f"the tool returned 60 for the compute of None, {NO_COUNT}"),
    "layers_as_list": ("failed", "AttributeError: 'list' object has no attribute 'items'"),
    "no_report": ("failed", "AttributeError: 'NoneType' object has no attribute 'notes'"),
    "another_report": ("failed", "AttributeError: 'dict' object has no attribute 'notes'"),
    "no_metric": ("failed", "the tool returned no number"),
    "unknown_metric": ("failed", "the tool returned 'speed', which is no metric"),
    "notes_of_numbers": ("failed", "the tool made a remark that is no text"),
    "exits": ("crashed", "ended its process (exit code 0)."),
    "hangs": ("timeout", f"took longer than {SECONDS} seconds and was stopped."),
    "interrupts": ("failed", "KeyboardInterrupt"),
    "unpicklable": ("failed", "UnpicklableError"),
    "unsupported": ("unsupported", "it is [1m not  for this tool."),
}

RESIDUALS = {"honest": 0, "liar": 1000, "inventor": 7}


def run(folder: Path) -> Run:
    config = folder / "run.yaml"
    listed = "".join(f"  - {tools.__name__}:{name}\n" for name in tools.DEEDS)
    config.write_text(f"models:\n{listed}timeout_seconds: {SECONDS}\n", encoding="utf-8")
    plan = make_plan(config_file=config, tools=["thop", "torchinfo"], jobs=3)
    workers: Workers[Task] = Workers(plan.jobs, PRELOAD)
    try:
        return run_plan(plan, begin(folder / "run", plan, new_run_id()), workers)
    finally:
        workers.close()


def test_whatever_a_tool_does(tmp_path: Path) -> None:
    assert set(NOT_OK) | set(RESIDUALS) == set(tools.DEEDS)
    result = run(tmp_path)
    wrong = {
        f"{cell.model} · {cell.tool}": problem
        for cell in result.cells
        if (problem := (_as_the_tool_is if cell.tool == "thop" else _as_ever)(cell)) is not None
    }
    assert wrong == {}
    for reference in result.references:
        assert (reference.compute, reference.parameters, reference.error) == (MACS, PARAMETERS, "")
    write_report(result, tmp_path / "report")
    text = (tmp_path / "report" / "cells.csv").read_text(encoding="utf-8")
    metrics = {"thop": 2, "torchinfo": 3}
    rows = sum(metrics[cell.tool] for cell in result.cells)
    assert text.count("\n") == 1 + rows  # a row for each metric, and none is torn apart


def _as_the_tool_is(cell: Cell) -> str | None:
    name = cell.model.partition(":")[2]
    if name in RESIDUALS:
        return _differs(cell, (MACS + RESIDUALS[name], RESIDUALS[name]), (PARAMETERS, 0))
    status, words = NOT_OK[name]
    right = cell.status == status and words in cell.error and cell.error.isprintable() and cell.reconciliations == {}
    return None if right else f"{cell.status} {cell.error}"


def _as_ever(cell: Cell) -> str | None:
    # Of the memory: 3 x 5 outputs and as many gradients, the parameters, 3 x 4 inputs with an object around them.
    return _differs(cell, (MACS + BIASES, 0), (PARAMETERS, 0), (4 * (2 * 15 + PARAMETERS + 12) + 64, 0))


def _differs(cell: Cell, *expected: tuple[int, int]) -> str | None:
    if cell.status != "ok":
        return f"{cell.status} {cell.error}"
    found = [(item.value, item.residual) for item in cell.reconciliations.values()]
    return None if found == [*expected] else str(found)
