"""What a run finds in itself and in earlier runs beside it is not measured again, and nothing else is taken for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from reconcile.cli import main
from reconcile.isolation import Ending, Job, Workers
from reconcile.jobs import PRELOAD
from reconcile.report import write_report
from reconcile.run import Plan, keys
from reconcile.run.execute import Task
from reconcile.tools import Adapter, selection
from reconcile.zoo import parse_inputs, resolve
from tests.run.killing import tables_in
from tests.run.models import MACS
from tests.run.runs import Done, plan_of, run_in

SIZE = parse_inputs(["1x3x64x64"])
TOOLS = ("thop", "fvcore")
ZOO = ("squeezenet1_1", "shufflenet_v2_x0_5")

MODEL = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 5)
    def forward(self, x):
        return self.fc(x)  # COMMENT
def net():
    return Net(), torch.ones(3, 4)
"""


class Forbidden:
    """A backend for what must not need one."""

    capacity = 1

    def submit(self, key: Task, job: Job) -> NoReturn:
        raise AssertionError(f"{key} was started")

    def next_ending(self) -> tuple[Task, Ending]:
        raise AssertionError("nothing was started")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which models are found, here and in jobs."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # a file may change within the second
        yield folder


@pytest.fixture(scope="module")
def backend(models: Path) -> Iterator[Workers[Task]]:
    pool: Workers[Task] = Workers(2, PRELOAD)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def plan() -> Plan:
    return replace(plan_of(ZOO, TOOLS), models=tuple(resolve(name, SIZE) for name in ZOO))


