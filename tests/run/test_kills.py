"""Runs that are killed, at any moment and whatever part of them: they go on, and end as if nothing had happened."""

from __future__ import annotations

import itertools
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.cli import main
from tests.isolation.processes import descendants, wait_until, wait_until_gone
from tests.run.killing import KINDS, LARGE, SMALL, Killing, Kind, finish, kept_in, start, tables_in


def undisturbed(folder: Path, killing: Killing) -> Path:
    """The folder of a run like another one, which nobody disturbs."""
    folder.mkdir()
    finish(start("--config", killing.size.write(folder), "--out", "run", folder=folder))
    return folder / "run"


def test_a_run_that_is_killed_and_stopped(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    killing = Killing(tmp_path / "killed", SMALL, seed=1)
    killing.session(("job", "supervisor", "server", "program"))
    assert killing.kills["program"] == 1
    assert killing.kills.total() >= 3
    for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with killing.start() as program:
            killing.wait_for_cells(program, 1)
            below = descendants(program.pid)
            program.send_signal(number)
            out, err = finish(program, status)
        assert out == ""
        (sentence,) = [line for line in err.splitlines() if line.startswith("reconcile: ")]
        assert sentence == f"reconcile: stopped by {number.name}; go on with --resume run."
        wait_until_gone(below)
        killing.check_kept()
    assert not (killing.run / "index.html").exists()
    killing.until_finished(iter(()))
    assert tables_in(killing.run) == tables_in(undisturbed(tmp_path / "undisturbed", killing))


def test_programs_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = SMALL.write(tmp_path)
    one, other = tmp_path / "reports" / "one", tmp_path / "reports" / "other"
    with (
        start("--config", config, "--out", one, folder=tmp_path) as first,
        start("--config", config, "--out", other, folder=tmp_path) as second,
    ):
        wait_until(lambda: first.poll() is not None or len(kept_in(one)) >= 1, "a cell to be measured")
        assert first.poll() is None
        for arguments, sentence in (
            (["--resume", str(one)], f"another program is at work on the run in {one}."),
            (
                ["alexnet", "--out", str(one)],
                f"{one} holds a run: go on with --resume {one}, or choose another folder.",
            ),
        ):
            assert main(["run", *arguments]) == 2
            assert capsys.readouterr() == ("", f"reconcile: {sentence}\n")
        finish(first)
        finish(second)
    assert tables_in(one) == tables_in(other)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_hundred_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def sessions(first: int) -> Iterator[tuple[Kind, ...]]:
        for number in itertools.count(first):
            others = [KINDS[(number + place) % 3] for place in range(5)]
            yield (*others, "program")

    kills: Counter[Kind] = Counter()
    kept_before_kills, runs, programs = 0, 0, 0
    expected = None
    while kills.total() < 100:
        (tmp_path / f"killed-{runs}").mkdir()
        killing = Killing(tmp_path / f"killed-{runs}", LARGE, seed=runs)
        killing.until_finished(itertools.islice(sessions(runs), 6))
        expected = expected or tables_in(undisturbed(tmp_path / "undisturbed", killing))
        assert tables_in(killing.run) == expected
        kills += killing.kills
        kept_before_kills += killing.kept_before_kills
        programs += killing.sessions
        runs += 1
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(kills.items()))
        with capsys.disabled():
            print(
                f"\n{kills.total()} kills ({kinds}) in {runs} runs of {LARGE.cells} cells and {programs} programs; "
                f"{kept_before_kills} cells were kept at the kills, 0 were measured twice."
            )
    assert set(kills) == set(KINDS)
