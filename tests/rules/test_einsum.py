"""What an einsum's equation says, on equations worked out by hand."""

from __future__ import annotations

import pytest

from reconcile.rules.einsum import canonical_equation, has_sums, products, summation


def test_letters_are_named_in_the_order_of_their_appearance() -> None:
    assert canonical_equation("n c t, n c p -> n t p") == "abc,abd->acd"


@pytest.mark.parametrize(
    ("equation", "shapes", "kind", "all_letters", "shared", "sums"),
    [
        ("ij,jk->ik", [(2, 3), (3, 5)], "shared", 30, 30, True),
        ("ij,jk", [(2, 3), (3, 5)], "shared", 30, 30, True),
        ("ij,ij->ij", [(2, 3), (2, 3)], "other", 6, 6, False),
        ("ij,ij->", [(2, 3), (2, 3)], "shared", 6, 6, True),
        # k is summed before anything is multiplied
        ("ij,jk->i", [(2, 3), (3, 5)], "other", 30, 6, True),
        # a sum over one element is none
        ("ij,jk->ik", [(2, 1), (1, 5)], "other", 10, 10, True),
        ("...i,ij->...j", [(2, 3), (3, 5)], "shared", 0, 0, True),
    ],
)
def test_equations(
    equation: str, shapes: list[tuple[int, ...]], kind: str, all_letters: int, shared: int, sums: bool
) -> None:
    assert summation(equation, shapes) == kind
    assert products(equation, shapes) == all_letters
    assert products(equation, shapes, of_one=False) == shared
    assert has_sums(equation) == sums
