"""A model's name with arguments for its builder, as in ``quantized_resnet50(quantize=True)``."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeAlias

from reconcile.errors import ReconcileError

Plain: TypeAlias = "int | float | str | bool | tuple[Plain, ...] | list[Plain] | dict[Plain, Plain] | None"
"""What Python reads as a literal."""


def split_arguments(name: str) -> tuple[str, dict[str, Plain]]:
    """Return the name without its arguments, and the arguments by keyword.

    Raises:
        ReconcileError: What stands in parentheses is not ``key=value`` with plain values.
    """
    base, opened, rest = name.partition("(")
    if not opened:
        return name, {}
    try:
        return base.strip(), _keywords(ast.parse(f"f({rest}", mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ReconcileError(
            f"'{name}': what stands in parentheses is not key=value, as in resnet50(num_classes=10)."
        ) from None


def join_arguments(base: str, arguments: Mapping[str, Plain]) -> str:
    """Write a name with its arguments in one form, in alphabetical order, so that equal models have equal names."""
    if not arguments:
        return base
    return f"{base}({', '.join(f'{key}={value!r}' for key, value in sorted(arguments.items()))})"


def _keywords(call: ast.expr) -> dict[str, Plain]:
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
        raise ValueError("not one call with keywords alone")
    names = [keyword.arg for keyword in call.keywords]
    if None in names or len(set(names)) < len(names):
        raise ValueError("unpacks a mapping, or names a keyword twice")
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
