"""Rulebooks: each tool's own convention as data, and what it predicts for a trace."""

from reconcile.rules.activations import operators_with_activations, predict_activations
from reconcile.rules.comparison import changed_rules, compare_rulebooks
from reconcile.rules.expression import ExpressionError, evaluate, summands
from reconcile.rules.memory import MemoryClaims, OutputClaim, predict_memory
from reconcile.rules.parameters import ParameterClaims, owners, predict_parameters
from reconcile.rules.predict import (
    Claim,
    hides_its_parts,
    module_rule,
    predict,
    terms_below,
    visible_functions,
    visible_operators,
)
from reconcile.rules.quantities import arguments, plain_argument, quantities
from reconcile.rules.rulebook import (
    Activations,
    Amount,
    Functions,
    InputMemory,
    Memory,
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
    "Activations",
    "Amount",
    "Claim",
    "ExpressionError",
    "Functions",
    "InputMemory",
    "Memory",
    "MemoryClaims",
    "Modules",
    "Operators",
    "OutputClaim",
    "ParameterClaims",
    "Parameters",
    "Rule",
    "Rulebook",
    "arguments",
    "changed_rules",
    "compare_rulebooks",
    "evaluate",
    "find_rulebook",
    "hides_its_parts",
    "load_rulebook",
    "module_rule",
    "operators_with_activations",
    "owners",
    "plain_argument",
    "predict",
    "predict_activations",
    "predict_memory",
    "predict_parameters",
    "quantities",
    "rulebook_file",
    "summands",
    "terms_below",
    "visible_functions",
    "visible_operators",
]
