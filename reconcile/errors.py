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
    message = str(error).strip()
    first_line = message.splitlines()[0] if message else ""
    text = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    if error.__cause__ is not None:
        text = f"{describe_exception(error.__cause__, limit // 2)}, reported as {text}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
