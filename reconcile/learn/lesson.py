"""Running a tool on the battery, each probe in a process of its own, and checking what was learned from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconcile.errors import ReconcileError
from reconcile.isolation import Ending, Job, Limits, Workers
from reconcile.learn.battery import UNUSED, VARIANTS, by_name
from reconcile.learn.book import learn_rulebook, predicted_compute, predicted_parameters, trace_in_mode
from reconcile.learn.observe import (
    Observation,
    Outcome,
    observe,
    observe_in_sizes,
    observe_past_hooks,
    observe_structure,
)
from reconcile.learn.structure import BATCHES, NETWORKS
from reconcile.learn.taken_over import predicted_not_learned, what_was_taken_over, with_rules_taken_over
from reconcile.learn.watching import Structure
from reconcile.rules import Rulebook, compare_rulebooks, find_rulebook
from reconcile.tools import Column, Metric, column

LIMITS = Limits(seconds=120, memory_mb=8000)
"""What one probe may take; none takes a second."""

NUMBER_OF_JOBS = (
    2 * len(by_name()) + len(BATCHES) * len(NETWORKS) + sum(probe.kind == "module" for probe in by_name().values())
)
"""How many jobs a lesson has at least; more where a tool refuses or raises."""


@dataclass(frozen=True, slots=True)
class Check:
    """A number that the tool returned for a probe, and what the rulebook predicts. ``probe`` says which, in words."""

    probe: str
    metric: Metric
    returned: int
    predicted: int

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.returned == self.predicted


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned of a tool, and how well it holds.

    ``rulebook`` was learned from some shapes; ``unused`` are the probes at all others, ``checked`` what the tool
    returned for them; ``structural`` is the same of the structural probes, from which the rulebook was learned.
    ``refused`` are the probes for which the tool gave no number, with its own sentence. ``not_learned`` are further
    metrics that it has: their rules are taken over from the rulebook that is known. ``structure`` is what the tool
    returned for the structural probes.
    """

    rulebook: Rulebook
    unused: tuple[Observation, ...]
    checked: tuple[Check, ...]
    structural: tuple[Check, ...]
    refused: Mapping[str, str]
    not_learned: frozenset[Metric] = frozenset()
    structure: Structure = field(default_factory=dict)


def learn(tool: str, workers: Workers[Any], progress: Callable[[str], None] = lambda _: None) -> Lesson:
    """Learn the rulebook of a column. ``progress`` is told after each job what it was for.

    Raises:
        ReconcileError: The tool gives no number for any probe.
    """
    chosen = column(tool)
    watched = chosen.adapter
    past_hooks = [("past hooks", *place) for place, probe in by_name().items() if probe.kind == "module"]
    networks = [(name, batch) for name in NETWORKS for batch in BATCHES]
    observations = _observations(chosen, workers, progress)
    jobs: dict[Any, Job] = {
        place: Job(observe_past_hooks, (chosen.name, *place[1:]), LIMITS, chosen.place) for place in past_hooks
    }
    jobs |= {place: Job(observe_structure, (chosen.name, *place), LIMITS, chosen.place) for place in networks}
    endings = dict(_endings(jobs, workers, progress))
    structure = {place: _outcome(endings[place]) for place in networks}
    usable = [item for item in observations if not item.error]
    if not usable:
        raise ReconcileError(f"{chosen.name} cannot be learned: {observations[0].error}")
    seen = [item for item in usable if item.variant not in UNUSED]
    unhooked = {place[1:]: _outcome(endings[place]) for place in past_hooks}
    book = learn_rulebook(watched.name, chosen.version, watched.unit, seen, structure, unhooked)
    further = frozenset(metric for item in usable for metric in item.not_learned)
    book = with_rules_taken_over(book, further, find_rulebook(chosen.name))
    unused = tuple(item for item in usable if item.trace is not None)
    checked = tuple(checks_of(book, unused))
    return Lesson(
        rulebook=_with_what_it_misses(book, checked),
        unused=unused,
        checked=checked,
        structural=tuple(checks_of_structure(book, structure)),
        refused={_name(item): item.error for item in observations if item.error}
        | {_network(*place): outcome.error for place, outcome in structure.items() if outcome.error},
        not_learned=further,
        structure=structure,
    )


def _observations(chosen: Column, workers: Workers[Any], progress: Callable[[str], None]) -> list[Observation]:
    """Observe the battery.

    The sizes of a probe are observed in one process, but for the last one, which is never shown to the learner: it has
    a process of its own, as what the others have led to must hold there too. So have the sizes that come after one at
    which the tool raised, unless it raises at the last one as well.
    """
    together = range(ALONE)
    found: dict[tuple[str, str, int], Observation] = {}

    def missing(place: tuple[str, str]) -> list[int]:
        return [variant for variant in together if (*place, variant) not in found]

    def has_raised(place: tuple[str, str], variants: Iterable[int]) -> bool:
        return any((*place, variant) in found and found[*place, variant].error for variant in variants)

    def observe_alone(places: Iterable[tuple[str, str, int]]) -> None:
        jobs = {place: Job(observe, (chosen.name, *place), LIMITS, chosen.place) for place in places}
        found.update((place, _observation(place, ending)) for place, ending in _endings(jobs, workers, progress))

    for one_image in (False, True):
        jobs = {
            place: Job(observe_in_sizes, (chosen.name, *place, missing(place), one_image), LIMITS, chosen.place)
            for place in by_name()
            if missing(place) and not has_raised(place, together)
        }
        for place, ending in _endings(jobs, workers, progress):
            if isinstance(ending.value, dict):
                found |= {(*place, variant): item for variant, item in ending.value.items()}
    observe_alone((*place, ALONE) for place in by_name())
    for place in by_name():
        if has_raised(place, together) and has_raised(place, [ALONE]):
            found |= {(*place, variant): replace(found[*place, ALONE], variant=variant) for variant in missing(place)}
    observe_alone((*place, variant) for place in by_name() for variant in missing(place))
    return [found[*place, variant] for place in by_name() for variant in range(len(VARIANTS))]


