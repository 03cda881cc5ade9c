"""The folder of a run: who may begin one, and that a plan comes back as it was."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from reconcile.errors import ReconcileError
from reconcile.run import Plan, begin, check_is_free, find_run, is_run_folder, make_plan, new_run_id, reopen
from tests.run.runs import begin_run, plan_of


@pytest.fixture
def plan() -> Plan:
    return plan_of(["alexnet"], ["thop"])


@pytest.mark.parametrize(
    ("models", "inputs"),
    [
        (["alexnet", "resnet18(num_classes=10)"], []),
        (["fasterrcnn_resnet50_fpn"], ["[3x800x800,3x600x700]"]),
        (["tests.networks:two_inputs"], ["ids=2x5:int64", "scale=2x5x1"]),
        (["tests.networks:convolutional"], ["2x3x8x8:float64"]),
    ],
)
def test_a_plan_comes_back_as_it_was(tmp_path: Path, models: list[str], inputs: list[str]) -> None:
    for convention in ("macs", "multiply-adds", "exact-flops"):
        plan = make_plan(
            names=models, tools=["fvcore", "thop"], inputs=inputs, reference=convention, mode="train", seed=2**63 - 1
        )
        folder = begin_run(plan, tmp_path / convention)
        again, found = reopen(tmp_path / convention)
        assert found == plan
        assert again == folder
        assert is_run_folder(tmp_path / convention)
        assert not folder.is_finished


def test_what_stands_on_the_command_line_may_be_any_bytes(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["reconcile", "--out", "caf\udce9", "naïve"])
    folder = begin_run(plan, tmp_path / "run")
    assert folder.command_line == ("reconcile", "--out", "caf\\udce9", "naïve")
    assert reopen(tmp_path / "run")[0] == folder


def test_only_one_of_many_programs_begins_a_run(tmp_path: Path, plan: Plan) -> None:
    for attempt in range(5):
        path = tmp_path / f"run-{attempt}"
        begun, refused = [], []
        at_once = threading.Barrier(8)

        def begin_it(path: Path, at_once: threading.Barrier, begun: list[str], refused: list[str]) -> None:
            at_once.wait()
            try:
                begun.append(begin(path, plan, new_run_id()).run_id)
            except ReconcileError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=begin_it, args=(path, at_once, begun, refused)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(begun) == 1
        assert len(refused) == 7
        assert reopen(path)[0].run_id == begun[0]


def test_what_is_no_free_folder(tmp_path: Path, plan: Plan) -> None:
    begin_run(plan, tmp_path / "run")
    with pytest.raises(ReconcileError, match=r"holds a run: go on with --resume .*run, or choose another folder\."):
        check_is_free(tmp_path / "run")
    with pytest.raises(ReconcileError, match="holds a run"):
        begin_run(plan, tmp_path / "run")
    with pytest.raises(ReconcileError, match="is not an empty folder"):
        check_is_free(tmp_path)
    (tmp_path / "empty").mkdir()
    check_is_free(tmp_path / "empty")
    check_is_free(tmp_path / "new" / "deep")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "empty"}


def test_one_at_a_time(tmp_path: Path, plan: Plan) -> None:
    folder = begin_run(plan, tmp_path / "run")
    with folder.locked():
        with pytest.raises(ReconcileError, match=r"another program is at work on the run in .*run\."):
            reopen(tmp_path / "run")[0].locked().__enter__()
        with begin_run(plan, tmp_path / "other").locked():  # a run beside it is no matter
            pass
    with reopen(tmp_path / "run")[0].locked():
        pass


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is damaged"),
        (b"{}", r"is damaged \(run_id"),
        (b"\xff\xfe", "is damaged"),
        (b'{"run_id": 3}', r"is damaged \(run_id"),
    ],
)
def test_a_damaged_plan_is_one_sentence(tmp_path: Path, plan: Plan, content: bytes, says: str) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ReconcileError, match=says) as refused:
        reopen(tmp_path)
    assert "\n" not in str(refused.value)


def test_what_is_no_run(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(ReconcileError, match=r"is not the folder of a run: it has no run\.json\."):
        reopen(tmp_path)
    begin_run(plan, tmp_path / "monday")
    assert find_run("monday", tmp_path) == tmp_path / "monday"
    assert find_run(str(tmp_path / "monday"), tmp_path / "nowhere") == tmp_path / "monday"
    with pytest.raises(ReconcileError, match=r"there is no run mondya; did you mean monday\?"):
        find_run("mondya", tmp_path)


def test_the_runs_beside_a_run_are_the_earlier_ones_the_latest_first(tmp_path: Path, plan: Plan) -> None:
    import os

    folders = [begin_run(plan, tmp_path / name) for name in ("b", "a", "c")]
    for seconds, folder in zip((100, 300, 200), folders, strict=True):
        os.utime(folder.path / "run.json", (seconds, seconds))
    (tmp_path / "no run").mkdir()
    begin_run(plan, tmp_path / "c" / "inside")  # not beside
    assert [place.parent.parent.name for place in folders[0].earlier("measurements")] == ["a", "c"]
    assert {(place.parent.name, place.name) for place in folders[0].earlier("references")} == {
        ("results", "references")
    }
