"""The schema of claims files names the columns that are read."""

from __future__ import annotations

import json
from pathlib import Path

from reconcile.claims import COLUMNS

SCHEMA = Path(__file__).parents[2] / "docs" / "claims.schema.json"


def test_the_schema_has_the_columns_in_their_order() -> None:
    fields = json.loads(SCHEMA.read_text(encoding="utf-8"))["fields"]
    assert tuple(field["name"] for field in fields) == COLUMNS
