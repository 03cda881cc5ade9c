"""Reading what a run left in its folder, or what the history keeps of it: also what an older version wrote.

Names are as the run had them, without the apostrophe by which a report keeps spreadsheets from evaluating them. What
is missing is left out; what an older version did not write yet is empty.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import yaml

from reconcile.changes.record import ClaimKey, ModelKey, ModelRecord, Number, NumberKey, Record, ToolRecord, Verdict
from reconcile.changes.tables import has_table, read_table, rows, table_file
from reconcile.configs import parse
from reconcile.errors import ReconcileError
from reconcile.rules import Rulebook

MANIFEST_FILE = "manifest.json"
RULEBOOKS = "rulebooks"
"""The folder with the rulebook of each column that has one."""

_SETTINGS = ("convention", "execution", "seed", "timeout_seconds", "memory_limit_mb", "processor")
"""What may change what comes of a run beside models, tools and versions."""

Value = TypeVar("Value", int, float)


def read_record(folder: Path) -> Record:
    """Read a finished run.

    Raises:
        ReconcileError: It is none, or a file cannot be read; names the file, and the row.
    """
    manifest = read_manifest(folder)
    numbers = _numbers(folder, _only_inputs(manifest))
    rulebooks, remarks = _rulebooks(folder)
    return Record(
        run_id=str(manifest.get("run_id") or folder.name),
        started=str(manifest.get("started") or ""),
        versions=_versions(manifest),
        sources=texts(manifest.get("sources")),
        settings={name: _setting(manifest[name]) for name in _SETTINGS if manifest.get(name) is not None},
        tools=_tools(manifest, numbers),
        models=_models(manifest, numbers),
        numbers=numbers,
        rulebooks=rulebooks,
        verdicts=_verdicts(folder) if has_table(folder, "verdicts") else None,
        remarks=remarks,
    )


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Read ``manifest.json``; empty if there is none.

    Raises:
        ReconcileError: It is no JSON object.
    """
    path = folder / MANIFEST_FILE
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        raise ReconcileError(f"{path} cannot be read: it is damaged.") from None
    if not isinstance(found, dict):
        raise ReconcileError(f"{path} is no manifest of a run.")
    return found


def _versions(manifest: Mapping[str, Any]) -> dict[str, str]:
    found = texts(manifest.get("versions"))
    revision = manifest.get("git_revision")
    if not isinstance(revision, str):
        return found
    commit, dash, state = revision.partition("-")
    return {**found, "revision": f"{commit[:_REVISION_DIGITS]}{dash}{state}"}


_REVISION_DIGITS = 12


def _tools(manifest: Mapping[str, Any], numbers: Mapping[NumberKey, Number]) -> dict[str, ToolRecord]:
    versions = texts(manifest.get("tools")) or {key.tool: "" for key in numbers}
    determinants = manifest.get("determinants")
    known = determinants if isinstance(determinants, dict) else {}
    found = {}
    for tool, version in versions.items():
        further = known.get(tool)
        further = further if isinstance(further, dict) else {}
        contents = further.get("contents")
        found[tool] = ToolRecord(
            version,
            tuple(map(str, contents)) if isinstance(contents, list) else (),
            str(further.get("adapter") or ""),
        )
    return found


def _models(manifest: Mapping[str, Any], numbers: Mapping[NumberKey, Number]) -> dict[ModelKey, ModelRecord]:
    found = {key.of_model: ModelRecord() for key in numbers}
    listed = manifest.get("models")
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict):
            continue
        counts = {
            "compute": item.get("reference"),
            "params": item.get("parameters"),
            "activations": item.get("activations"),
            **{f"memory: {name}": bytes_ for name, bytes_ in _mapping(item.get("memory")).items()},
        }
        key = ModelKey(str(item.get("name")), str(item.get("input") or ""))
        found[key] = ModelRecord(
            mode=str(item.get("mode") or ""),
            execution=str(item.get("execution") or ""),
            counts={name: count for name, count in counts.items() if isinstance(count, int)},
            source=str(item.get("source") or ""),
        )
    return found


