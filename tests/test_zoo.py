"""The main job over the whole classification zoo, as its users run it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reconcile.cli import main
from reconcile.zoo import classification_names


@pytest.mark.slow
def test_every_cell_of_the_main_job_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    assert main(["run", "--out", str(folder)]) == 0
    cells = pd.read_csv(folder / "cells.csv")
    layers = pd.read_csv(folder / "layers.csv")
    causes = pd.read_csv(folder / "causes.csv")
    assert len(cells) == len(classification_names()) * 5 * 2
    assert set(cells["status"]) == {"ok"}
    for rows in (cells, layers):
        assert (rows["value"] - rows["reference"] == rows["difference"]).all()
        assert (rows["difference"] == rows["explained"] + rows["residual"]).all()
        assert (rows["residual"] == 0).all()
    key = ["model", "tool", "metric"]
    for column in ("value", "reference", "difference"):
        assert (layers.groupby(key)[column].sum() == cells.set_index(key)[column].sort_index()).all()
    explained = cells.set_index(key)["explained"]
    by_causes = causes.groupby(key)["delta"].sum().reindex(explained.index, fill_value=0)
    assert (by_causes == explained).all()
