"""Names as they are shown and as they are filed: a model may be called anything, a page may not."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256

_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}


def layer_label(layer: str) -> str:
    """The path of a layer as shown; the model itself, whose path is empty, is ``(model)``."""
    return layer or "(model)"


def slug(name: str) -> str:
    """A file name and anchor for any name: short, lower case, and different for different names on any file system.

    A name that is already safe is kept; any other is cleaned and told apart by a digest of the original.
    """
    if _SAFE.fullmatch(name) and name not in _RESERVED:
        return name
    cleaned = re.sub(r"[^a-z0-9_]+", "-", name.lower())[:48].strip("-_")
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{cleaned}-{digest}" if cleaned else digest


def page_slugs(models: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], str]:
    """The page of each model and input; only a model that stands there with several inputs needs both in the name."""
    named = Counter(model for model, _ in models)
    return {(model, given): slug(model if named[model] == 1 else f"{model}\n{given}") for model, given in models}


def model_labels(models: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], str]:
    """Each model and input as one text: the model's name, and the input where it stands there with several."""
    named = Counter(model for model, _ in models)
    return {(model, given): model if named[model] == 1 else f"{model} ({given})" for model, given in models}
