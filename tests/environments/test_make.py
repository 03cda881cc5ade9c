"""An environment holds what was asked for and what that needs beyond what is installed, whole or not at all."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

from reconcile.environments import environment, environments, environments_folder, make_environment
from reconcile.errors import ReconcileError
from tests.environments.wheels import write_wheel


def test_only_what_is_not_there_is_installed(index: Path) -> None:
    write_wheel(index, "counter", "1.0", {"counter.py": "NUMBER = 1\n"}, requires=["torch>=2", "helper", "numpy"])
    write_wheel(index, "helper", "3.1.post2", {"helper.py": ""}, requires=["packaging"])
    made = make_environment("Counter", "1.0")
    assert (made.name, made.distribution, made.version) == ("counter==1.0", "counter", "1.0")
    assert made.contents == ("counter 1.0", "helper 3.1.post2")
    assert made.folder == index.parent / "environments" / "counter==1.0"
    assert {place.name for place in made.folder.iterdir() if place.suffix == ".py"} == {"counter.py", "helper.py"}
    assert [place.name for place in made.folder.parent.iterdir()] == ["counter==1.0"]
    assert make_environment("counter", "1.0") == made == environment("counter==1.0")


def test_the_newest_without_a_version_and_several_side_by_side(index: Path) -> None:
    for version in ("1.0", "1.10", "1.9"):
        write_wheel(index, "counter", version, {"counter.py": ""})
    assert make_environment("counter").name == "counter==1.10"
    assert make_environment("counter", "1.9.0") == make_environment("counter", "1.9")
    assert make_environment("counter", "1.0").name == "counter==1.0"
    (environments_folder() / "counter==newest").mkdir()  # which is none
    assert [item.version for item in environments()] == ["1.0", "1.9", "1.10"]  # the newest last
    with pytest.raises(ReconcileError, match=r"no environment for counter==1.1.*; did you mean counter==1.10"):
        environment("counter==1.1")


@pytest.mark.parametrize(
    ("distribution", "version", "sentence"),
    [
        (
            "counter",
            "2.0",
            r"pip cannot install counter==2.0 over torch .*: No matching distribution found",
        ),
        (
            "needy",
            "",
            r"pip cannot install needy over torch .*: Cannot install needy==1.0 because ",
        ),
        ("counter", "one", "'one' is no version: write one as 0.1.1.post2209072238."),
        ("torch", "2.0", "torch cannot have an environment of its own: it is what all environments share."),
        ("thop", "0.1.1-2209072238", "thop==0.1.1.post2209072238 is installed here, and needs no environment"),
    ],
)
def test_what_cannot_be_made_leaves_nothing_behind(index: Path, distribution: str, version: str, sentence: str) -> None:
    write_wheel(index, "needy", "1.0", {"needy.py": ""}, requires=["torch<1"])
    with pytest.raises(ReconcileError, match=sentence):
        make_environment(distribution, version)
    folder = environments_folder()
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_ENVIRONMENTS", str(index / "taken"))
    (index / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(ReconcileError, match=r"no environment can be made in .*taken: "):
        make_environment("counter")
    assert environments() == ()


def test_they_are_beside_the_packages_that_they_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECONCILE_ENVIRONMENTS", raising=False)
    assert environments_folder() == Path(sys.prefix) / "reconcile-environments"
    assert Path(torch.__file__).is_relative_to(sys.prefix) or not os.environ.get("VIRTUAL_ENV")
