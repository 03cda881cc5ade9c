"""The share of cells without a residual over models that no rule was made for.

``python -m benchmarks.unseen_models FOLDER`` runs every tool over 150 models of timm (``timm_models.py``) and over
recurrent and transformer language models (``language_models.py``), in both modes, with one sample and with three: a run
for each of the eight, in a folder of its own. What is there of a run already is gone on with as it was begun: nothing
is measured twice, and all is reconciled again if rules have changed. ``--evaluate`` only reads such a folder, or that
of any run.

It prints, and writes as ``shares.csv``, how many cells there are by status, and for each tool and metric how many have
the residual 0 in total and on every layer; and, as ``residuals.csv``, the layers that have one, by tool, type, model.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import get_args

import pandas as pd

from benchmarks import language_models, timm_models
from reconcile.report import safe_cell, write_report
from reconcile.run import Execution, Plan, begin, is_run_folder, make_plan, new_run_id, reopen, run_plan, this_machine
from reconcile.zoo import InputSpec, Mode, ModelSpec, TensorInput, default_inputs, resolve

METRICS = ("compute", "params")
"""Those for which tools have rules."""


def of_timm(mode: Mode, batch: int) -> list[ModelSpec]:
    """timm's models, with the inputs that their configurations state but for the batch."""
    return [
        resolve(name, InputSpec(tuple(_with_batch(tensor, batch) for tensor in default_inputs(name).tensors)), mode)
        for name in timm_models.names()
    ]


def of_language(mode: Mode, batch: int) -> list[ModelSpec]:
    return [resolve(f"{name}(batch={batch})", None, mode) for name in language_models.names()]


CORPORA: dict[str, Callable[[Mode, int], list[ModelSpec]]] = {"timm": of_timm, "language": of_language}


def _with_batch(tensor: TensorInput, batch: int) -> TensorInput:
    return replace(tensor, shape=(batch, *tensor.shape[1:]))


def plans(asked: argparse.Namespace) -> Iterator[tuple[str, Plan]]:
    """A plan for each corpus, mode and batch, and the name of its folder."""
    for corpus in asked.corpora:
        for mode in asked.modes:
            for batch in asked.batches:
                models = tuple(spec for spec in CORPORA[corpus](mode, batch) if _is_named(spec, asked.models))
                if models:
                    names = [models[0].name]
                    plan = make_plan(names=names, tools=asked.tools, jobs=asked.jobs, execution=asked.execution)
                    yield f"{corpus}-{mode}-{batch}", replace(plan, models=models, tools_may_fail=True)


def _is_named(spec: ModelSpec, pattern: str) -> bool:
    return fnmatchcase(re.split("[/:]", spec.base)[-1], pattern)


def run(place: Path, plan: Plan) -> None:
    """Run a plan, or go on with the run that is there."""
    if is_run_folder(place):
        folder, plan = reopen(place)
    else:
        folder = begin(place, plan, new_run_id())
    with folder.locked(), this_machine(plan) as backend:
        write_report(run_plan(plan, folder, backend, report=print), place)


def runs_in(folder: Path) -> dict[str, Path]:
    """The finished runs by name: the folder itself, or those in it."""
    found = [folder] if is_run_folder(folder) else sorted(path.parent for path in folder.glob("*/run.json"))
    return {path.name: path for path in found if (path / "cells.csv").is_file()}


def evaluate(folder: Path) -> None:
    runs = runs_in(folder)
    if not runs:
        raise SystemExit(f"there is no finished run in {folder}.")
    cells = pd.concat([_read(place / "cells.csv", name) for name, place in runs.items()])
    layers = pd.concat([_left_over(_read(place / "layers.csv", name)) for name, place in runs.items()])
    _print_models_that_do_not_run(runs)
    shares = shares_of(cells, layers)
    residuals = residuals_of(layers)
    _write(shares, folder / "shares.csv")
    _write(residuals, folder / "residuals.csv")
    _print_shares(shares)
    _print_residuals(residuals)


