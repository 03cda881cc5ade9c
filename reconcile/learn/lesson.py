"""Running a tool on the battery, each probe in a process of its own, and checking what was learned from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconcile.errors import ReconcileError
from reconcile.isolation import Ending, Job, Limits, Workers
from reconcile.learn.battery import UNUSED, VARIANTS, by_name
from reconcile.learn.book import learn_rulebook, predicted_compute
from reconcile.learn.observe import Observation, Outcome, observe, observe_structure
from reconcile.learn.structure import BATCHES, NETWORKS
from reconcile.rules import Rulebook
from reconcile.tools import column

LIMITS = Limits(seconds=120, memory_mb=8000)
"""What one probe may take; none takes a second."""

NUMBER_OF_PROBES = len(VARIANTS) * len(by_name()) + len(BATCHES) * len(NETWORKS)
"""How many measurements a lesson is made of."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned of a tool, and how well it holds.

    ``rulebook`` was learned from some shapes; ``checked`` are the probes at all others, each with what the rulebook
    predicts. ``refused`` are the probes for which the tool gave no number, with its own sentence.
    """

    rulebook: Rulebook
    checked: tuple[tuple[Observation, int], ...]
    refused: Mapping[str, str]

    @property
    def unpredicted(self) -> tuple[tuple[Observation, int], ...]:
        """The probes at unused shapes for which the rulebook predicts another number than the tool returned."""
        return tuple((item, predicted) for item, predicted in self.checked if item.total != predicted)


def learn(tool: str, workers: Workers[Any], progress: Callable[[str], None] = lambda _: None) -> Lesson:
    """Learn the rulebook of a column. ``progress`` is told after each measurement what it was.

    Raises:
        ReconcileError: The tool counts no operations, or ends the process of a structural probe.
    """
    chosen = column(tool)
    watched = chosen.adapter
    battery = [(*place, variant) for place in by_name() for variant in range(len(VARIANTS))]
    networks = [(name, batch) for name in NETWORKS for batch in BATCHES]
    jobs: dict[Any, Job] = {place: Job(observe, (chosen.name, *place), LIMITS, chosen.place) for place in battery}
    jobs |= {place: Job(observe_structure, (chosen.name, *place), LIMITS, chosen.place) for place in networks}
    endings = dict(_endings(jobs, workers, progress))
    observations = [_observation(place, endings[place]) for place in battery]
    structure = {place: _outcome(tool, place, endings[place]) for place in networks}
    usable = [item for item in observations if not item.error]
    if not usable:
        raise ReconcileError(f"{chosen.name} cannot be learned: {observations[0].error}")
    seen = [item for item in usable if item.variant not in UNUSED]
    book = learn_rulebook(watched.name, chosen.version, watched.unit, seen, structure)
    return Lesson(
        rulebook=book,
        checked=tuple((item, predicted_compute(book, item.trace)) for item in usable if item.trace is not None),
        refused={_name(item): item.error for item in observations if item.error},
    )


def _endings(
    jobs: Mapping[Any, Job], workers: Workers[Any], progress: Callable[[str], None]
) -> Iterator[tuple[Any, Ending]]:
    waiting = iter(jobs.items())
    running = 0
    while True:
        while running < workers.capacity and (item := next(waiting, None)) is not None:
            workers.submit(*item)
            running += 1
        if not running:
            return
        place, ending = workers.next_ending()
        running -= 1
        progress(place[0])
        yield place, ending


def _observation(place: tuple[str, str, int], ending: Ending) -> Observation:
    if isinstance(ending.value, Observation):
        return ending.value
    return Observation(*place, error=f"its process ended ({ending.last_words or ending.outcome}).")


def _outcome(tool: str, place: tuple[str, int], ending: Ending) -> Outcome:
    if not isinstance(ending.value, Outcome):
        raise ReconcileError(
            f"{tool} cannot be learned: it ended the process of the model '{place[0]}' "
            f"({ending.last_words or ending.outcome})."
        )
    return ending.value


def lesson_sentences(lesson: Lesson, known: Rulebook | None) -> Iterator[str]:
    """Say how well the rulebook holds, what no formula fits, and where the one that is known says something else."""
    book = lesson.rulebook
    right = len(lesson.checked) - len(lesson.unpredicted)
    yield (
        f"{book.tool} {book.versions[0]}: {right:,} of {len(lesson.checked):,} numbers at unused shapes are predicted, "
        f"{len(lesson.refused):,} probes refused."
    )
    for name in book.without_formula:
        yield f"no formula fits {name}."
    for item, predicted in _one_for_each(lesson.unpredicted):
        yield f"{_name(item)}: the rulebook that was learned says {predicted:,}, the tool {item.total:,}."
    if known is not None:
        for item, predicted in _one_for_each(_differences(known, lesson)):
            versions = ", ".join(known.versions)
            yield f"{_name(item)}: the rulebook for {versions} says {predicted:,}, the tool {item.total:,}."


def _differences(known: Rulebook, lesson: Lesson) -> tuple[tuple[Observation, int], ...]:
    """The probes at unused shapes for which a rulebook predicts another number than the tool returned."""
    predicted = ((item, predicted_compute(known, item.trace)) for item, _ in lesson.checked if item.trace is not None)
    return tuple((item, value) for item, value in predicted if value != item.total)


def _one_for_each(found: Iterable[tuple[Observation, int]]) -> Iterable[tuple[Observation, int]]:
    """The first of each subject and setting."""
    first: dict[str, tuple[Observation, int]] = {}
    for item, predicted in found:
        first.setdefault(_name(item), (item, predicted))
    return first.values()


def _name(item: Observation) -> str:
    return f"{item.subject} ({item.setting})" if item.setting else item.subject
