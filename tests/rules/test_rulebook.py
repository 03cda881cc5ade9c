"""Rulebooks as files: they load, they name what exists, and a mistake in one is found when it is read."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from reconcile.configs import data_folder, load, parse
from reconcile.errors import ReconcileError
from reconcile.reference import TERMS
from reconcile.rules import Rule, Rulebook, load_rulebook
from reconcile.rules.expression import check
from reconcile.tools import ADAPTERS, MAIN_TOOLS, OWN_TOOLS
from reconcile.trace.sizes import PRODUCT

FILES = sorted((data_folder() / "rulebooks").glob("*.yaml"))
TOOLS = tuple(path.stem for path in FILES)


def rules(book: Rulebook) -> Iterator[Rule]:
    for part in (book.modules, book.functions, book.operators):
        if part is not None:
            yield from part.rules


def resolved(name: str) -> Any:
    """Return what a dotted name means in Python."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"{name} leads nowhere")


def test_each_tool_has_its_rulebook() -> None:
    assert set(OWN_TOOLS) <= set(TOOLS)
    assert {tool.partition("==")[0] for tool in TOOLS} == set(OWN_TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_rulebooks_load(tool: str) -> None:
    book = load_rulebook(tool)
    base, _, version = tool.partition("==")
    assert book.tool == base
    assert book.unit == ADAPTERS[base].unit
    assert not version or book.versions == [version]
    assert book.description
    assert any(rule.counts for rule in rules(book)) == bool(book.unit)


@pytest.mark.parametrize("tool", MAIN_TOOLS)
def test_a_rulebook_is_for_the_version_that_is_installed(tool: str) -> None:
    from packaging.version import Version

    installed = Version(metadata.version(ADAPTERS[tool].distribution))
    assert installed in [Version(version) for version in load_rulebook(tool).versions]


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_rulebook_names_exists_in_torch(tool: str) -> None:
    book = load_rulebook(tool)
    for rule in book.modules.rules if book.modules else ():
        for name in (*rule.names, *rule.bases):
            assert issubclass(resolved(name), nn.Module), name
    for rule in book.functions.rules if book.functions else ():
        for name in rule.names:
            assert callable(resolved(name)), name
    for rule in book.operators.rules if book.operators else ():
        for name in (*rule.names, *rule.inside):
            assert is_operator(name) or name == PRODUCT, name
    for name in book.operators.fused if book.operators else ():
        assert is_operator(name) or issubclass(resolved(name), nn.Module), name


def is_operator(name: str) -> bool:
    packet = getattr(torch.ops.aten, name.removeprefix("aten."), None) if name.startswith("aten.") else None
    return isinstance(packet, torch._ops.OpOverloadPacket)


@pytest.mark.parametrize("tool", TOOLS)
def test_types_are_named_as_the_tracer_names_them(tool: str) -> None:
    from reconcile.trace.modules import type_name

    book = load_rulebook(tool)
    for rule in book.modules.rules if book.modules else ():
        for name in (*rule.names, *rule.bases):
            assert type_name(resolved(name)) == name


@pytest.mark.parametrize("tool", TOOLS)
def test_no_rule_hides_another(tool: str) -> None:
    """The first rule that fits holds, so an unconditional one ends the list of rules for a name."""
    book = load_rulebook(tool)
    for part in (book.modules, book.functions, book.operators):
        unconditional: set[str] = set()
        for rule in part.rules if part is not None else ():
            assert not unconditional & set(rule.names)
            if not rule.where and not rule.inside:
                unconditional |= set(rule.names)


def test_thops_types_are_those_that_it_has_hooks_for() -> None:
    from thop.profile import register_hooks

    book = load_rulebook("thop")
    assert book.modules is not None
    named = {resolved(name) for rule in book.modules.rules for name in rule.names}
    # A Sequential has a hook that counts nothing, and the walk goes on below it.
    assert named == set(register_hooks) - {nn.Sequential}


def test_ptflops_types_and_functions_are_those_that_it_has_hooks_for() -> None:
    from ptflops.pytorch_ops import FUNCTIONAL_MAPPING, MODULES_MAPPING, TENSOR_OPS_MAPPING
    from torchvision.ops import DeformConv2d

    book = load_rulebook("ptflops-pytorch")
    assert book.modules is not None
    assert book.functions is not None
    assert {resolved(name) for rule in book.modules.rules for name in rule.names} == set(MODULES_MAPPING) - {
        DeformConv2d
    }
    functions = {resolved(name) for rule in book.functions.rules for name in rule.names}
    # F.linear has a formula, and is never replaced.
    assert functions == {*FUNCTIONAL_MAPPING, *TENSOR_OPS_MAPPING} - {nn.functional.linear}


def test_ptflops_operators_are_those_that_it_has_formulas_for() -> None:
    from ptflops.aten_ops import ATEN_OPS_MAPPING

    book = load_rulebook("ptflops-aten")
    assert book.operators is not None
    assert {name for rule in book.operators.rules for name in rule.names} == {
        str(operator) for operator in ATEN_OPS_MAPPING
    }


def test_fvcores_operators_are_those_that_it_has_handles_for() -> None:
    from fvcore.nn.flop_count import _DEFAULT_SUPPORTED_OPS

    book = load_rulebook("fvcore")
    assert book.operators is not None
    named = {name.replace("aten.", "aten::") for rule in book.operators.rules for name in rule.names}
    # In the graph every convolution stands as what it is dispatched to, whatever the program calls.
    convolutions = {f"aten::conv{kind}{rank}d" for kind in ("", "_transpose") for rank in (1, 2, 3)}
    assert convolutions <= named
    assert named - convolutions - {"aten::convolution"} == set(_DEFAULT_SUPPORTED_OPS) - {"aten::_convolution"}


# --- mistakes ---

BOOK: dict[str, Any] = {
    "tool": "mine",
    "versions": ["1"],
    "unit": "MAC",
    "description": "d",
    "modules": {"rules": [{"names": ["torch.nn.Linear"], "counts": {"mac": 1}}]},
    "parameters": {"of": "all"},
}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    book: dict[str, Any] = yaml.safe_load(yaml.safe_dump(BOOK))
    change(book)
    return book


def test_the_book_without_mistakes() -> None:
    book = parse(Rulebook, changed(lambda _: None), "mine.yaml")
    assert book.modules is not None
    assert book.modules.rules[0].counts == {"mac": 1}
    assert (book.modules.watch, book.modules.owners, book.modules.per_sample) == ("all", "once", False)


def rule_of(book: dict[str, Any]) -> dict[str, Any]:
    found = book["modules"]["rules"][0]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda book: book.update(modul={}), ["unknown key 'modul'", "modules"]),
        (lambda book: book.pop("unit"), ["'unit' is missing"]),
        (lambda book: book.update(unit="GMAC"), ["'unit'", "'MAC'"]),
        (lambda book: rule_of(book).update(count={"mac": 1}), ["unknown key", "count", "counts"]),
        (lambda book: rule_of(book)["counts"].update(macs=1), ["unknown term 'macs'", "mac"]),
        (lambda book: rule_of(book)["counts"].update(baias=1), ["unknown term 'baias'", "bias"]),
        (lambda book: rule_of(book)["counts"].update(mac="output_elements *"), ["output_elements *"]),
        (lambda book: rule_of(book)["counts"].update(mac="__import__('os')"), ["__import__"]),
        (lambda book: rule_of(book)["counts"].update(mac=1.5), ["mac"]),
        (lambda book: rule_of(book).update(names="torch.nn.Linear"), ["names", "list"]),
        (lambda book: book["modules"].update(watch="leafs"), ["watch", "leaves"]),
        (lambda book: book["modules"].update(owners="twice"), ["owners", "squared"]),
        (lambda book: book["parameters"].update(of="some"), ["of", "handled"]),
        (lambda book: rule_of(book).update(causes={"mac": "rouding"}), ["rouding", "rounding"]),
        (lambda book: rule_of(book).update(causes={"macs": "rounding"}), ["macs", "mac"]),
    ],
)
def test_a_mistake_is_named_with_its_near_match(
    change: Callable[[dict[str, Any]], object], parts: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed(change)), encoding="utf-8")
    with pytest.raises(ReconcileError) as refused:
        load(Rulebook, path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_tool_without_a_rulebook() -> None:
    with pytest.raises(ReconcileError, match="no rulebook for 'tohp'; did you mean thop"):
        load_rulebook("tohp")


@pytest.mark.parametrize("tool", TOOLS)
def test_rules_count_known_terms(tool: str) -> None:
    for rule in rules(load_rulebook(tool)):
        assert set(rule.counts) <= set(TERMS)
        assert set(rule.causes) <= set(rule.counts)
        for amount in rule.counts.values():
            if isinstance(amount, str):
                check(amount)
