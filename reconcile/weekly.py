"""The weekly job: a run, an audit with it, what both changed since the last comparable run, and all runs on a page.

In the folder of weekly runs lie ``RUN/``, each run with its report; ``history/RUN/``, what is compared of each, small,
and what it changed; ``index.html`` and ``trend.csv``, all runs together; ``summary.md``, what the latest one changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from reconcile.changes import HISTORY, Comparison, Record, compare_runs, keep, kept_runs, last_comparable, read_record
from reconcile.claims import BadRow, Claim, audit, claims_by_name
from reconcile.configs import data_folder, load
from reconcile.errors import ReconcileError
from reconcile.isolation import Workers
from reconcile.jobs import PRELOAD
from reconcile.learn import learn, revised
from reconcile.report import verdicts_table, write_changes_into, write_csv, write_weeks
from reconcile.rules import Rulebook, find_rulebook
from reconcile.run import REPORT_FILE, TORCH, Plan, RunConfig, is_run_folder, make_plan
from reconcile.tools import Column, column, modules_by_environment

Say = Callable[[str], None]
"""Told in one sentence what is out of the ordinary, and is no failure."""


class WeeklyConfig(RunConfig):
    """A file such as configs/weekly.yaml: a run, and the claims that are audited with it, named as for an audit."""

    claims: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WeeklyPlan:
    """What a weekly job is to do; all of it is known to be there."""

    run: Plan
    claims: tuple[Claim | BadRow, ...]


def default_weekly_file() -> Path:
    """Return the configuration of the weekly job: the main job, and the registry of published numbers."""
    return data_folder() / "weekly.yaml"


def make_weekly_plan(config_file: Path | None = None, jobs: int | None = None) -> WeeklyPlan:
    """Read what a weekly job is to do, by default that of configs/weekly.yaml.

    Raises:
        ReconcileError: Anything unknown or malformed, with the place.
    """
    file = config_file or default_weekly_file()
    return WeeklyPlan(make_plan(config_file=file, jobs=jobs, schema=WeeklyConfig), _claims(file))


def _claims(file: Path) -> tuple[Claim | BadRow, ...]:
    names = load(WeeklyConfig, file).claims
    try:
        return tuple(row for name in names for row in claims_by_name(name))
    except ReconcileError as error:
        raise ReconcileError(f"{file}: {error}") from None


def columns_to_learn(plan: Plan, folder: Path) -> tuple[dict[str, Rulebook], tuple[Column, ...]]:
    """Return rulebooks that an earlier week learned of versions that have none, and the columns still to be learned.

    What an earlier week learned holds as long as tool, environment and torch are the same.
    """
    unknown = [column(tool) for tool in plan.tools if _is_of_other_versions(find_rulebook(tool), column(tool))]
    last = _latest(folder / HISTORY) if unknown else None
    learned = {chosen.name: _learned_before(last, chosen) for chosen in unknown}
    found = {name: book for name, book in learned.items() if book is not None}
    return found, tuple(chosen for chosen in unknown if chosen.name not in found)


def _is_of_other_versions(known: Rulebook | None, chosen: Column) -> bool:
    return known is not None and chosen.version not in known.versions


def learn_version(chosen: Column, jobs: int, progress: Say) -> Rulebook:
    """Learn what a column counts in a version that has no rulebook: the known one, with what is new.

    Raises:
        ReconcileError: It gives no number for any probe.
    """
    known = find_rulebook(chosen.name)
    assert known is not None, "a column without any rulebook has none to be revised"
    workers: Workers[Any] = Workers(jobs, PRELOAD, tools=modules_by_environment([chosen]))
    try:
        return revised(known, learn(chosen.name, workers, progress))
    finally:
        workers.close()


def audit_week(place: Path, claims: tuple[Claim | BadRow, ...], progress: Say) -> None:
    """Audit claims, and put the verdicts with a run."""
    write_csv(verdicts_table(audit(claims, progress=progress)), place / "verdicts.csv")


def tell_week(place: Path, folder: Path, say: Say) -> Comparison | None:
    """Compare a finished run with the last comparable one, keep it, and write the pages of all runs.

    Raises:
        ReconcileError: Something cannot be written. The run itself is there.
    """
    record = read_record(place)
    history = folder / HISTORY
    before = last_comparable(history, record, say)
    found = None if before is None else compare_runs(before, record)

    def add(kept: Path) -> None:
        if found is not None:
            write_changes_into(kept, found, report=f"../../{place.name}/{REPORT_FILE}", back=f"../../{REPORT_FILE}")

    keep(place, history, add)
    write_weeks(folder, history, found, record.title)
    return found


def unfinished(folder: Path, but: Path) -> Iterator[Path]:
    """Yield weekly runs that were stopped and not gone on with: what has finished is in the history."""
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.resolve() != but.resolve() and is_run_folder(place) and not (folder / HISTORY / place.name).exists():
            yield place


def _latest(history: Path) -> Record | None:
    for place in reversed(kept_runs(history)):
        try:
            return read_record(place)
        except ReconcileError:
            continue  # it is said when this run is compared
    return None


def _learned_before(last: Record | None, chosen: Column) -> Rulebook | None:
    if last is None or last.versions.get("torch") != TORCH:
        return None
    was, book = last.tools.get(chosen.name), last.rulebooks.get(chosen.name)
    is_same = was is not None and (was.version, was.contents) == (chosen.version, chosen.contents)
    return book if is_same and book is not None and chosen.version in book.versions else None
