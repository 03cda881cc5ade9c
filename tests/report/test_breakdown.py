from __future__ import annotations

from dataclasses import replace

from reconcile.report.breakdown import breakdown, ranked, where
from reconcile.report.overview import overview

from .runs import layer, nasty_run, reconciliation, resnet_like


def test_causes_come_largest_first_and_the_residual_last() -> None:
    lines = breakdown(resnet_like(residual=10**9))
    assert [line.code for line in lines] == ["normalization", "bias", "formula", "unexplained"]
    assert [line.is_residual for line in lines] == [False, False, False, True]
    assert sum(line.delta for line in lines) == resnet_like(residual=10**9).difference


def test_a_cause_names_the_kinds_of_its_layers() -> None:
    normalization = breakdown(resnet_like())[0]
    assert (normalization.where, normalization.layers) == ("44 BatchNorm2d layers", 44)
    assert normalization.meaning.startswith("Normalization layers")


def test_many_kinds_are_cut_short() -> None:
    kinds = [layer(str(index), kind, 0) for index, kind in enumerate("AAABBCDEF")]
    assert where((*kinds, layer("(functions)", "", 0))) == "3 A, 2 B, 1 C, 3 other layers and (functions)"
    assert where((layer("", "Net", 0),)) == "1 Net layer"
    assert where(()) == ""


def test_a_cause_that_this_version_does_not_know_is_shown() -> None:
    (line,) = breakdown(reconciliation(layer("a", "A", 5, brand_new=3)))
    assert (line.code, line.meaning) == ("brand-new", "")


def test_every_cell_is_in_one_group() -> None:
    found = overview(nasty_run())
    groups = [len(group) for group in (found.agreeing, found.explained, found.unexplained, found.failed)]
    assert groups == [2, 1, 1, 2]
    assert (found.cells, found.models, found.tools) == (6, 2, 3)


def test_causes_add_up_over_the_run() -> None:
    compute = {total.code: total for total in overview(nasty_run()).causes["compute"]}
    assert list(compute) == ["normalization", "bias", "formula", "unexplained", "attention"]
    assert (compute["normalization"].magnitude, compute["normalization"].cells) == (44_000_000, 1)
    assert sum(total.magnitude for total in compute.values()) == compute["bias"].gross
    assert overview(nasty_run()).causes["params"] == ()


def test_the_causes_of_a_layer_come_largest_first_without_those_that_are_zero() -> None:
    assert ranked({"b": 1, "a": -1, "none": 0, "big": -9}) == [("big", -9), ("a", -1), ("b", 1)]
    assert ranked({}) == []


def test_what_is_added_up_once_is_added_up_for_each_reconciliation() -> None:
    item = resnet_like(residual=5)
    assert item.causes is item.causes
    assert (item.explained, item.residual, len(item.unexplained_layers)) == (44_455_929, 5, 1)
    fewer = replace(item, layers=item.layers[:2], value=item.reference + 1_000_000)
    assert (fewer.explained, fewer.residual, fewer.unexplained_layers) == (1_000_000, 0, ())
    assert item == resnet_like(residual=5)
