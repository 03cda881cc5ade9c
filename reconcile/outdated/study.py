"""Learning newer versions: each in an environment of its own, its rulebook held against the one that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconcile.environments import SHARED, find_environment, make_environment, remove_environment
from reconcile.errors import ReconcileError
from reconcile.isolation import Workers
from reconcile.jobs import PRELOAD
from reconcile.learn import Lesson, learn, lesson_sentences, predicts_unused, revised
from reconcile.outdated.compare import NEWER, Standing
from reconcile.rules import ExpressionError, Rulebook, changed_rules, find_rulebook
from reconcile.tools import Column, column, find_column, modules_by_environment

Learn: TypeAlias = "Callable[[str, Workers[Any], Callable[[str], None]], Lesson]"


@dataclass(frozen=True, slots=True)
class Study:
    """What was learned of the newer version of a column, or of a distribution if it came to no column.

    ``subject`` names the version, as in ``thop==0.2``. ``learned`` is the rulebook that is ``known``, with other rules
    where the newer version returns something else, and ``sentences`` say which; ``problem`` is why nothing was learned,
    and ``remark`` the same where nothing is wrong with that.
    """

    subject: str
    distribution: str
    installed: str
    sentences: tuple[str, ...] = ()
    known: Rulebook | None = None
    learned: Rulebook | None = None
    problem: str = ""
    remark: str = ""


def learn_newer(
    rows: Sequence[Standing],
    jobs: int,
    progress: Callable[[str], None] = lambda _: None,
    learn_column: Learn = learn,
) -> Iterator[Study]:
    """Make an environment for each newer version, and learn its columns there, ``jobs`` probes at a time.

    What cannot be made or learned is the problem of its study; the others go on. ``progress`` is told after each probe
    what it was.
    """
    for row in rows:
        if row.state != NEWER:
            continue
        name = f"{row.distribution}=={row.newest}"
        if row.distribution in SHARED:
            remark = (
                f"{row.distribution} {row.newest} is not learned: all environments share the one that is installed."
            )
            yield Study(name, row.distribution, row.installed, remark=remark)
            continue
        try:
            with _newer_columns(row) as columns:
                for new, old in zip(columns, row.columns, strict=True):
                    yield _study(new, old, row, jobs, progress, learn_column)
        except ReconcileError as error:
            yield Study(name, row.distribution, row.installed, problem=str(error))


@contextmanager
def _newer_columns(row: Standing) -> Iterator[tuple[Column, ...]]:
    """The columns in the newer version, in an environment that stays.

    Unless it would take the place of the one from which a column without a version in its name is read: then it goes.
    """
    names = [f"{item.name.partition('==')[0]}=={row.newest}" for item in row.columns]
    takes_place = any(item.environment is not None and "==" not in item.name for item in row.columns)
    was_there = find_environment(row.distribution, row.newest) is not None
    if find_column(names[0]) is None:
        make_environment(row.distribution, row.newest)
    try:
        yield tuple(map(column, names))
    finally:
        made = find_environment(row.distribution, row.newest)
        if made is not None and takes_place and not was_there:
            remove_environment(made)


def _study(
    new: Column, old: Column, row: Standing, jobs: int, progress: Callable[[str], None], learn_column: Learn
) -> Study:
    known = find_rulebook(old.name)
    workers: Workers[Any] = Workers(jobs, PRELOAD, tools=modules_by_environment([new]))
    try:
        lesson = learn_column(new.name, workers, progress)
        book = lesson.rulebook if known is None else revised(known, lesson)
        sentences = tuple(_sentences(book, known, old, lesson))
    except ReconcileError as error:
        return Study(new.name, row.distribution, row.installed, problem=str(error))
    except ExpressionError as error:
        return Study(
            new.name, row.distribution, row.installed, problem=f"the rulebook of {old.name} does not fit: {error}."
        )
    finally:
        workers.close()
    return Study(new.name, row.distribution, row.installed, sentences, known, book)


def _sentences(book: Rulebook, known: Rulebook | None, old: Column, lesson: Lesson) -> Iterator[str]:
    """Say how well the lesson went, and what is counted otherwise than by the rulebook that is known."""
    if known is None:
        yield from lesson_sentences(lesson, ())
        yield f"no rulebook of {old.name} is known, so that there is nothing to compare with."
        return
    yield next(iter(lesson_sentences(lesson, ())))
    yield from changed_rules(known, book)
    if old.version not in known.versions:
        yield f"the rulebook that is known is that of {', '.join(known.versions)}, not of {old.version}."
    if lesson.unused and predicts_unused(known, lesson):
        yield "the rulebook that is known predicts every number at unused shapes, too."
