"""A user's own model, named ``package.module:callable``."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from reconcile.errors import ModelError, ReconcileError, describe_exception, did_you_mean

_FORM = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<attribute>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")

Inputs: TypeAlias = "tuple[tuple[Any, ...], dict[str, Any]]"
"""Positional and keyword inputs."""


def check(name: str) -> None:
    """Check the form and that the module can be found, without running it.

    Raises:
        ReconcileError: It is not ``package.module:callable``, or there is no such module.
    """
    module_name = _split(name)[0]
    _find_working_directory_first()
    try:
        found = importlib.util.find_spec(module_name)
    except (Exception, SystemExit):  # a parent package that fails to import: the sentence is the same
        found = None
    if found is None:
        neighbours = [path.stem for path in Path.cwd().glob("*.py")]
        raise ReconcileError(f"{name}: there is no module '{module_name}' here{did_you_mean(module_name, neighbours)}")


def load(name: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, Inputs | None]:
    """Import the callable and call it with the arguments; return the model and the inputs with it, or None.

    The callable returns the model, ``model, x``, ``model, (x, y)`` or ``model, {"x": x}``.

    Raises:
        ReconcileError: There is no such callable, or it returns something else.
        ModelError: The module or the callable raised.
    """
    module_name, attribute = _split(name)
    _find_working_directory_first()
    try:
        target: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name}: importing '{module_name}' failed ({describe_exception(error)}).") from error
    for part in attribute.split("."):
        try:
            target = getattr(target, part)
        except AttributeError:
            known = did_you_mean(part, dir(target))
            raise ReconcileError(f"{name}: '{module_name}' has no '{part}'{known}") from None
        except Exception as error:
            raise ModelError(f"{name}: '{part}' raised ({describe_exception(error)}).") from error
    if isinstance(target, nn.Module):
        if arguments:
            raise ReconcileError(f"{name} is a model, not a callable that takes arguments.")
        return target, None
    if not callable(target):
        raise ReconcileError(f"{name}: '{attribute}' is neither a model nor a callable that returns one.")
    try:
        returned = target(**arguments)
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} raised while it built the model ({describe_exception(error)}).") from error
    return _unpack(name, returned)


def _unpack(name: str, returned: Any) -> tuple[nn.Module, Inputs | None]:
    if isinstance(returned, nn.Module):
        return returned, None
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], nn.Module):
        module, inputs = returned
        if isinstance(inputs, torch.Tensor):
            return module, ((inputs,), {})
        if isinstance(inputs, Mapping) and all(isinstance(key, str) for key in inputs):
            return module, ((), dict(inputs))
        if isinstance(inputs, (tuple, list)):
            return module, (tuple(inputs), {})
    kind = type(returned).__name__
    raise ReconcileError(f"{name} returned {kind}, not a torch.nn.Module or a pair of one and its inputs.")


def _split(name: str) -> tuple[str, str]:
    match = _FORM.fullmatch(name)
    if match is None:
        raise ReconcileError(f"'{name}' is not of the form package.module:callable.")
    return match["module"], match["attribute"]


def _find_working_directory_first() -> None:
    """Let imports find what lies in the working directory, as ``python -m`` does, also those that run later."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
