"""Versions of tools side by side: names of columns, jobs in two environments at once, and runs."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

from reconcile.cli import main
from reconcile.environments import folder, make_environment
from reconcile.errors import ReconcileError
from reconcile.isolation import Job, Limits, Workers
from reconcile.run.keys import measurement_key, versions_here
from reconcile.tools import column, column_names, columns, find_column, modules_by_environment
from reconcile.zoo import resolve
from tests.environments.jobs import kill_the_server, number_of_counter
from tests.environments.wheels import TORCHINFO, write_wheel

AMPLE = Limits(600, 20_000)


def write_torchinfo(index: Path, version: str, number: int) -> None:
    text = TORCHINFO.replace("{number}", str(number))
    write_wheel(index, "torchinfo", version, {"torchinfo/__init__.py": text})


def test_names_of_columns() -> None:
    assert list(column_names("thop")) == ["thop"]
    assert list(column_names(" thop == 0.1.1-2209072238 ")) == ["thop==0.1.1.post2209072238"]
    assert list(column_names("ptflops==0.7.2.2")) == ["ptflops-pytorch==0.7.2.2", "ptflops-aten==0.7.2.2"]
    assert list(column_names("calflops")) == ["calflops-flops", "calflops-macs"]
    assert list(column_names("")) == []
    for name, sentence in (
        ("tohp==1.0", "unknown tool 'tohp'; did you mean thop"),
        ("thop==newest", "'newest' is no version"),
        ("thop==", "'' is no version"),
    ):
        with pytest.raises(ReconcileError, match=sentence):
            list(column_names(name))


def test_a_column_is_installed_here_or_in_an_environment(index: Path) -> None:
    pinned = column("torchinfo==1.8.0")
    assert (pinned.version, pinned.place, pinned.contents) == ("1.8.0", "", ())
    assert find_column("torchinfo==2.0") is None
    with pytest.raises(
        ReconcileError, match=r"torchinfo==2.0 needs torchinfo 2.0, .*: 'reconcile environment torchinfo==2.0' gives"
    ):
        columns(["torchinfo", "torchinfo==2.0"])
    write_torchinfo(index, "2.0", 7)
    make_environment("torchinfo", "2.0")
    found = columns(["torchinfo", "torchinfo==2.0", "torchinfo"])
    assert [(item.name, item.version, item.place) for item in found] == [
        ("torchinfo", "1.8.0", ""),
        ("torchinfo==2.0", "2.0", "torchinfo==2.0"),
    ]
    assert found[0].adapter is found[1].adapter
    assert modules_by_environment(found) == {"": ("torchinfo",), "torchinfo==2.0": ("torchinfo",)}


def test_jobs_of_several_environments_at_once(index: Path) -> None:
    for version in ("1.0", "2.0"):
        write_wheel(index, "counter", version, {"counter.py": f"NUMBER = {version[0]}\n"})
        make_environment("counter", version)
    places = ["counter==1.0", "counter==2.0"]
    workers: Workers[int] = Workers(2, "tests.environments.jobs", tools={places[0]: ["counter", "no.such.module"]})
    try:
        found = {}
        for number in range(6):
            if number > 1:
                key, ending = workers.next_ending()
                found[key] = ending.value
            workers.submit(number, Job(number_of_counter, (), AMPLE, places[number % 2]))
        found |= {key: ending.value for key, ending in (workers.next_ending() for _ in range(2))}
        assert found == {0: 1, 1: 2, 2: 1, 3: 2, 4: 1, 5: 2}
        workers.submit(0, Job(kill_the_server, (), AMPLE, places[0]))  # it takes nothing else with it
        workers.submit(1, Job(number_of_counter, (), AMPLE, places[1]))
        endings = dict(workers.next_ending() for _ in range(2))
        assert (endings[0].outcome, endings[1].value) == ("died", 2)
        workers.submit(0, Job(number_of_counter, (), AMPLE, places[0]))
        assert workers.next_ending()[1].value == 1
        workers.submit(0, Job(number_of_counter, (), AMPLE))
        assert workers.next_ending()[1].last_words == "ModuleNotFoundError: No module named 'counter'"
        workers.submit(0, Job(number_of_counter, (), AMPLE, "counter==3.0"))
        assert "no environment for counter==3.0: 'reconcile environment" in workers.next_ending()[1].last_words
    finally:
        workers.close()


def test_an_environment_in_which_nothing_starts_costs_its_own_jobs(index: Path) -> None:
    write_wheel(index, "psutil", "99.0", {"psutil.py": "raise ImportError('not here')\n"})  # which supervisors need
    made = make_environment("psutil", "99.0")
    workers: Workers[int] = Workers(1, "tests.environments.jobs")
    try:
        for _ in range(2):
            workers.submit(0, Job(number_of_counter, (), AMPLE, made.name))
            ending = workers.next_ending()[1]
            assert ending.last_words == "the processes for the jobs cannot be started in the environment psutil==99.0."
        workers.submit(1, Job(os.getpid, (), AMPLE))
        assert workers.next_ending()[1].outcome == "returned"
    finally:
        workers.close()


def cells(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        return {(row["tool"], row["metric"]): row for row in csv.DictReader(file)}


def test_versions_side_by_side_in_a_run(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_torchinfo(index, "2.0", 7)
    write_torchinfo(index, "3.0", 5)
    assert main(["environment", "torchinfo==2.0", "torchinfo==1.8.0"]) == 0
    made = tmp_path / "environments" / "torchinfo==2.0"
    assert capsys.readouterr().out.splitlines() == [
        f"torchinfo==2.0\t2.0\t{made}",
        "torchinfo==1.8.0\t1.8.0\tinstalled here",
    ]
    tools = "torchinfo,torchinfo==2.0"
    first, again = tmp_path / "runs" / "first", tmp_path / "runs" / "again"
    assert main(["run", "tests.run.models:net", "--tools", tools, "--out", str(first)]) == 0
    found = cells(first)
    # A linear layer of 4 inputs and 5 outputs on 3 rows: 25 parameters.
    assert [(found[tool, "compute"]["tool_version"], found[tool, "compute"]["value"]) for tool in tools.split(",")] == [
        ("1.8.0", "75"), ("2.0", "175")
    ]  # fmt: skip  # one entry a line would fill the page
    assert found["torchinfo==2.0", "params"]["value"] == "25"
    assert main(["run", "tests.run.models:net", "--tools", tools, "--out", str(again), "--dry-run"]) == 0
    assert main(["list", "environments"]) == 0
    assert f"torchinfo==2.0\t{made}\ttorchinfo 2.0" in capsys.readouterr().out
    assert main(["explain", "tests.run.models:net", "--tool", "torchinfo==2.0", "--metric", "params"]) == 0
    assert "25" in capsys.readouterr().out
    assert main(["run", "tests.run.models:net", "--tools", "torchinfo==3.0", "--out", str(again)]) == 2
    assert "'reconcile environment torchinfo==3.0' gives it an environment" in capsys.readouterr().err
    assert not again.exists()


def test_what_a_configuration_asks_for(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_torchinfo(index, "2.0", 7)
    config = tmp_path / "mine.yaml"
    config.write_text("models: [resnet18]\ntools: [thop, torchinfo==2.0]\n", encoding="utf-8")
    assert main(["environment", "--config", str(config)]) == 0
    assert [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["thop", "0.1.1.post2209072238"],
        ["torchinfo==2.0", "2.0"],
    ]
    config.write_text("models: [resnet18]\ntools: [thop, torhcinfo==2.0]\n", encoding="utf-8")
    for arguments, sentence in (
        (["--config", str(config)], f"{config}: unknown tool 'torhcinfo'; did you mean torchinfo"),
        (["thop", "--config", str(config)], "TOOL cannot be given with --config"),
        (["torchinfo==4.0"], "pip cannot install torchinfo==4.0 over torch "),
        (["flop-counter==2.3"], "torch cannot have an environment of its own"),
    ):
        assert main(["environment", *arguments]) == 2
        assert capsys.readouterr().err.startswith(f"reconcile: {sentence}")


def test_a_live_model_stays_where_it_is(index: Path) -> None:
    import torch

    import reconcile

    write_torchinfo(index, "2.0", 7)
    make_environment("torchinfo", "2.0")
    with pytest.raises(ReconcileError, match=r"torchinfo==2.0 is in an environment of its own, which this process"):
        reconcile.compare(torch.nn.Linear(4, 5), torch.zeros(1, 4), tools=["torchinfo==2.0"])


def test_what_is_in_an_environment_determines_a_result(index: Path) -> None:
    # The same version with another helper is measured again; a version that is installed here is the column itself.
    spec = resolve("resnet18")

    def key(tool: str) -> str:
        return measurement_key(spec, "", tool, 0, "without-arithmetic")

    write_torchinfo(index, "2.0", 7)
    alone = make_environment("torchinfo", "2.0")
    first = key("torchinfo==2.0")
    assert key("torchinfo") == key("torchinfo==1.8.0") != first
    assert versions_here("")[:2] == versions_here(alone.name)[:2]
    assert set(versions_here(alone.name)) - set(versions_here("")) == {"torchinfo 2.0 in torchinfo==2.0"}
    shutil.rmtree(alone.folder)
    text = TORCHINFO.replace("{number}", "7")
    write_wheel(index, "torchinfo", "2.0", {"torchinfo/__init__.py": text}, requires=["helper"])
    write_wheel(index, "helper", "1.0", {"helper.py": ""})
    folder._contents.cache_clear()  # looked up once in a program: it does not change under one that runs
    make_environment("torchinfo", "2.0")
    assert key("torchinfo==2.0") != first
