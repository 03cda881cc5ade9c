"""What a user can get wrong, said in one sentence that names the place and, where there is one, the near match."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ReconcileError(Exception):
    """Bad usage or configuration. The message is one sentence for the user; nothing has been written."""


class ModelError(ReconcileError):
    """A model that could not be built or that raised while it ran. The message names the model and the exception."""


class UnlistedKindError(ReconcileError):
    """A convention that treats unlisted layers as an error met one. The message names kinds and types of layers."""


class CoverageError(ReconcileError):
    """A count that was asked to be complete leaves something out. The message names what."""


def did_you_mean(name: str, known: Iterable[str], limit: int = 3) -> str:
    """Return ``"; did you mean a, b or c?"`` for the nearest of the known names, or a full stop where none is near."""
    lowered = {candidate.lower(): candidate for candidate in known}
    matches = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=limit, cutoff=0.6)]
    if not matches:
        return "."
    listed = matches[0] if len(matches) == 1 else ", ".join(matches[:-1]) + " or " + matches[-1]
    return f"; did you mean {listed}?"


def describe_exception(error: BaseException, limit: int = 400) -> str:
    """Return ``Type: first line of the message``, with the cause if it names one, shortened, for use in a sentence."""
    first_line = next((line for line in map(printable, _message_of(error).splitlines()) if line), "")
    text = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    if error.__cause__ is not None and limit > _SHORTEST_CAUSE:  # causes may go round in a circle
        text = f"{describe_exception(error.__cause__, limit // 2)}, reported as {text}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    """Return a text with a space for every character that no terminal shows, as a part of a sentence."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


_SHORTEST_CAUSE = 50


def _message_of(error: BaseException) -> str:
    try:
        return "".join(str(error))  # plain text, whatever the exception makes of itself
    except Exception as failure:
        return f"its message cannot be read, {type(failure).__name__}"
