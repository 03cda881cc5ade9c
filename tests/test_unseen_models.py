"""The benchmark over models that no rule was made for: what it makes of a run's tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import language_models, timm_models
from benchmarks.unseen_models import evaluate, of_timm
from reconcile.zoo import timm_zoo

CELLS = """run_id,model,input,tool,metric,status,value,reference,explained,residual,error
r,a,1,thop,compute,ok,10,8,2,0,
r,b,1,thop,compute,ok,10,8,2,0,
r,c,1,thop,compute,ok,10,8,1,1,
r,d,1,thop,compute,failed,,8,,,it raised
r,e,1,thop,compute,unsupported,,8,,,not this one
r,a,1,thop,memory,ok,10,8,0,2,
"""
LAYERS = """run_id,model,tool,metric,layer,layer_type,calls,value,reference,explained,residual
r,a,thop,compute,x,Linear,1,10,8,2,0
r,b,thop,compute,x,Linear,1,6,4,1,1
r,b,thop,compute,y,Linear,1,4,4,1,-1
r,c,thop,compute,(functions),,1,10,8,1,1
r,a,thop,memory,x,Linear,1,10,8,0,2
"""


def test_shares_and_what_is_left_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "timm-eval-1"
    folder.mkdir()
    for file, text in (
        ("run.json", "{}"),
        ("cells.csv", CELLS),
        ("layers.csv", LAYERS),
        ("manifest.json", '{"models": []}'),
    ):
        (folder / file).write_text(text, encoding="utf-8")
    evaluate(tmp_path)
    [shares] = pd.read_csv(tmp_path / "shares.csv").to_dict("records")
    # a and b have the residual 0 in total; the layers of b cancel each other out
    assert shares == {
        "run": "timm-eval-1", "tool": "thop", "metric": "compute", "cells": 5, "ok": 3, "unsupported": 1, "failed": 1,
        "zero_in_total": 2, "zero_on_every_layer": 1,
    }  # fmt: skip  # one entry a line would fill the page
    left = pd.read_csv(tmp_path / "residuals.csv", keep_default_na=False)
    assert list(zip(left["model"], left["layer_type"], left["layers"], left["residual"], strict=True)) == [
        ("c", "", 1, 1),
        ("b", "Linear", 2, 1),
    ]
    assert "66.67%   33.33%  of 3 (1 unsupported, 1 failed)" in capsys.readouterr().out


def test_the_models_are_there() -> None:
    assert len(set(timm_models.names())) == 150
    assert set(timm_models.names()) <= set(timm_zoo.all_names())
    assert {str(spec.inputs).partition("x")[0] for spec in of_timm("train", 3)} == {"3"}
    assert len(language_models.names()) == 35
