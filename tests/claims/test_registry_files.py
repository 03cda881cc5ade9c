"""The published numbers that come with the project, as files: complete rows, and models that can be built here."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from reconcile.zoo import resolve, timm_zoo

FOLDER = Path(__file__).parents[2] / "configs" / "claims"
COLUMNS = ["model", "model_here", "value", "unit", "source", "where", "input", "parameters", "checked"]
TIMM_NAME = re.compile(r"timm/[a-z0-9_.]+")
INPUT = re.compile(r"(\d+(x\d+){0,2}|\d+/\d+)?")
RELATIVES = yaml.safe_load((FOLDER / "relatives.yaml").read_text(encoding="utf-8"))["relatives"]

files = pytest.mark.parametrize("file", ["papers.csv", "repositories.csv"])
with_timm = pytest.mark.skipif(not timm_zoo.is_installed(), reason="timm is not installed")


def lines(file: str) -> list[list[str]]:
    with (FOLDER / file).open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


def models_here(file: str) -> set[str]:
    return {line[COLUMNS.index("model_here")] for line in lines(file)[1:]} - {""}


@files
def test_every_row_is_complete(file: str) -> None:
    header, *rows = lines(file)
    assert header == COLUMNS
    assert rows
    for line in rows:
        assert len(line) == len(COLUMNS), line
        assert all(cell == cell.strip() for cell in line), line
        row = dict(zip(COLUMNS, line, strict=True))
        assert all(row[column] for column in ("model", "value", "unit", "source")), line
        assert any(character.isdigit() for character in row["value"]), line
        assert INPUT.fullmatch(row["input"]), line
        assert row["checked"] in {"yes", "no"}, line


@files
def test_no_row_is_there_twice(file: str) -> None:
    rows = [tuple(line) for line in lines(file)]
    assert len(set(rows)) == len(rows)


@files
def test_models_of_torchvision_can_be_resolved(file: str) -> None:
    names = {name for name in models_here(file) if not name.startswith("timm/")}
    assert names
    for name in names:
        resolve(name)


@files
def test_models_of_timm_are_named_as_such(file: str) -> None:
    names = {name for name in models_here(file) if name.startswith("timm/")}
    assert names
    assert all(TIMM_NAME.fullmatch(name) for name in names)


@with_timm
@files
def test_models_of_timm_are_there(file: str) -> None:
    assert {name for name in models_here(file) if name.startswith("timm/")} <= set(timm_zoo.all_names())


def test_relatives_are_two_or_more_with_a_difference() -> None:
    for group in RELATIVES:
        assert set(group) == {"models", "difference"}
        assert len(set(group["models"])) == len(group["models"]) >= 2
        assert group["difference"].strip()
    groups = [frozenset(group["models"]) for group in RELATIVES]
    assert len(set(groups)) == len(groups)


@with_timm
def test_relatives_can_be_resolved() -> None:
    for group in RELATIVES:
        for name in group["models"]:
            resolve(name)