def shares_of(cells: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Cells by status, and those without a residual, in total and on every layer; a row per run, tool and metric.

    ``layers`` are those that have one.
    """
    key = ["run", "model", "input", "tool", "metric"]
    layers_left = layers.groupby(["run", "model", "tool", "metric"]).size().rename("left")
    known = cells.join(layers_left, on=["run", "model", "tool", "metric"]).drop_duplicates(key)
    ok = known["status"] == "ok"
    counted = known.assign(
        cells=1,
        ok=ok,
        unsupported=known["status"] == "unsupported",
        failed=~known["status"].isin(["ok", "unsupported"]),
        zero_in_total=ok & (known["residual"] == 0),
        zero_on_every_layer=ok & known["left"].isna(),
    )
    return counted.groupby(["run", "tool", "metric"], sort=False)[list(_COUNTS)].sum().astype(int).reset_index()


def residuals_of(layers: pd.DataFrame) -> pd.DataFrame:
    """The layers that have a residual by tool, metric, type, run and model: how many, and the first of them."""
    groups = layers.groupby(["tool", "metric", "layer_type", "run", "model"])
    first = groups[["layer", "calls", "value", "reference", "explained", "residual"]].first()
    return first.assign(layers=groups.size()).reset_index()


_COUNTS = ("cells", "ok", "unsupported", "failed", "zero_in_total", "zero_on_every_layer")


def _read(file: Path, run: str) -> pd.DataFrame:
    """A table of a run, for the metrics with rules. Numbers are read exactly; there is none where a cell failed."""
    numbers = ("value", "reference", "explained", "residual")
    table = pd.read_csv(
        file,
        dtype=dict.fromkeys(numbers, "Int64"),
        keep_default_na=False,
        na_values={column: [""] for column in numbers},
        low_memory=False,
    )
    return table[table["metric"].isin(METRICS)].assign(run=run)


def _left_over(layers: pd.DataFrame) -> pd.DataFrame:
    return layers[layers["residual"] != 0]


def _print_models_that_do_not_run(runs: dict[str, Path]) -> None:
    for name, place in runs.items():
        models = json.loads((place / "manifest.json").read_text(encoding="utf-8"))["models"]
        print(f"{name}: {len(models)} models")
        for model in models:
            if model["error"]:
                print(f"  does not run: {model['error']}")


def _print_shares(shares: pd.DataFrame) -> None:
    total = shares[list(_COUNTS)].sum()
    statuses = ", ".join(f"{total[status]:,} {status}" for status in ("ok", "unsupported", "failed"))
    print(f"\nnumbers, one for each cell and metric: {statuses}")
    print("of those that are ok, without a residual in total, and on every layer")
    for title, by in (("run", ["run"]), ("metric", ["metric"]), ("tool", ["tool", "metric"])):
        print(f"by {title}")
        for key, row in shares.groupby(by, sort=False)[list(_COUNTS)].sum().iterrows():
            label = " ".join(key) if isinstance(key, tuple) else str(key)
            print(f"  {label:32}{_share(row)}")
    print(f"{'in all':34}{_share(total)}")


def _share(row: pd.Series[int]) -> str:
    if not row["ok"]:
        return f"no number: {row['unsupported']} unsupported, {row['failed']} failed"
    total, every = (row[column] / row["ok"] for column in ("zero_in_total", "zero_on_every_layer"))
    return f"{total:8.2%}{every:9.2%}  of {row['ok']:,} ({row['unsupported']} unsupported, {row['failed']} failed)"


def _print_residuals(residuals: pd.DataFrame) -> None:
    print(f"\nlayers with a residual: {residuals['layers'].sum():,}")
    for (tool, metric), of_tool in residuals.groupby(["tool", "metric"]):
        print(f"{tool} {metric}")
        types = sorted(of_tool.groupby("layer_type"), key=lambda item: -item[1]["layers"].sum())
        for layer_type, rows in types:
            models = rows.sort_values("layers", ascending=False)["model"].drop_duplicates()
            shown = ", ".join(models[:3]) + (", …" if len(models) > 3 else "")
            print(f"  {layer_type or '(no module)'}: {rows['layers'].sum():,} layers in {len(models)} models ({shown})")
            row = rows.iloc[0]
            print(
                f"    {row['run']} {row['model']} {row['layer']}: {row['value']} − {row['reference']} = "
                f"{row['explained']} + {row['residual']}"
            )


def _write(table: pd.DataFrame, file: Path) -> None:
    table.map(safe_cell).to_csv(file, index=False, lineterminator="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--evaluate", action="store_true", help="read what is there, and measure nothing")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--modes", nargs="+", choices=get_args(Mode), default=get_args(Mode))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--models", metavar="PATTERN", default="*", help="only models named so, as *resnet*")
    parser.add_argument("--tools", nargs="+", default=["all"])
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--execution", choices=get_args(Execution), help="by default without-arithmetic")
    asked = parser.parse_args()
    if not asked.evaluate:
        for name, plan in plans(asked):
            print(f"{name}: {len(plan.models)} models, {len(plan.tools)} tools", flush=True)
            run(asked.folder / name, plan)
    evaluate(asked.folder)


if __name__ == "__main__":
    main()
