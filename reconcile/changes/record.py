"""What a run left, as far as runs are compared: numbers, what determined them, rulebooks, verdicts on claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconcile.rules import Rulebook


class ModelKey(NamedTuple):
    """A model on an input, in words: ``("resnet50", "1x3x224x224 float32")``."""

    model: str
    input: str


class NumberKey(NamedTuple):
    """One metric of one model as one column gives it."""

    model: str
    input: str
    tool: str
    metric: str

    @property
    def of_model(self) -> ModelKey:
        """The model and its input."""
        return ModelKey(self.model, self.input)


class ClaimKey(NamedTuple):
    """A published number. ``place`` counts those that are the same in all else, from 0."""

    source: str
    where: str
    model: str
    value: str
    unit: str
    input: str
    place: int


@dataclass(frozen=True, slots=True)
class Number:
    """What a column said, and what that was reconciled to; None where there is no number.

    ``causes`` are in the order of causes.csv; ``value = reference + sum(causes) + residual``. ``seconds`` and
    ``peak_rss_mb`` are those of the whole cell.
    """

    status: str
    value: int | None = None
    unit: str = ""
    reference: int | None = None
    residual: int | None = None
    causes: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    peak_rss_mb: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What the native counter said of a model. ``counts`` are by metric; ``source`` is the digest of a user's model.

    ``execution`` is ``real`` if its control flow reads values, so that arithmetic decides what it computes.
    """

    mode: str = ""
    execution: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class ToolRecord:
    """What determined a column's numbers: its version, its environment's other packages, the digest of its adapter."""

    version: str
    contents: tuple[str, ...] = ()
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found of a published number: the verdict, what was counted on what, and the count in words."""

    verdict: str
    measure: str = ""
    input: str = ""
    count: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One run. ``verdicts`` is None if nothing was audited.

    ``versions`` are those of packages, of Python and of this project; ``sources`` digests of this project's parts by
    what they do (``measuring``, ``counting``, ...), empty in what an older version wrote; ``settings`` what the run was
    asked for beside models and tools, and its processor. ``remarks`` say what could not be read.
    """

    run_id: str
    started: str
    versions: Mapping[str, str]
    sources: Mapping[str, str]
    settings: Mapping[str, str]
    tools: Mapping[str, ToolRecord]
    models: Mapping[ModelKey, ModelRecord]
    numbers: Mapping[NumberKey, Number]
    rulebooks: Mapping[str, Rulebook] = field(default_factory=dict)
    verdicts: Mapping[ClaimKey, Verdict] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The run's id, and when it started."""
        return f"{self.run_id} ({self.started[:10]})" if self.started else self.run_id