def _only_inputs(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The input of each model that stands in a manifest once: an older version's table of cells names none."""
    found: dict[str, set[str]] = defaultdict(set)
    for key in _models(manifest, {}):
        found[key.model].add(key.input)
    return {model: given for model, inputs in found.items() if len(inputs) == 1 for given in inputs}


def _numbers(folder: Path, only_inputs: Mapping[str, str]) -> dict[NumberKey, Number]:
    causes: dict[NumberKey, dict[str, int]] = defaultdict(dict)
    if has_table(folder, "causes"):
        for place, row in _numbered(folder, "causes", ("model", "tool", "metric", "cause", "delta")):
            delta = _number(row["delta"], int, f"{place}, delta")
            if delta is not None:  # the rows of causes name no input: a model at two inputs shares what is below
                key = NumberKey(row["model"], row.get("input", ""), row["tool"], row["metric"])
                causes[key][row["cause"]] = delta
    found = {}
    for place, row in _numbered(folder, "cells", ("model", "tool", "metric", "status", "value")):
        given = row.get("input", only_inputs.get(row["model"], ""))
        key = NumberKey(row["model"], given, row["tool"], row["metric"])
        by_cause = causes.get(key) or causes.get(key._replace(input=""), {})
        found[key] = _read_number(row, by_cause, place)
    return found


def _read_number(row: Mapping[str, str], causes: Mapping[str, int], place: str) -> Number:
    def integer(name: str) -> int | None:
        return _number(row.get(name, ""), int, f"{place}, {name}")

    def decimal(name: str) -> float | None:
        return _number(row.get(name, ""), _amount, f"{place}, {name}")

    value, reference, residual = integer("value"), integer("reference"), integer("residual")
    explained = None if value is None or reference is None or residual is None else value - reference - residual
    return Number(
        status=row["status"],
        value=value,
        unit=row.get("unit", ""),
        reference=reference,
        residual=residual,
        # Causes of a model at two inputs cannot be told apart in what an older version wrote.
        causes=causes if explained is not None and sum(causes.values()) == explained else {},
        seconds=decimal("seconds"),
        peak_rss_mb=decimal("peak_rss_mb"),
        error=row.get("error", ""),
    )


def _numbered(folder: Path, name: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    file = table_file(folder, name)
    for number, row in enumerate(rows(read_table(folder, name, columns)), start=1):
        yield f"{file}, row {number}", {column: _without_apostrophe(text) for column, text in row.items()}


def _without_apostrophe(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:2] in _EVALUATED else text


_EVALUATED = ("=", "+", "-", "@", "\t")
"""How text begins that a spreadsheet would evaluate."""


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value < inf:
        raise ValueError("seconds and megabytes are not negative, and finite")
    return value


def _number(text: str, kind: Callable[[str], Value], place: str) -> Value | None:
    if text in ("", "nan", "NaN", "<NA>"):
        return None
    try:
        return kind(text)
    except ValueError:
        raise ReconcileError(f"{place}: '{text[:40]}' is no number.") from None


def _rulebooks(folder: Path) -> tuple[dict[str, Rulebook], tuple[str, ...]]:
    """The rulebooks of a run. One in a form that this version does not know is named, and left out."""
    found, remarks = {}, []
    for tool, text in _rulebook_texts(folder).items():
        try:
            found[tool] = parse(Rulebook, yaml.safe_load(text), f"the rulebook of {tool}")
        except (ReconcileError, yaml.YAMLError, RecursionError, ValueError):
            remarks.append(f"the rulebook of {tool} in {folder.name} is in a form that this version does not read")
    return found, tuple(remarks)


def _rulebook_texts(folder: Path) -> dict[str, str]:
    if has_table(folder, RULEBOOKS):
        return {row["tool"]: row["text"] for row in rows(read_table(folder, RULEBOOKS, ("tool", "text")))}
    places = sorted((folder / RULEBOOKS).glob("*.yaml"))
    return {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in places}


def _verdicts(folder: Path) -> dict[ClaimKey, Verdict]:
    seen: Counter[ClaimKey] = Counter()
    found = {}
    for row in rows(read_table(folder, "verdicts", ("model", "value", "verdict"))):
        source, where, unit, given = (row.get(name, "") for name in ("source", "where", "unit", "input"))
        key = ClaimKey(source, where, row["model"], row["value"], unit, given, 0)
        seen[key] += 1
        found[key._replace(place=seen[key] - 1)] = Verdict(
            row["verdict"], row.get("matched_convention", ""), row.get("matched_input", ""), row.get("count", "")
        )
    return found


def _setting(value: object) -> str:
    if isinstance(value, dict):  # a convention
        return str(value.get("name", value))
    return str(value)


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def texts(value: object) -> dict[str, str]:
    """Return what a manifest holds under a key as texts by name; empty where it holds something else."""
    return {key: str(item) for key, item in _mapping(value).items() if item is not None}
