"""What a run left is read as it was written, kept whole, found again; and numbers are followed from run to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from reconcile.changes import compare_runs, keep, kept_runs, last_comparable, read_record
from reconcile.changes.record import NumberKey, Record
from reconcile.changes.trend import Step, trend
from reconcile.errors import ReconcileError
from tests.changes.folders import write_run
from tests.changes.worlds import TOOLS, World, world


@pytest.fixture
def start() -> World:
    return world(Random(5))  # noqa: S311  # no secret


def kept(record: Record, tmp_path: Path) -> Path:
    return keep(write_run(record, tmp_path / "runs" / record.run_id), tmp_path / "history")


def nothing_said(_: str) -> None:
    raise AssertionError("there was nothing to say")


def test_a_record_is_what_was_written(start: World, tmp_path: Path) -> None:
    record = start.run(1)
    assert read_record(write_run(record, tmp_path / "run")) == record


def test_the_history_keeps_what_is_compared(start: World, tmp_path: Path) -> None:
    record = start.run(1)
    place = kept(record, tmp_path)
    assert read_record(place) == record
    assert sorted(path.name for path in place.iterdir()) == [
        "causes.parquet", "cells.parquet", "manifest.json", "rulebooks.parquet", "verdicts.parquet",
    ]  # fmt: skip  # names of files


def test_a_run_that_is_kept_again_takes_its_place(start: World, tmp_path: Path) -> None:
    kept(start.run(1), tmp_path)
    changed = replace(start, counts=start.counts | {"alexnet": 7}).run(1)
    place = keep(write_run(changed, tmp_path / "again" / changed.run_id), tmp_path / "history")
    assert read_record(place) == changed
    assert kept_runs(tmp_path / "history") == [place]


def test_a_run_that_cannot_be_kept_leaves_nothing(start: World, tmp_path: Path) -> None:
    place = write_run(start.run(1), tmp_path / "run")

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(ReconcileError, match=r"the history .* cannot be written: No space left on device\."):
        keep(place, tmp_path / "history", fail)
    assert list((tmp_path / "history").iterdir()) == []


def test_the_last_comparable_run(start: World, tmp_path: Path) -> None:
    history = tmp_path / "history"
    now = start.run(9)
    assert last_comparable(history, now, nothing_said) is None
    first, second = start.run(1), start.run(3)  # week 2 is missing
    other = replace(second, run_id="run-of-others", started="2026-01-05T00:00:00+00:00")
    others = {key._replace(model=f"{key.model}_of_others"): item for key, item in second.numbers.items()}
    other = replace(
        other,
        numbers=others,
        models={key._replace(model=f"{key.model}_of_others"): item for key, item in second.models.items()},
    )
    for record in (first, second, other, start.run(12)):  # the last is later
        kept(record, tmp_path)
    found = last_comparable(history, now, nothing_said)
    assert found is not None
    assert found.run_id == second.run_id


def test_a_damaged_run_is_passed_over_and_named(start: World, tmp_path: Path) -> None:
    kept(start.run(1), tmp_path)
    (kept(start.run(2), tmp_path) / "cells.parquet").write_bytes(b"PAR1 no more")
    said: list[str] = []
    found = last_comparable(tmp_path / "history", start.run(3), said.append)
    assert found is not None
    assert found.run_id == "run-001"
    assert len(said) == 1
    assert said[0].startswith("run-002 is passed over: ")
    whole = trend(tmp_path / "history")
    assert [point.name for point in whole.points] == ["run-001"]
    assert whole.remarks[0].startswith("run-002 is left out: ")


def test_numbers_are_followed_from_run_to_run(start: World, tmp_path: Path) -> None:
    tool = TOOLS[0]
    first = start.counts["alexnet"] + start.offsets[tool, "alexnet"]
    newer = replace(
        start,
        tools=start.tools | {tool: replace(start.tools[tool], version="2.0")},
        offsets=start.offsets | {(tool, "alexnet"): start.offsets[tool, "alexnet"] + 4},
    )
    failing = replace(newer, failing=newer.failing | {(tool, "alexnet"): "OSError"})
    without = {key: item for key, item in newer.run(4).numbers.items() if key.model != "alexnet"}
    weeks = [start.run(1), start.run(2), newer.run(3), replace(newer.run(4), numbers=without), failing.run(5)]
    for record in weeks:
        kept(record, tmp_path)
    found = trend(tmp_path / "history")
    assert found.versions_of(tool) == ((0, "1.0"), (2, "2.0"))
    assert found.versions_of_package("torch") == ((0, "2.9.0"),)
    moved = {(item.tool, item.metric, item.model): item.steps for item in found.series if item.has_moved}
    assert moved == {
        (tool, "compute", "alexnet"): (Step(0, first), Step(2, first + 4), Step(4, None)),
        (tool, "params", "alexnet"): (Step(0, 10 * start.counts["alexnet"]), Step(4, None)),
    }
    assert len(found.series) == len(start.run(1).numbers)


def test_columns_of_other_versions_are_followed_as_one(start: World, tmp_path: Path) -> None:
    record = start.run(1)
    pinned = {f"{tool}==1.0" if tool == "thop" else tool: item for tool, item in record.tools.items()}
    numbers = {
        key._replace(tool="thop==1.0") if key.tool == "thop" else key: item for key, item in record.numbers.items()
    }
    first = replace(record, tools=pinned, numbers=numbers, rulebooks={})
    kept(first, tmp_path)
    kept(start.run(2), tmp_path)
    found = trend(tmp_path / "history")
    assert {item.tool for item in found.series} == set(TOOLS)
    assert not any(item.has_moved for item in found.series)
    assert compare_runs(first, start.run(2)).is_empty


def test_a_tool_that_takes_the_place_of_another_is_compared_with_it(start: World) -> None:
    record = start.run(1)

    def renamed(tool: str) -> str:
        return "ultralytics-thop" if tool == "thop" else tool

    later = replace(
        start.run(2),
        tools={renamed(tool): item for tool, item in record.tools.items()},
        numbers={key._replace(tool=renamed(key.tool)): item for key, item in record.numbers.items()},
    )
    changed = NumberKey("alexnet", "1x3x224x224", "ultralytics-thop", "compute")
    value = later.numbers[changed].value
    assert value is not None
    later = replace(later, numbers={**later.numbers, changed: replace(later.numbers[changed], value=value + 2)})
    found = compare_runs(record, later)
    assert (found.columns.gone, found.columns.new) == ((), ())
    (number,) = found.numbers
    assert (number.tool, number.delta) == ("thop → ultralytics-thop", 2)
    assert [reason.words for reason in number.reasons] == ["thop 1.0 → ultralytics-thop 1.0"]


def test_causes_of_a_model_at_two_inputs_are_left_out_where_they_cannot_be_told_apart(
    start: World, tmp_path: Path
) -> None:
    record = start.run(1)
    second = {
        key._replace(input="1x3x64x64"): replace(item, causes={"bias": 3}, value=(item.reference or 0) + 3, residual=0)
        for key, item in record.numbers.items()
        if key.model == "alexnet"
    }
    folder = write_run(replace(record, numbers={**record.numbers, **second}), tmp_path / "run")
    found = read_record(folder).numbers
    for key, item in second.items():
        assert found[key] == item
        if key.metric == "compute":
            assert found[key._replace(input="1x3x224x224")].causes == {}
