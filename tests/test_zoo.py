"""The main job over the whole zoo, as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from reconcile.cli import main
from reconcile.tools import MAIN_TOOLS, columns
from reconcile.zoo import all_names


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("tools", [",".join(MAIN_TOOLS), pytest.param("all", marks=pytest.mark.full_zoo)])
def test_the_main_job(tools: str, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert main(["run", "--tools", tools, "--out", str(folder)]) == 0
    cells = pd.read_csv(folder / "cells.csv")
    layers = pd.read_csv(folder / "layers.csv")
    causes = pd.read_csv(folder / "causes.csv")
    assert len(cells) == len(cells.groupby(["model", "tool", "metric"]))
    assert set(cells["model"]) == set(all_names())
    assert set(cells["tool"]) == {item.name for item in columns(tools.split(","))}
    assert set(cells["status"]) <= {"ok", "unsupported", "failed"}
    assert (cells["error"].notna() == (cells["status"] != "ok")).all()
    main_tools = cells[cells["tool"].isin(MAIN_TOOLS)]
    for metric in ("compute", "params"):
        assert (main_tools["metric"] == metric).sum() == len(all_names()) * len(MAIN_TOOLS)
    assert set(main_tools["status"]) == {"ok"}
    # Of models whose control flow reads data a tool may trace another run than the reference: fvcore does.
    facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["models"]
    reads_data = {model["name"] for model in facts if model["execution"] == "real"}
    assert len(reads_data) < 0.15 * len(facts)
    assert (main_tools[~main_tools["model"].isin(reads_data)]["residual"] == 0).all()
    assert (main_tools["residual"] == 0).mean() > 0.99
    cells = cells[cells["status"] == "ok"]
    for rows in (cells, layers):
        assert (rows["value"] - rows["reference"] == rows["difference"]).all()
        assert (rows["difference"] == rows["explained"] + rows["residual"]).all()
    key = ["model", "tool", "metric"]
    for column in ("value", "reference", "difference"):
        assert (layers.groupby(key)[column].sum() == cells.set_index(key)[column].sort_index()).all()
    explained = cells.set_index(key)["explained"]
    by_causes = causes.groupby(key)["delta"].sum().reindex(explained.index, fill_value=0)
    assert (by_causes == explained).all()