ALONE = len(VARIANTS) - 1
"""The variant that is always observed in a process of its own."""


def _with_what_it_misses(book: Rulebook, checked: Iterable[Check]) -> Rulebook:
    """The rulebook, with the layers that it does not predict at unused shapes among those without a formula."""
    missed: dict[str, list[int]] = {}
    for check in checked:
        known = {check.probe, check.probe.partition(" (")[0]} & book.without_formula.keys()
        if not check.holds and check.metric == "compute" and not known:
            missed.setdefault(check.probe, []).append(check.returned)
    return book.model_copy(update={"without_formula": {**book.without_formula, **missed}})


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
    return Observation(*place, error=_last_words(ending))


def _outcome(ending: Ending) -> Outcome:
    return ending.value if isinstance(ending.value, Outcome) else Outcome(error=_last_words(ending))


def _last_words(ending: Ending) -> str:
    return f"its process ended ({ending.last_words or ending.outcome})."


def checks_of(book: Rulebook, observations: Iterable[Observation]) -> Iterator[Check]:
    """What the tool returned for probes that have a trace, beside what a rulebook says."""
    for item in observations:
        assert item.trace is not None, "an observation at an unused shape has its trace"
        if item.compute:
            yield Check(_name(item), "compute", item.total, predicted_compute(book, item.trace))
        if item.parameters is not None:
            yield Check(_name(item), "params", item.parameters, predicted_parameters(book, item.trace))
        for metric, predicted in predicted_not_learned(book, item.trace).items():
            if metric in item.not_learned:
                yield Check(_name(item), metric, item.not_learned[metric], predicted)


def predicts_unused(book: Rulebook, lesson: Lesson) -> bool:
    """Whether a rulebook, such as one that is known, predicts every number that the tool returned at unused shapes."""
    return all(check.holds for check in checks_of(book, lesson.unused))


def checks_of_structure(book: Rulebook, structure: Structure) -> Iterator[Check]:
    """What the tool returned for the structural probes, beside what a rulebook says."""
    for (name, batch), outcome in structure.items():
        trace = trace_in_mode(book, structure, name, batch)
        if trace is not None and outcome.compute is not None:
            yield Check(_network(name, batch), "compute", outcome.compute, predicted_compute(book, trace))
        if trace is not None and outcome.parameters is not None:
            yield Check(_network(name, batch), "params", outcome.parameters, predicted_parameters(book, trace))
        for metric, predicted in predicted_not_learned(book, trace).items() if trace is not None else ():
            if metric in outcome.not_learned:
                yield Check(_network(name, batch), metric, outcome.not_learned[metric], predicted)


def lesson_sentences(lesson: Lesson, known: Iterable[Rulebook]) -> Iterator[str]:
    """Say how well the rulebook holds, what no formula fits, and where those that are known say something else."""
    book = lesson.rulebook
    right = sum(check.holds for check in lesson.checked)
    structural = sum(check.holds for check in lesson.structural)
    yield (
        f"{book.tool} {book.versions[0]}: {right:,} of {len(lesson.checked):,} numbers at unused shapes are predicted, "
        f"{structural:,} of {len(lesson.structural):,} of structural probes; {len(lesson.refused):,} probes refused."
    )
    yield from what_was_taken_over(book, lesson.not_learned)
    for name in book.without_formula:
        yield f"no formula fits {name}."
    for check in _one_for_each((*lesson.checked, *lesson.structural)):
        yield f"{_subject(check)}: the rulebook that was learned says {check.predicted:,}, the tool {check.returned:,}."
    for other in known:
        yield from _differences(lesson, other)


def _differences(lesson: Lesson, known: Rulebook) -> Iterator[str]:
    """Say where a known rulebook is for another convention: in words where they differ in words, else by a number."""
    wrong = [(item, check) for item in lesson.unused for check in checks_of(known, [item]) if not check.holds]
    among = {name for item, _ in wrong for name in names_of(item)}
    in_words = list(compare_rulebooks(known, lesson.rulebook, among))
    yield from in_words
    said = " ".join(in_words)
    for check in _one_for_each(check for item, check in wrong if not any(name in said for name in names_of(item))):
        versions = ", ".join(known.versions)
        numbers = f"says {check.predicted:,}, the tool {check.returned:,}"
        yield f"{_subject(check)}: the rulebook for {versions} {numbers}."


def names_of(item: Observation) -> Iterator[str]:
    """Names of all calls of a probe for which there may be rules."""
    calls = (*item.functions, *item.every) if item.module is None else (item.module, *item.functions, *item.every)
    yield from (seen.name for seen in calls)


def _one_for_each(checks: Iterable[Check]) -> Iterable[Check]:
    """The first that does not hold, of each probe."""
    first: dict[tuple[str, str], Check] = {}
    for check in checks:
        if not check.holds:
            first.setdefault((check.probe, check.metric), check)
    return first.values()


def _subject(check: Check) -> str:
    metric = {"compute": "", "params": ", parameters"}.get(check.metric, f", {check.metric}")
    return f"{check.probe}{metric}"


def _name(item: Observation) -> str:
    return f"{item.subject} ({item.setting})" if item.setting else item.subject


def _network(name: str, batch: int) -> str:
    return f"{name} (batch {batch})"
