"""What a newer version changes, in sentences and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconcile.outdated.compare import Standing
from reconcile.outdated.numbers import Number
from reconcile.outdated.study import Study

_METRICS = {"compute": "", "params": ", parameters"}


def study_sentences(study: Study, numbers: Sequence[Number]) -> Iterator[str]:
    """Say what was learned of a newer version, which numbers of models move, and how many do not."""
    yield from study.sentences
    if study.known is None or study.learned is None:
        yield from filter(None, [study.remark])
        return
    for number in numbers:
        if number.moves:
            yield f"{number.model}{_METRICS[number.metric]}: {_move(number)}{_reservation(number)}."
    yield _unmoved(numbers)


def _move(number: Number) -> str:
    if number.unit == number.new_unit:
        return f"{number.known:,} becomes {number.learned:,} ({number.learned - number.known:+,})"
    return f"{number.known:,} {number.unit} becomes {number.learned:,} {number.new_unit}"


def _reservation(number: Number) -> str:
    """That the difference may be one between what was found out, rather than one between the versions."""
    if not number.without_formula:
        return ""
    return f"; this is not certain, as no formula was found for {', '.join(number.without_formula)}"


def _unmoved(numbers: Sequence[Number]) -> str:
    models = {number.model for number in numbers}
    moved = {number.model for number in numbers if number.moves}
    unsure = {number.model for number in numbers if number.without_formula} - moved
    said = f"{len(models - moved):,} of {len(models):,} models keep their numbers"
    if unsure:
        hold = "holds" if len(unsure) == 1 else "hold"
        said += f"; {len(unsure):,} of them {hold} what no formula was found for, so that it is not certain there"
    return f"{said}."


def study_object(study: Study, numbers: Sequence[Number]) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "subject": study.subject,
        "sentences": list(study.sentences),
        "problem": study.problem,
        "remark": study.remark,
        "models": len({number.model for number in numbers}),
        "moved": [
            {
                "model": number.model,
                "metric": number.metric,
                "known": number.known,
                "unit": number.unit,
                "learned": number.learned,
                "new_unit": number.new_unit,
                "without_formula": list(number.without_formula),
            }
            for number in numbers
            if number.moves
        ],
    }


def standing_object(row: Standing) -> dict[str, Any]:
    """Return how a distribution stands as plain data."""
    return {
        "distribution": row.distribution,
        "columns": [item.name for item in row.columns],
        "installed": row.installed,
        "newest": row.newest,
        "state": row.state,
    }
