"""The arithmetic in which a rulebook writes what a tool counts: exact, over named quantities of a call."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, cast

from reconcile.errors import describe_exception

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: type(left)(left // right),
}


class ExpressionError(ValueError):
    """A text that is not an expression of this language, or a quantity that the call does not have."""


def evaluate(text: str, quantities: Mapping[str, int | float]) -> int:
    """Return the value of an expression, rounded down to an integer.

    Raises:
        ExpressionError: As `evaluate_exactly`.
    """
    return math.floor(evaluate_exactly(text, quantities))


def evaluate_exactly(text: str, quantities: Mapping[str, int | float]) -> Fraction:
    """Return the value of an expression.

    ``+ - * / //`` and parentheses are exact. ``floor(x)``; ``significant(x, n)`` keeps n significant decimal digits;
    ``double(x)`` computes x in double precision, as a tool does that rounds; ``equal(x, y)`` is 1 where both are the
    same, else 0; ``power(x, n)`` is x to the n-th.

    Raises:
        ExpressionError: It is no expression, a quantity is missing, or it has no value, as a division by 0.
    """
    try:
        return cast(Fraction, _evaluate(check(text), quantities, exact=True))
    except (ZeroDivisionError, OverflowError, RecursionError, TypeError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"'{text}' has no value ({describe_exception(error)})") from error


def summands(text: str) -> tuple[str, ...]:
    """Return the parts of an expression that is a sum, itself if it is none; ``a + 2 * b`` has ``a`` and ``2 * b``.

    Raises:
        ExpressionError: It is no expression.
    """
    pending, found = [check(text)], []
    while pending:
        match pending.pop():
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pending += [right, left]
            case node:
                found.append(ast.unparse(node))
    return tuple(found)


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
            or (isinstance(node, ast.Call) and _is_known_call(node))
        )
        if not known:
            raise ExpressionError(f"'{text}' uses more than numbers, names, + - * / // and {', '.join(_FUNCTIONS)}")
    return tree


def _evaluate(node: ast.expr, quantities: Mapping[str, int | float], *, exact: bool) -> Any:
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


def _is_known_call(node: ast.Call) -> bool:
    known = isinstance(node.func, ast.Name) and len(node.args) == _ARGUMENTS.get(node.func.id)
    return known and not node.keywords


def _significant(value: Fraction, digits: Fraction) -> Fraction:
    return Fraction(f"{float(value):.{int(digits) - 1}e}")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "floor": lambda value: Fraction(math.floor(value)),
    "significant": _significant,
    "double": float,
    "power": lambda base, exponent: base ** int(exponent),
    "equal": lambda left, right: type(left)(left == right),
}

_ARGUMENTS = {"floor": 1, "significant": 2, "double": 1, "equal": 2, "power": 2}
