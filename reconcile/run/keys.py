"""What determines a result: the same key means the same numbers, and a changed ingredient means another key.

Ingredients are the tool and its version, the source of its adapter and of what runs it, torch, torchvision, Python,
the model and the version of its library, its input, mode and seed. Of a user's own model the trace stands for its
source: it changes with anything that a tool can see.
"""

from __future__ import annotations

import inspect
import json
import platform
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from reconcile.configs import data_folder
from reconcile.environments import environment
from reconcile.reference import Convention
from reconcile.rules import Rulebook, rulebook_file
from reconcile.run.config import Execution
from reconcile.tools import adapter, column, installed_tools, version_of
from reconcile.zoo import ModelSpec, timm_zoo

TORCH = metadata.version("torch")
"""The version of torch, by which results of several machines can be told apart."""

_PACKAGE = Path(__file__).parents[1]


def source_digests() -> dict[str, str]:
    """Return digests of this project's source and data by what they do: what changes one may change those numbers."""
    return {
        "measuring": _key(*_measuring()),
        "zoo": _digest_of_sources("zoo"),
        "counting": _key(*_counting(), _digest_of_data("conventions")),
        "explaining": _key(*_explaining()),
        "auditing": _key(*map(_digest_of_sources, ("claims", "rules")), *_counting(), _digest_of_data(".")),
    }


def adapter_digest(tool: str) -> str:
    """Return the digest of the source of a column's adapter."""
    return _digest_of_file(Path(inspect.getfile(type(column(tool).adapter))))


def measurement_key(spec: ModelSpec, source: str, tool: str, seed: int, execution: Execution) -> str:
    """Return the key of what a tool says about a model. ``source`` is a user's model's digest."""
    chosen = column(tool)
    return _key(
        "measurement",
        _model(spec, source, seed),
        chosen.adapter.name,
        chosen.version,
        chosen.contents,
        adapter_digest(tool),
        *_measuring(),
        execution,
    )


def reference_key(spec: ModelSpec, source: str, seed: int, convention: Convention) -> str:
    """Return the key of the native count of a model."""
    return _key("reference", _model(spec, source, seed), convention.model_dump(mode="json"), *_counting())


def reconciliation_key(reference: str, measurement_digest: str, tool: str, rulebook: Rulebook | None = None) -> str:
    """Return the key of what a measurement and a reference were reconciled to, by a rulebook or by the known one."""
    file = rulebook_file(tool)
    if rulebook is not None:
        rules = _key(rulebook.model_dump(mode="json"))
    else:
        rules = "" if file is None else _digest_of_file(file)
    return _key("reconciliation", reference, measurement_digest, tool, *_explaining(), rules)


@cache
def versions_here(environment_of_job: str) -> tuple[str, ...]:
    """Return everything here that a job's numbers depend on, as texts that can be told to a user.

    Raises:
        ReconcileError: The environment that the job needs is not here.
    """
    tools = sorted({f"{adapter(name).distribution} {version_of(adapter(name))}" for name in installed_tools()})
    source = _digest_of_sources(".")[:12]
    libraries = ("torch", "torchvision", *(("timm",) if timm_zoo.is_installed() else ()))
    shared = (f"{name} {metadata.version(name)}" for name in libraries)
    further = environment(environment_of_job).contents if environment_of_job else ()
    return (*shared, f"source {source}", *tools, *(f"{item} in {environment_of_job}" for item in further))


def _model(spec: ModelSpec, source: str, seed: int) -> tuple[object, ...]:
    given = str(spec.inputs) if spec.inputs is not None else "default"
    library = metadata.version(spec.library) if spec.library else ""
    return (spec.name, source, given, spec.mode, seed, library, *_versions(), _digest_of_sources("zoo"))


def _measuring() -> tuple[str, ...]:
    files = (_PACKAGE / "tools" / "adapter.py", _PACKAGE / "tools" / "one_graph.py", _PACKAGE / "jobs" / "worker.py")
    return (*map(_digest_of_file, files), _digest_of_sources("execution"))


def _explaining() -> tuple[str, ...]:
    return tuple(map(_digest_of_sources, ("diff", "rules")))


def _counting() -> tuple[str, ...]:
    return tuple(map(_digest_of_sources, ("trace", "reference")))


@cache
def _versions() -> tuple[str, ...]:
    return (TORCH, metadata.version("torchvision"), platform.python_version())


@cache
def _digest_of_sources(part: str) -> str:
    """A digest of the source of a part of this package."""
    files = sorted((_PACKAGE / part).rglob("*.py"))
    return _key(*((file.relative_to(_PACKAGE).as_posix(), _digest_of_file(file)) for file in files))


def _digest_of_data(part: str) -> str:
    """A digest of this project's data: of conventions, or of all."""
    folder = data_folder()
    files = sorted(path for path in (folder / part).rglob("*") if path.is_file())
    return _key(*((file.relative_to(folder).as_posix(), _digest_of_file(file)) for file in files))


@cache
def _digest_of_file(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _key(*ingredients: object) -> str:
    return sha256(json.dumps(ingredients, sort_keys=True).encode("utf-8")).hexdigest()[:32]
