"""Published numbers: what they count, whether they are right, and which of a table can be compared."""

from reconcile.claims.audit import Audit, AuditedClaim, AuditedTable, audit
from reconcile.claims.claim import BadRow, Claim
from reconcile.claims.examine import CHANCE_LIMIT, TOLERANCE, Finding
from reconcile.claims.hypothesis import VERDICTS, Hypothesis
from reconcile.claims.read import COLUMNS, claim_of, read_claims, read_rows
from reconcile.claims.registry import claims_by_name, registry, source_names

__all__ = [
    "CHANCE_LIMIT",
    "COLUMNS",
    "TOLERANCE",
    "VERDICTS",
    "Audit",
    "AuditedClaim",
    "AuditedTable",
    "BadRow",
    "Claim",
    "Finding",
    "Hypothesis",
    "audit",
    "claim_of",
    "claims_by_name",
    "read_claims",
    "read_rows",
    "registry",
    "source_names",
]
