"""Jobs in processes of their own: how each ends, that nothing is left of it, and that the next one is run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from reconcile.errors import ReconcileError
from reconcile.isolation import Ending, Job, Limits, Workers
from tests.isolation import jobs
from tests.isolation.processes import descendants, ids_noted_in, is_gone, wait_until, wait_until_gone

PRELOAD = "tests.isolation.jobs"
AMPLE = Limits(seconds=600, memory_mb=20_000)
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt what others leave behind")


@pytest.fixture
def workers() -> Iterator[Workers[str]]:
    pool: Workers[str] = Workers(2, PRELOAD)
    yield pool
    pool.close()


def run(workers: Workers[str], function: Callable[..., Any], *arguments: Any, limits: Limits = AMPLE) -> Ending:
    workers.submit("job", Job(function, arguments, limits))
    key, ending = workers.next_ending()
    assert key == "job"
    return ending


def check_works(workers: Workers[str]) -> None:
    """All of its capacity runs jobs."""
    for number in range(workers.capacity):
        workers.submit(f"job {number}", Job(jobs.add, (number, 1), AMPLE))
    endings = dict(workers.next_ending() for _ in range(workers.capacity))
    assert {key: (ending.outcome, ending.value) for key, ending in endings.items()} == {
        f"job {number}": ("returned", number + 1) for number in range(workers.capacity)
    }


# --- how a job ends ---


def test_what_a_function_returns(workers: Workers[str]) -> None:
    ending = run(workers, jobs.add, 2, 3)
    assert (ending.outcome, ending.value, ending.exit_code, ending.last_words) == ("returned", 5, None, "")
    assert ending.seconds > 0
    assert ending.peak_rss_mb > 0


def test_nothing_is_started_before_the_first_job() -> None:
    before = set(descendants(os.getpid()))
    pool: Workers[str] = Workers(2, PRELOAD)
    assert set(descendants(os.getpid())) <= before
    pool.close()


@pytest.mark.parametrize(
    ("function", "arguments", "code", "says"),
    [
        (jobs.raise_error, ("no such luck",), 1, "ValueError: no such luck"),
        (jobs.raise_error, ("a\nb",), 1, "b"),
        (jobs.exit_at_once, (0,), 0, ""),
        (jobs.exit_at_once, (7,), 7, ""),
        (jobs.exit_as_a_program, (3,), 1, "SystemExit: 3"),
        (jobs.kill_itself, (signal.SIGKILL,), -signal.SIGKILL, ""),
        (jobs.kill_itself, (signal.SIGTERM,), -signal.SIGTERM, ""),
        (jobs.read_address_zero, (), -signal.SIGSEGV, ""),
        (jobs.print_and_die, ("before the end",), -signal.SIGABRT, None),
        (jobs.cannot_be_pickled, (), 1, "pickle"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_job_that_does_not_return(
    workers: Workers[str], function: Callable[..., Any], arguments: tuple[Any, ...], code: int, says: str | None
) -> None:
    ending = run(workers, function, *arguments)
    assert (ending.outcome, ending.value, ending.exit_code) == ("died", None, code)
    if says is not None:
        assert says in ending.last_words
        assert bool(ending.last_words) == bool(says)
    check_works(workers)


def test_a_result_that_cannot_be_read_back(workers: Workers[str]) -> None:
    ending = run(workers, jobs.cannot_be_read_back)
    assert (ending.outcome, ending.value) == ("died", None)
    check_works(workers)


def test_results_and_arguments_of_any_size(workers: Workers[str]) -> None:
    size = 60 * jobs.MEGABYTE
    assert run(workers, jobs.bytes_of, size).value == b"r" * size
    assert run(workers, jobs.length_of, b"a" * size).value == size


# --- limits ---


@pytest.mark.parametrize("function", [jobs.sleep, jobs.sleep_in_c, jobs.talk_without_end])
def test_a_job_that_hangs(workers: Workers[str], function: Callable[..., Any]) -> None:
    ending = run(workers, function, limits=Limits(seconds=0.3, memory_mb=20_000))
    assert (ending.outcome, ending.value) == ("timeout", None)
    assert ending.seconds >= 0.3
    assert len(ending.last_words) <= 200
    check_works(workers)


@pytest.mark.parametrize(
    "function",
    [jobs.take_memory, jobs.take_memory_in_a_child, jobs.take_memory_among_short_lived_children],
)
def test_a_job_that_takes_memory(workers: Workers[str], function: Callable[..., Any]) -> None:
    ending = run(workers, function, 1000, limits=Limits(seconds=60, memory_mb=250))
    assert ending.outcome == "memory"
    check_works(workers)


def test_a_job_that_starts_processes(workers: Workers[str]) -> None:
    assert run(workers, jobs.start_processes, 40, limits=Limits(60, 20_000, processes=10)).outcome == "processes"
    check_works(workers)


def test_the_most_memory_that_a_job_held(workers: Workers[str]) -> None:
    small = run(workers, jobs.add, 1, 2).peak_rss_mb
    assert run(workers, jobs.bytes_of, 100 * jobs.MEGABYTE).peak_rss_mb > small + 100


# --- what a job says ---


def test_of_much_output_the_last_words_are_kept(workers: Workers[str]) -> None:
    supervisor = run(workers, jobs.identifiers).value[1]
    before = psutil.Process(supervisor).memory_info().rss
    ending = run(workers, jobs.talk, 40, "the last words")
    assert (ending.outcome, ending.exit_code, ending.last_words) == ("died", 3, "the last words")
    assert psutil.Process(supervisor).memory_info().rss < before + 20 * jobs.MEGABYTE


def test_last_words_are_short(workers: Workers[str]) -> None:
    ending = run(workers, jobs.raise_error, "w" * 1000)
    assert ending.last_words.startswith("ValueError: www")
    assert len(ending.last_words) == 200


# --- each job starts from the same state ---


def test_a_job_finds_nothing_of_others(workers: Workers[str]) -> None:
    found = {run(workers, jobs.change_everything).value for _ in range(4)}
    assert found == {(0, False, str(Path.cwd()), False)}


@linux
def test_a_job_has_nothing_open_but_its_output(workers: Workers[str]) -> None:
    for _ in range(2):
        workers.submit("a", Job(jobs.descriptors, (), AMPLE))
        workers.submit("b", Job(jobs.descriptors, (), AMPLE))
        for _ in range(2):
            opened = workers.next_ending()[1].value
            assert [name for name in opened if name.startswith("socket:")] == []
            assert len(opened) <= 5  # the three standard ones, the pipe for the result, the folder being read


def test_a_job_has_no_standard_input(workers: Workers[str]) -> None:
    assert run(workers, jobs.read_standard_input).value == ""


# --- nothing is left of a job ---


@linux
@pytest.mark.parametrize("then", ["return", "exit", "take memory"])
def test_what_a_job_leaves_behind_ends_with_it(workers: Workers[str], tmp_path: Path, then: str) -> None:
    place = tmp_path / "ids"
    ending = run(workers, jobs.leave_children_behind, str(place), then, limits=Limits(seconds=600, memory_mb=400))
    assert ending.outcome == {"return": "returned", "exit": "died", "take memory": "memory"}[then]
    left = ids_noted_in(place)
    assert len(set(left)) == 3
    assert [process for process in left if not is_gone(process)] == []


@linux
def test_processes_that_replace_themselves_end_too(workers: Workers[str], tmp_path: Path) -> None:
    place = tmp_path / "id"
    assert run(workers, jobs.replace_itself_forever, str(place)).outcome == "returned"
    job, supervisor, server = run(workers, jobs.identifiers).value
    assert (
        set(descendants(server)) - {job} == {child.pid for child in psutil.Process(server).children()} >= {supervisor}
    )
    assert len(psutil.Process(server).children()) == workers.capacity


@linux
def test_closing_ends_what_runs(tmp_path: Path) -> None:
    pool: Workers[str] = Workers(2, PRELOAD)
    place = tmp_path / "ids"
    pool.submit("job", Job(jobs.leave_children_behind, (str(place), "sleep"), AMPLE))
    left = ids_noted_in(place)
    pool.close()
    wait_until_gone(left)
    pool.close()  # once more changes nothing
    assert run(pool, jobs.add, 1, 1).value == 2  # it starts again when it is used again
    pool.close()


# --- supervisors and the server are killed ---


@linux
@pytest.mark.parametrize("whom", ["job", "supervisor", "server"])
def test_killing_while_a_job_runs_costs_that_job_alone(workers: Workers[str], tmp_path: Path, whom: str) -> None:
    check_works(workers)
    place = tmp_path / "ids"
    workers.submit("job", Job(jobs.leave_children_behind, (str(place), "sleep"), AMPLE))
    left = ids_noted_in(place)
    job = psutil.Process(left[0])
    supervisor = job.parent()
    assert supervisor is not None
    server = supervisor.parent()
    assert server is not None
    {"job": job, "supervisor": supervisor, "server": server}[whom].kill()
    key, ending = workers.next_ending()
    assert (key, ending.outcome) == ("job", "died")
    wait_until_gone(left)
    check_works(workers)


@linux
def test_a_job_beside_one_whose_supervisor_is_killed_goes_on(workers: Workers[str], tmp_path: Path) -> None:
    place = tmp_path / "ids"
    workers.submit("killed", Job(jobs.leave_children_behind, (str(place), "sleep"), AMPLE))
    left = ids_noted_in(place)
    workers.submit("goes on", Job(jobs.leave_children_behind, (str(tmp_path / "others"), "sleep"), AMPLE))
    others = ids_noted_in(tmp_path / "others")
    os.kill(psutil.Process(left[0]).ppid(), signal.SIGKILL)
    assert workers.next_ending()[0] == "killed"
    wait_until_gone(left)
    assert [process for process in others if is_gone(process)] == []
    workers.submit("another", Job(jobs.add, (1, 1), AMPLE))
    assert workers.next_ending()[1].value == 2
    os.kill(others[0], signal.SIGKILL)
    assert workers.next_ending()[0] == "goes on"


@pytest.mark.parametrize("whom", [1, 2], ids=["supervisor", "server"])
def test_killing_while_nothing_runs_costs_nothing(workers: Workers[str], whom: int) -> None:
    for _ in range(3):
        process = run(workers, jobs.identifiers).value[whom]
        os.kill(process, signal.SIGKILL)
        wait_until_gone([process])
        check_works(workers)


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_supervisor_that_ends_while_it_is_given_a_job(workers: Workers[str], number: signal.Signals) -> None:
    for _ in range(3):
        supervisor = run(workers, jobs.identifiers).value[1]
        # More than a socket holds: it is on its way until the supervisor has read it, or has ended.
        job = Job(jobs.length_of, (b"a" * 30 * jobs.MEGABYTE,), AMPLE)
        thread = threading.Thread(target=workers.submit, args=("job", job))
        thread.start()
        os.kill(supervisor, number)
        thread.join()
        key, ending = workers.next_ending()
        assert key == "job"
        assert (ending.outcome, ending.value) in [("died", None), ("returned", 30 * jobs.MEGABYTE)]
        check_works(workers)


def test_a_server_that_cannot_start_is_one_sentence() -> None:
    pool: Workers[str] = Workers(2, "tests.isolation.nowhere")
    with pytest.raises(ReconcileError, match="processes for the jobs cannot be started"):
        pool.submit("job", Job(jobs.add, (1, 1), AMPLE))
    pool.close()


# --- the program is killed ---

PROGRAM = """
import sys
from reconcile.isolation import Job, Limits, Workers
from tests.isolation import jobs
pool = Workers(2, "tests.isolation.jobs")
limits = Limits(600, 20_000)
pool.submit("first", Job(jobs.add, (1, 1), limits))
assert pool.next_ending()[1].value == 2
for place in sys.argv[1:]:
    pool.submit(place, Job(jobs.leave_children_behind, (place, "sleep"), limits))
print("ready", flush=True)
pool.next_ending() if sys.argv[1:] else sys.stdin.read()
"""


@linux
@pytest.mark.parametrize("number", [0, 1, 2], ids=["idle", "one busy", "all busy"])
def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path, number: int) -> None:
    places = [tmp_path / f"ids-{place}" for place in range(number)]
    program = [sys.executable, "-c", PROGRAM, *map(str, places)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        left = [item for place in places for item in ids_noted_in(place)]
        started = {*left, *descendants(process.pid)}
        wait_until(lambda: len(set(descendants(process.pid)) - set(left)) >= 3, "server and supervisors")
        process.kill()
    wait_until_gone(started)
