"""Rulebooks: each tool's own convention as data, and what it predicts for a trace."""

from reconcile.rules.expression import ExpressionError
from reconcile.rules.parameters import ParameterClaims, owners, predict_parameters
from reconcile.rules.predict import Claim, module_rule, predict, visible_operators
from reconcile.rules.rulebook import Rule, Rulebook, load_rulebook

__all__ = [
    "Claim",
    "ExpressionError",
    "ParameterClaims",
    "Rule",
    "Rulebook",
    "load_rulebook",
    "module_rule",
    "owners",
    "predict",
    "predict_parameters",
    "visible_operators",
]
