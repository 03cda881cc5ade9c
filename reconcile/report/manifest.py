"""What is needed to repeat a run: versions, inputs, seed, command line, revision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconcile.run.result import Run


def write_manifest(run: Run, folder: Path) -> None:
    """Write ``manifest.json`` with sorted keys, so that two runs compare line by line."""
    text = json.dumps(_plain(run.manifest), sort_keys=True, indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace", newline="\n")


def manifest_facts(run: Run) -> tuple[tuple[str, str], ...]:
    """The manifest as flat pairs for people: ``("versions.torch", "2.9.0")``, in the order of ``manifest.json``.

    Of a list of objects only the length is given.
    """
    return tuple(_facts("", _plain(run.manifest)))


def _facts(place: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _facts(f"{place}.{key}" if place else key, value[key])
    elif isinstance(value, list):
        nested = any(isinstance(item, dict | list) for item in value)
        yield place, f"{len(value)}, in manifest.json" if nested else " ".join(map(str, value))
    elif place:
        yield place, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
