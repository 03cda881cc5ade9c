"""Where the project's own data lies, and how YAML files, its own and the user's, are read."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from reconcile.errors import ReconcileError, did_you_mean

MAXIMUM_FILE_BYTES = 16 * 1024 * 1024

Schema = TypeVar("Schema", bound="StrictModel")


class StrictModel(BaseModel):
    """Base of every schema: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, for which a key that stands twice in one mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        _check_keys(node)
        return super().construct_mapping(node, deep)


class _UniqueKeysAndText(yaml.BaseLoader):
    """The loader for which every plain value is a text, with the same error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        _check_keys(node)
        return super().construct_mapping(node, deep)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                problem = f"the key '{key.value}' stands there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)


def data_folder() -> Path:
    """Return the folder of the conventions and rulebooks: ``configs/`` of the checkout, or its copy in the package."""
    packaged = Path(str(resources.files("reconcile"))) / "configs"
    return packaged if packaged.is_dir() else packaged.parent.parent / "configs"


def read_yaml(path: Path, *, as_text: bool = False) -> Any:
    """Read one YAML document with the safe loader; ``as_text`` keeps plain values as they are written, as 4.10.

    Raises:
        ReconcileError: The file is missing, unreadable, too large, not UTF-8 or not YAML; the message names it, and
            the line where the parser gives one.
    """
    try:
        if path.exists() and not path.is_file():
            raise ReconcileError(f"{path} is not a file.")
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise ReconcileError(f"{path} is larger than {MAXIMUM_FILE_BYTES} bytes, too large for a configuration.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        neighbours = [entry.name for entry in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise ReconcileError(f"there is no file {path}{did_you_mean(path.name, neighbours)}") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ReconcileError(f"{path} cannot be read ({error}).") from None
    try:
        loader = _UniqueKeysAndText if as_text else _UniqueKeys
        return yaml.load(text, loader)  # noqa: S506  # both are safe loaders, only stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise ReconcileError(f"{place}: not valid YAML ({error.problem}).") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ReconcileError(f"{path}: not valid YAML ({type(error).__name__}).") from None


def parse(schema: type[Schema], document: Any, place: str) -> Schema:
    """Check a document against a schema.

    Raises:
        ReconcileError: Something does not fit; the message names the place, the key and, for an unknown key, the
            nearest known one.
    """
    if not isinstance(document, dict):
        raise ReconcileError(f"{place}: expected a mapping of keys to values, found {_kind_of(document)}.")
    try:
        return schema.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # Of alternatives that do not fit, the one in which the mistake lies deepest is the one that was meant.
        worst = max(found, key=lambda detail: (detail["type"] == "extra_forbidden", len(detail["loc"])))
        raise ReconcileError(f"{place}: {_describe(schema, worst)}") from None


def load(schema: type[Schema], path: Path) -> Schema:
    """Read and check one file; errors as in :func:`read_yaml` and :func:`parse`."""
    return parse(schema, read_yaml(path), str(path))


_ALTERNATIVES = ("str", "int", "bool", "none")
"""Types that stand in an error's place beside keys, as do the names of schemas, where a value may be one of several."""


def _describe(schema: type[BaseModel], detail: Any) -> str:
    location = [str(part) for part in detail["loc"]]
    key = ".".join(part for part in location if part not in _ALTERNATIVES and not part[:1].isupper())
    if detail["type"] == "extra_forbidden":
        known = schema.model_fields if len(location) == 1 else _fields(schema)
        return f"unknown key '{key}'{did_you_mean(location[-1], known)}"
    if detail["type"] == "missing":
        return f"the key '{key}' is missing."
    message = str(detail["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"key '{key}': {message}." if key else f"{message}."


def _fields(schema: type[BaseModel]) -> set[str]:
    """Names of the keys of a schema and of those inside it."""
    names = set(schema.model_fields)
    pending: list[Any] = [field.annotation for field in schema.model_fields.values()]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            names |= _fields(annotation)
        pending.extend(get_args(annotation))
    return names


def _kind_of(value: object) -> str:
    if value is None:
        return "nothing"
    return {list: "a list", str: "a text", int: "a number", float: "a number"}.get(type(value), type(value).__name__)
