"""What to run: models, tools, the reference, and limits, from the command line or a YAML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import psutil
from pydantic import Field

from reconcile.configs import StrictModel, data_folder, load
from reconcile.errors import ReconcileError
from reconcile.reference import DEFAULT_CONVENTION, Convention, load_convention
from reconcile.rules import Rulebook
from reconcile.tools import MAIN_TOOLS, column_names, columns
from reconcile.zoo import InputSpec, Mode, ModelSpec, parse_inputs, specs

Read = TypeVar("Read")

Execution = Literal["without-arithmetic", "documented"]
"""How tools are run: on tensors that nobody computes, or as their documentation says."""


class ModelEntry(StrictModel):
    """A model with inputs of its own."""

    name: str
    input: str


class RunConfig(StrictModel):
    """A file such as configs/zoo.yaml.

    ``models`` are names, patterns (``resnet*``; ``*`` is every model of torchvision, ``timm/*`` of timm) or names with
    an input. With ``tools_may_fail``, a tool that raises is reported, and is no failure of the run as long as the tool
    gave a number for some model. ``strict`` makes an operator without a formula, and a module that never ran, a
    failure. ``jobs`` is how many cells run at a time, by default one for each processor. A cell may take
    ``timeout_seconds`` and ``memory_limit_mb``, by default its share of the machine's memory. With ``execution:
    documented`` every tool runs as its documentation says; else without the arithmetic, and ``verified_share`` of the
    cells, at least one, both ways.
    """

    models: list[str | ModelEntry] = Field(min_length=1)
    tools: list[str] = Field(default_factory=lambda: list(MAIN_TOOLS))
    reference: str = DEFAULT_CONVENTION
    mode: Literal["eval", "train"] = "eval"
    strict: bool = False
    tools_may_fail: bool = False
    seed: int = Field(default=0, ge=0, lt=2**63)
    jobs: int | None = Field(default=None, ge=1, le=1024)
    timeout_seconds: float = Field(default=3600, gt=0, le=7 * 24 * 3600)
    memory_limit_mb: float | None = Field(default=None, gt=0, le=2**40)
    execution: Execution = "without-arithmetic"
    verified_share: float = Field(default=0.01, ge=0, le=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that has been checked: every model and tool is known, and the convention is loaded.

    ``rulebooks`` stand in for those that are known of columns.
    """

    models: tuple[ModelSpec, ...]
    tools: tuple[str, ...]
    convention: Convention
    strict: bool
    tools_may_fail: bool
    seed: int
    jobs: int
    timeout_seconds: float
    memory_limit_mb: float
    execution: Execution
    verified_share: float
    rulebooks: Mapping[str, Rulebook] = field(default_factory=dict)


def default_config_file() -> Path:
    """Return the configuration of the main job: every model of torchvision, every tool."""
    return data_folder() / "zoo.yaml"


def configured_tools(config_file: Path | None) -> tuple[str, ...]:
    """Return the names of the columns that a configuration asks for, that of the main job if none is given.

    Raises:
        ReconcileError: The file cannot be read, or names an unknown tool.
    """
    file = config_file or default_config_file()
    named = load(RunConfig, file).tools
    return _said_by(f"{file}: ", lambda: tuple(name for given in named for name in column_names(given)))


def configured_models(config_file: Path | None) -> tuple[tuple[ModelSpec, ...], int]:
    """Return the models that a configuration asks for, those of configs/smoke.yaml if none is given, and its seed.

    Raises:
        ReconcileError: The file cannot be read, or names an unknown model.
    """
    file = config_file or data_folder() / "smoke.yaml"
    config = load(RunConfig, file)
    return _said_by(f"{file}: ", lambda: _models(config.models, None, config.mode)), config.seed


def make_plan(
    *,
    names: Sequence[str] = (),
    config_file: Path | None = None,
    tools: Sequence[str] | None = None,
    reference: str | None = None,
    inputs: Sequence[str] = (),
    jobs: int | None = None,
    mode: Mode | None = None,
    seed: int | None = None,
    execution: Execution | None = None,
    strict: bool = False,
    schema: type[RunConfig] = RunConfig,
) -> Plan:
    """Put together what the command line and the configuration file say; the command line comes first.

    Without names and without a file, the main job's file is read. ``schema`` is what a file may say.

    Raises:
        ReconcileError: Anything unknown or malformed, with the place.
    """
    if names and config_file is None:
        config = RunConfig(models=list(names))
    else:
        config = load(schema, config_file or default_config_file())
    given = parse_inputs(inputs) if inputs else None
    chosen = mode or config.mode
    in_file = "" if names and config_file is None else f"{config_file or default_config_file()}: "
    models = _said_by(in_file if not names else "", lambda: _models(names or config.models, given, chosen))
    checked = _said_by(in_file if tools is None else "", lambda: columns(config.tools if tools is None else tools))
    convention = _said_by("" if reference else in_file, lambda: load_convention(reference or config.reference))
    workers = jobs or config.jobs or os.cpu_count() or 1
    return Plan(
        models=models,
        tools=tuple(item.name for item in checked),
        convention=convention,
        strict=strict or config.strict,
        tools_may_fail=config.tools_may_fail,
        seed=config.seed if seed is None else seed,
        jobs=workers,
        timeout_seconds=config.timeout_seconds,
        memory_limit_mb=config.memory_limit_mb or available_megabytes(workers),
        execution=execution or config.execution,
        verified_share=config.verified_share,
    )


def available_megabytes(workers: int = 1) -> float:
    """Return the megabytes for one worker, if all are to fit into the machine and leave it a fifth."""
    return float(round(0.8 * psutil.virtual_memory().total / workers / 2**20))


def _said_by(place: str, read: Callable[[], Read]) -> Read:
    """Read what a file or the command line says; a complaint names the file if it is the file that says it."""
    try:
        return read()
    except ReconcileError as error:
        raise ReconcileError(f"{place}{error}") from error


def _models(entries: Sequence[str | ModelEntry], given: InputSpec | None, mode: Mode) -> tuple[ModelSpec, ...]:
    models: dict[tuple[str, str], ModelSpec] = {}
    for entry in entries:
        if isinstance(entry, str):
            chosen = specs([entry], given, mode)
        else:
            chosen = specs([entry.name], given or parse_inputs([entry.input]), mode)
        for spec in chosen:
            models[spec.name, str(spec.inputs or "")] = spec
    return tuple(models.values())
