from __future__ import annotations

import subprocess
import sys

import pytest

import reconcile.report


def test_what_is_not_written_needs_no_renderer() -> None:
    # Other parts may import pandas for reasons of their own: what counts is what this part adds.
    program = (
        "import sys, reconcile.run, reconcile.diff; before = set(sys.modules); import reconcile.report;"
        "print(*{'altair', 'vl_convert', 'jinja2', 'pandas'} & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", reconcile.report.__all__)
def test_every_name_is_there(name: str) -> None:
    assert callable(getattr(reconcile.report, name))


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = reconcile.report.nothing
