"""Which tools there are to be tested. Where everything must be tested, as in CI, all must be there."""

from __future__ import annotations

import os

from reconcile.tools import find_column


def is_there(tool: str) -> bool:
    """Whether tests of a tool are to run: if it is there; and where they may not be skipped, they fail."""
    return find_column(tool) is not None or "CI" in os.environ
