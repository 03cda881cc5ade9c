"""Rulebooks: each tool's own convention as data, and what it predicts for a trace."""

from reconcile.rules.comparison import compare_rulebooks
from reconcile.rules.expression import ExpressionError, evaluate, summands
from reconcile.rules.parameters import ParameterClaims, owners, predict_parameters
from reconcile.rules.predict import Claim, module_rule, predict, terms_below, visible_functions, visible_operators
from reconcile.rules.quantities import arguments, plain_argument, quantities
from reconcile.rules.rulebook import (
    Amount,
    Functions,
    Modules,
    Operators,
    Parameters,
    Rule,
    Rulebook,
    find_rulebook,
    load_rulebook,
    rulebook_file,
)

__all__ = [
    "Amount",
    "Claim",
    "ExpressionError",
    "Functions",
    "Modules",
    "Operators",
    "ParameterClaims",
    "Parameters",
    "Rule",
    "Rulebook",
    "arguments",
    "compare_rulebooks",
    "evaluate",
    "find_rulebook",
    "load_rulebook",
    "module_rule",
    "owners",
    "plain_argument",
    "predict",
    "predict_parameters",
    "quantities",
    "rulebook_file",
    "summands",
    "terms_below",
    "visible_functions",
    "visible_operators",
]
