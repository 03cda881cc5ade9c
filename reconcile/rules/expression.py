"""The arithmetic in which a rulebook writes what a tool counts: exact, over named quantities of a call."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


class ExpressionError(ValueError):
    """A text that is not an expression of this language, or a quantity that the call does not have."""


def evaluate(text: str, quantities: Mapping[str, int]) -> int:
    """Return the value of an expression, rounded down to an integer.

    ``+ - * / //`` and parentheses are exact. ``floor(x)``; ``minimum(x, y)``; ``significant(x, n)`` keeps n significant
    decimal digits; ``double(x)`` computes x in double precision, as a tool does that rounds.

    Raises:
        ExpressionError: As above.
    """
    value: Fraction = _evaluate(check(text), quantities, exact=True)
    return math.floor(value)


@cache
def check(text: str) -> ast.expr:
    """Parse an expression.

    Raises:
        ExpressionError: It uses something else than numbers, names, arithmetic and the functions.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"'{text}' is not an expression") from None
    for node in ast.walk(tree):
        known = (
            isinstance(node, (ast.Name, ast.Load, ast.operator))
            or (isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS)
            or (isinstance(node, ast.Constant) and type(node.value) is int)
            or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS)
        )
        if not known:
            raise ExpressionError(f"'{text}' uses more than numbers, names, + - * / // and {', '.join(_FUNCTIONS)}")
    return tree


def _evaluate(node: ast.expr, quantities: Mapping[str, int], *, exact: bool) -> Any:
    number = Fraction if exact else float
    match node:
        case ast.Constant(value=int(value)):
            return number(value)
        case ast.Name(id=name):
            if name not in quantities:
                raise ExpressionError(f"the call has no quantity '{name}'")
            return number(quantities[name])
        case ast.BinOp(left=left, op=symbol, right=right):
            return _OPERATORS[type(symbol)](
                _evaluate(left, quantities, exact=exact), _evaluate(right, quantities, exact=exact)
            )
        case ast.Call(func=ast.Name(id="double"), args=[argument]):
            return Fraction(_evaluate(argument, quantities, exact=False))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](*(_evaluate(argument, quantities, exact=exact) for argument in arguments))
    raise ExpressionError(f"'{ast.unparse(node)}' is not an expression")


def _significant(value: Fraction, digits: Fraction) -> Fraction:
    return Fraction(f"{float(value):.{int(digits) - 1}e}")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "floor": lambda value: Fraction(math.floor(value)),
    "minimum": min,
    "significant": _significant,
    "double": float,
}
