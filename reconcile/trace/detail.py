"""How much of an execution a trace records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Depth = Literal["parts", "whole", "nothing"]
"""Of an operator: with what it consists of, as one call, or not at all."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What to record beside modules.

    ``functions`` says whether calls of torch's functions and methods are recorded; ``depth`` how deep each operator
    is, by its name (``aten.linear``).
    """

    functions: bool
    depth: Callable[[str], Depth]


def _parts(_: str) -> Depth:
    return "parts"


EVERYTHING = Detail(functions=True, depth=_parts)
"""Functions, operators, and what these consist of: what the rules of every tool can be applied to."""
