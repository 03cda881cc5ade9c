"""Failing comparisons in the shared check show both sides."""

import pytest

pytest.register_assert_rewrite("tests.truth.terms")
