"""A run as the files that a report leaves, so that what is read again can be held against it."""

from __future__ import annotations

import json
from pathlib import Path

from reconcile.changes.record import Record
from reconcile.learn import rulebook_yaml
from reconcile.report import Table, write_csv


def write_run(record: Record, folder: Path) -> Path:
    folder.mkdir(parents=True)
    cells = Table(
        ("run_id", "model", "input", "tool", "metric", "unit", "status", "value", "reference", "residual", "seconds",
         "peak_rss_mb", "error"),
        tuple(
            (record.run_id, *key[:3], key.metric, item.unit, item.status, item.value, item.reference, item.residual,
             item.seconds, item.peak_rss_mb, item.error)
            for key, item in record.numbers.items()
        ),
    )  # fmt: skip  # as the columns stand
    causes = Table(
        ("run_id", "model", "tool", "metric", "cause", "delta", "layers"),
        tuple(
            (record.run_id, key.model, key.tool, key.metric, cause, delta, "conv1 bn1")
            for key, item in record.numbers.items()
            for cause, delta in item.causes.items()
        ),
    )
    verdicts = Table(
        ("source", "where", "model", "value", "unit", "input", "verdict", "alternatives"),
        tuple((*key[:6], item.verdict, "many words") for key, item in (record.verdicts or {}).items()),
    )
    for name, table in (("cells", cells), ("causes", causes), ("verdicts", verdicts)):
        write_csv(table, folder / f"{name}.csv")
    (folder / "manifest.json").write_text(json.dumps(manifest(record)))
    (folder / "rulebooks").mkdir()
    for tool, book in record.rulebooks.items():
        (folder / "rulebooks" / f"{tool}.yaml").write_text(rulebook_yaml(book))
    return folder


def manifest(record: Record) -> dict[str, object]:
    return {
        "run_id": record.run_id,
        "started": record.started,
        "versions": dict(record.versions),
        "sources": dict(record.sources),
        "tools": {tool: item.version for tool, item in record.tools.items()},
        "determinants": {
            tool: {"adapter": item.adapter, "contents": list(item.contents)} for tool, item in record.tools.items()
        },
        "models": [
            {
                "name": key.model,
                "input": key.input,
                "mode": item.mode,
                "execution": item.execution,
                "source": item.source,
                "reference": item.counts["compute"],
                "parameters": item.counts["params"],
            }
            for key, item in record.models.items()
        ],
        **{name: {"name": value} if name == "convention" else value for name, value in record.settings.items()},
    }
