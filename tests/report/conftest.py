from __future__ import annotations

import pytest

from reconcile.run.result import Run

from .runs import nasty_run


@pytest.fixture
def run() -> Run:
    return nasty_run()
