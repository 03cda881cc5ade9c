from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.report.names import layer_label, page_slugs, slug

NAMES = st.text(max_size=300) | st.from_regex(r"[A-Za-z./:_-]{1,12}", fullmatch=True)


@given(NAMES)
def test_a_slug_is_a_safe_file_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,79}", slug(name))


@given(NAMES, NAMES)
def test_different_names_have_different_slugs(one: str, other: str) -> None:
    assert (slug(one) == slug(other)) == (one == other)


@pytest.mark.parametrize("name", ["resnet50", "ptflops-pytorch", "vit_b_16"])
def test_a_safe_name_is_kept(name: str) -> None:
    assert slug(name) == name


@pytest.mark.parametrize("name", ["..", "", "/etc/passwd", "ResNet50", "con", "a" * 500, "pkg.mod:net", "\ud800"])
def test_any_other_is_told_apart(name: str) -> None:
    assert slug(name) != name
    assert len(slug(name)) <= 64


def test_one_model_with_two_inputs_has_two_pages() -> None:
    pages = page_slugs((("net", "1x3"), ("net", "2x3"), ("resnet50", "1x3")))
    assert len(set(pages.values())) == 3
    assert pages["resnet50", "1x3"] == "resnet50"


def test_the_model_itself_has_a_label() -> None:
    assert (layer_label(""), layer_label("(functions)")) == ("(model)", "(functions)")
