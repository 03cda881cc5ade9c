"""A disk that is full, read-only or gone: one sentence, what has finished is kept, and a run goes on from there."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import reconcile.cli
from reconcile.cli import main
from reconcile.run.records import SCHEMAS
from reconcile.run.store import tables
from tests.hostile import models
from tests.hostile.backend import backend

MODELS = [f"{models.__name__}:{name}" for name in ("good", "good_and_large")]
COMMAND = ["run", *MODELS, "--tools", "thop,torchinfo", "--jobs", "1", "--fresh"]
TABLES = ("cells.csv", "causes.csv", "layers.csv")


def mounted(*arguments: str) -> bool:
    mount = shutil.which("mount")
    return mount is not None and subprocess.run([mount, *arguments], check=False, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, with 16 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)):
        pytest.skip("this user may not mount a disk")  # as an ordinary user; in CI it is root
    yield folder
    umount = shutil.which("umount")
    assert umount is not None
    subprocess.run([umount, "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile.cli, "this_machine", backend())


def fill(disk: Path, left: int) -> Path:
    """Fill a disk until so many bytes are left, in whole pages."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(bytes(max(0, status.f_bavail * status.f_frsize - left)))
    return filler


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence on standard error."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("reconcile: ")
    assert len(lines[0]) < 6000
    return lines[0]


def rows(folder: Path) -> dict[str, list[dict[str, str]]]:
    """What a report's tables say, but for the run's name."""
    found = {}
    for name in TABLES:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            found[name] = [
                {key: value for key, value in row.items() if key != "run_id"} for row in csv.DictReader(file)
            ]
    for row in found["cells.csv"]:
        row["seconds"] = row["peak_rss_mb"] = ""
    return found


def results(folder: Path) -> list[Path]:
    return sorted((folder / "results").rglob("*.parquet"))


@pytest.fixture
def undisturbed(tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, str]]]:
    folder = tmp_path / "undisturbed"
    assert main([*COMMAND, "--out", str(folder)]) == 0
    capsys.readouterr()
    return rows(folder)


@pytest.mark.parametrize("part", range(2))
def test_a_disk_that_fills_up_anywhere(
    part: int, disk: Path, undisturbed: dict[str, list[dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    stages: set[str] = set()
    for pages in range(3 * part, 72, 6):
        folder = disk / f"run{pages}"
        filler = fill(disk, pages * page)
        status = main([*COMMAND, "--out", str(folder)])
        if status == 0:
            capsys.readouterr()
            stages.add("finished")
        else:
            assert status == 2
            sentence = complaint(capsys)
            assert "No space left on device" in sentence
            kept = results(folder)
            for kind in {path.parent for path in kept}:  # each is whole
                assert len(list(tables(kind, SCHEMAS[kind.name]))) == len(list(kind.iterdir()))
            assert not any(path.name.startswith(".partial") for path in disk.rglob("*"))
            assert not (folder / "index.html").exists()
            filler.unlink()
            if (folder / "run.json").exists():
                stages.add("report" if "report folder" in sentence else "results")
                before = {path: path.read_bytes() for path in kept}
                assert main(["run", "--resume", str(folder), "--fresh"]) == 0
                assert {path: path.read_bytes() for path in before} == before
                capsys.readouterr()
            else:  # nothing has begun: it is not resumed, but begun
                stages.add("plan")
                assert kept == []
                assert main([*COMMAND, "--out", str(folder)]) == 0
                capsys.readouterr()
        assert rows(folder) == undisturbed
        filler.unlink(missing_ok=True)
        shutil.rmtree(folder)
    assert {"results", "report"} <= stages


def test_a_disk_that_becomes_read_only(
    disk: Path, undisturbed: dict[str, list[dict[str, str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = disk / "run"
    filler = fill(disk, 12 * os.sysconf("SC_PAGE_SIZE"))
    assert main([*COMMAND, "--out", str(folder)]) == 2
    complaint(capsys)
    kept = results(folder)
    assert kept != []
    filler.unlink()
    assert mounted("-o", "remount,ro", str(disk))
    for arguments in (["run", "--resume", str(folder)], [*COMMAND, "--out", str(disk / "another")]):
        assert main(arguments) == 2
        assert "Read-only file system" in complaint(capsys)
    assert results(folder) == kept
    assert mounted("-o", "remount,rw", str(disk))
    assert main(["run", "--resume", str(folder), "--fresh"]) == 0
    assert rows(folder) == undisturbed


@pytest.mark.parametrize("ended", [1, 3, 6])
def test_a_folder_that_vanishes(
    ended: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    monkeypatch.setattr(
        reconcile.cli, "this_machine", backend(lambda number: shutil.rmtree(folder) if number == ended else None)
    )
    assert main([*COMMAND, "--out", str(folder)]) == 2
    assert "No such file or directory" in complaint(capsys)
    assert not folder.exists()


def test_a_folder_that_vanishes_before_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    run_plan = reconcile.cli.run_plan

    def run_and_remove(*arguments: object, **options: object) -> object:
        result = run_plan(*arguments, **options)  # type: ignore[arg-type]  # passed on as they are
        shutil.rmtree(folder)
        return result

    monkeypatch.setattr(reconcile.cli, "run_plan", run_and_remove)
    status = main([*COMMAND, "--out", str(folder)])
    if status == 0:  # the report is there, and whole
        assert all((folder / name).is_file() for name in (*TABLES, "index.html", "manifest.json"))
    else:
        complaint(capsys)
        assert not folder.exists()


LONG = "x" * 5000


@pytest.mark.parametrize("place", ["file", "file/below", "dangling", "dangling/below", "loop", LONG, f"a/{LONG}/b"])
@pytest.mark.parametrize("further", [[], ["--dry-run"]], ids=["", "dry"])
def test_a_place_where_nothing_can_be_written(
    place: str, further: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at" / "all")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.rglob("*"))
    status = main([*COMMAND, "--out", f"{tmp_path}/{place}", *further])
    if status == 0:
        assert further or place.startswith("dangling")  # a link may lead to a folder that is still to be made
    else:
        assert status == 2
        complaint(capsys)
        assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_name_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file name may be any bytes."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    arguments = [*COMMAND, "--out", str(folder)]
    status = main(arguments)
    assert status == 0, capsys.readouterr().err
    assert (folder / "index.html").is_file()
    assert main(["run", "--resume", str(folder)]) == 0