@pytest.fixture(scope="module")
def first(plan: Plan, backend: Workers[Task], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The first of all runs, in a place where others look for it."""
    done = run_in(plan, tmp_path_factory.mktemp("reports") / "first", backend)
    assert done.measured == {(name, tool): 1 for name in ZOO for tool in TOOLS}
    assert [cell.status for cell in done.run.cells] == ["ok"] * 4
    return done


def beside(done: Done, name: str) -> Path:
    return done.folder.path.with_name(name)


def test_a_run_in_which_nothing_has_changed_starts_nothing(plan: Plan, first: Done) -> None:
    again = run_in(plan, beside(first, "nothing changed"), Forbidden())
    assert again.run.cells == first.run.cells
    assert again.run.references == first.run.references
    assert again.run.run_id != first.run.run_id
    assert sorted(again.progress) == sorted(first.progress)
    assert (again.run.manifest["cells_measured"], again.run.manifest["cells_taken_over"]) == (0, 4)
    assert (first.run.manifest["cells_measured"], first.run.manifest["cells_taken_over"]) == (4, 0)


def test_another_order_and_fewer_of_them_start_nothing_either(plan: Plan, first: Done) -> None:
    other = replace(plan, models=plan.models[::-1], tools=("fvcore",))
    again = run_in(other, beside(first, "another order"), Forbidden())
    assert [(cell.model, cell.tool) for cell in again.run.cells] == [(ZOO[1], "fvcore"), (ZOO[0], "fvcore")]
    assert all(cell in first.run.cells for cell in again.run.cells)


def test_another_convention_measures_nothing(plan: Plan, first: Done, backend: Workers[Task]) -> None:
    flops = plan_of(ZOO, TOOLS, convention=plan_of(ZOO, TOOLS).convention.model_copy(update={"name": "another"}))
    again = run_in(replace(flops, models=plan.models), beside(first, "another convention"), backend)
    assert again.measured == {}
    assert {step for step, _, _ in again.submitted} == {"trace", "reconcile"}


def test_a_fresh_run_measures_everything(plan: Plan, first: Done, backend: Workers[Task]) -> None:
    again = run_in(plan, beside(first, "fresh"), backend, reuse=False)
    assert again.measured == first.measured
    assert [cell.reconciliations for cell in again.run.cells] == [cell.reconciliations for cell in first.run.cells]


def test_another_version_of_a_tool_is_measured_again_and_no_other(
    plan: Plan, first: Done, backend: Workers[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = selection.version_of

    def version_of(item: Adapter) -> str:
        return "99" if item.name == "thop" else before(item)

    monkeypatch.setattr(selection, "version_of", version_of)
    again = run_in(plan, beside(first, "another version"), backend)
    assert again.measured == {(name, "thop"): 1 for name in ZOO}


def test_another_version_of_torch_measures_everything(
    plan: Plan, first: Done, backend: Workers[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = ("99", *keys._versions()[1:])
    monkeypatch.setattr(keys, "_versions", lambda: versions)
    again = run_in(replace(plan, models=plan.models[:1]), beside(first, "another torch"), backend)
    assert again.measured == {(ZOO[0], tool): 1 for tool in TOOLS}


# --- a user's own model ---


def write_model(folder: Path, text: str) -> None:
    (folder / "changing.py").write_text(text, encoding="utf-8")


def test_a_users_model_is_measured_again_when_it_does_something_else(
    models: Path, backend: Workers[Task], tmp_path: Path
) -> None:
    write_model(models, MODEL)
    plan = plan_of(["changing:net"], TOOLS)
    once = {("changing:net", tool): 1 for tool in TOOLS}
    assert run_in(plan, tmp_path / "first", backend).measured == once
    write_model(models, MODEL.replace("COMMENT", "another comment, and a longer one"))
    assert run_in(plan, tmp_path / "comment", backend).measured == {}
    write_model(models, MODEL.replace("self.fc(x)", "self.fc(x) + self.fc(x)"))
    changed = run_in(plan, tmp_path / "changed", backend)
    assert changed.measured == once
    assert {cell.reconciliations["compute"].value for cell in changed.run.cells} == {2 * MACS}
    write_model(models, MODEL)
    again = run_in(plan, tmp_path / "again", backend)
    assert again.measured == {}
    assert {cell.reconciliations["compute"].value for cell in again.run.cells} == {MACS}


def test_what_failed_is_tried_again_and_what_cannot_be_is_not(backend: Workers[Task], tmp_path: Path) -> None:
    plan = plan_of(["tests.run.models:raises", "tests.run.models:keyword_only"], ["thop"])
    first = run_in(plan, tmp_path / "first", backend)
    assert [cell.status for cell in first.run.cells] == ["failed", "unsupported"]
    again = run_in(plan, tmp_path / "again", backend)
    assert {model for model, _ in again.measured} == {"tests.run.models:raises"}
    assert [cell.status for cell in again.run.cells] == ["failed", "unsupported"]


# --- damage ---


@pytest.mark.parametrize("kind", ["measurements", "references", "reconciliations"])
def test_what_is_damaged_is_computed_again(
    plan: Plan, first: Done, backend: Workers[Task], kind: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = run_in(plan, run, backend)
    write_report(done.run, run)
    before = tables_in(run)
    file = sorted((run / "results" / kind).glob("*.parquet"))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 8
    file.write_bytes(content)
    # In an earlier run it is only told of.
    beside_it = run_in(plan, tmp_path / "beside", backend)
    assert beside_it.damaged == [f"{file} is damaged: it is not used."]
    assert beside_it.measured.total() == (1 if kind == "measurements" else 0)
    assert file.read_bytes() == content
    # In its own it is set aside, and what is beside it may be taken over.
    again = run_in(plan, run, Forbidden() if kind != "reconciliations" else backend)
    moved = file.parent / "damaged" / file.name
    assert again.damaged == [f"{file} is damaged: it is set aside as {moved} and computed again."]
    assert moved.read_bytes() == content
    assert again.measured == {}
    write_report(again.run, run)
    assert tables_in(run) == before


# --- a cell that is another one without its arithmetic ---


def test_a_sampled_cell_that_differs_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], backend: Workers[Task]
) -> None:
    for name in ("one", "another"):  # the first one's number is not taken over
        status = main(["run", "tests.run.models:differs", "--tools", "fvcore", "--out", str(tmp_path / name)])
        assert status == 1
        err = capsys.readouterr().err
        assert f"compute {2 * MACS}, params 25, activations " in err
        assert f"without arithmetic and compute {MACS}, params 25, activations " in err
        assert len([line for line in err.splitlines() if line.startswith("reconcile: ")]) == 1
        cells = tables_in(tmp_path / name)["cells.csv"]
        assert {(cell["status"], cell["value"]) for cell in cells} == {("failed", "")}
        assert len(list((tmp_path / name / "results" / "measurements" / "damaged").iterdir())) == 1
    documented = plan_of(["tests.run.models:differs"], ["fvcore"], execution="documented")
    done = run_in(documented, tmp_path / "documented", backend)
    assert [cell.reconciliations["compute"].value for cell in done.run.cells] == [MACS]


def test_a_model_that_reads_memory_is_computed(tmp_path: Path, backend: Workers[Task]) -> None:
    done = run_in(plan_of(["tests.run.models:reads_memory"], ["fvcore"]), tmp_path / "run", backend)
    (cell,) = done.run.cells
    assert (cell.status, cell.execution) == ("ok", "documented")
    assert cell.reconciliations["compute"].value == MACS
