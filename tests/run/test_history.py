"""Many runs as one database: the views say what the runs' own tables say, on disk and in an object store."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from reconcile.cli import main
from reconcile.errors import ReconcileError
from reconcile.run import ask, history

DOCUMENTED = re.findall(
    r"```sql\n(.*?)```", (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8"), re.DOTALL
)
NET = "tests.run.models:net"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the second takes over what the first found, and adds a model and a tool."""
    place = tmp_path_factory.mktemp("history") / "it's here"
    place.mkdir()
    for name, models, tools in (("first", [NET], "thop"), ("second", [NET, "tests.run.models:raises"], "thop,fvcore")):
        main(["run", *models, "--tools", tools, "--jobs", "1", "--out", str(place / name)])
    return place


@pytest.fixture
def object_store(runs: Path) -> Iterator[str]:
    """The same runs in an object store."""
    store = fsspec.filesystem("memory")
    store.put(f"{runs}/", "memory://bucket/reports/", recursive=True)
    yield "memory://bucket/reports"
    store.rm("memory://bucket", recursive=True)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_cells_are_those_of_the_tables(runs: Path) -> None:
    for run in ("first", "second"):
        expected = sorted(
            (row["model"], row["tool"], row["metric"], int(row["value"]))
            for row in rows(runs / run / "cells.csv")
            if row["status"] == "ok"
        )
        found = ask(str(runs), f"SELECT model, tool, metric, value FROM cells WHERE run = '{run}' AND status = 'ok'")
        assert sorted(found.itertuples(index=False, name=None)) == expected


def test_layers_and_causes_add_up_to_the_tables(runs: Path) -> None:
    for run in ("first", "second"):
        cells = rows(runs / run / "cells.csv")
        explained = sum(int(row["explained"]) for row in cells if row["status"] == "ok")
        assert ask(str(runs), f"SELECT sum(explained) AS x FROM layers WHERE run = '{run}'")["x"][0] == explained
        assert ask(str(runs), f"SELECT sum(delta) AS x FROM causes WHERE run = '{run}'")["x"].fillna(0)[0] == explained
        assert ask(str(runs), f"SELECT sum(residual) AS x FROM layers WHERE run = '{run}'")["x"][0] == 0


def test_what_was_taken_over_names_the_run_that_measured_it(runs: Path) -> None:
    found = ask(str(runs), f"SELECT DISTINCT run_id FROM cells WHERE model = '{NET}' AND tool = 'thop'")
    first = ask(str(runs), "SELECT run_id FROM runs WHERE run = 'first'")
    assert list(found["run_id"]) == list(first["run_id"])


def test_an_object_store_says_the_same(runs: Path, object_store: str) -> None:
    for view in ("runs", "cells", "model_counts", "layers", "causes"):
        sql = f"SELECT * FROM {view} ORDER BY ALL"
        assert ask(object_store, sql).astype(str).equals(ask(str(runs), sql).astype(str))


@pytest.mark.parametrize("sql", DOCUMENTED, ids=range(len(DOCUMENTED)))
def test_documented_queries(runs: Path, tmp_path: Path, sql: str) -> None:
    assert len(DOCUMENTED) == 6
    assert list(ask(str(runs), sql).columns)
    assert ask(str(tmp_path), sql).empty


def test_errors_are_sentences(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReconcileError, match="there is no folder"):
        history(str(tmp_path / "nowhere"))
    with pytest.raises(ReconcileError, match="cannot be read"):
        history("no-such-protocol://bucket")
    assert main(["query", "SELECT nothing FROM cells", "--runs", str(runs)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["query", "SELECT count(*) AS n FROM runs", "--runs", str(runs), "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n\n2\n"
