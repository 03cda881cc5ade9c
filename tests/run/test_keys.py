"""What makes a result another one, and what does not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconcile.reference import load_convention
from reconcile.run import keys
from reconcile.run.keys import measurement_key, reconciliation_key, reference_key
from reconcile.tools import Adapter, adapter, selection
from reconcile.zoo import ModelSpec, parse_inputs, resolve

SPEC = resolve("resnet18")
MACS = load_convention("macs")


def measurement(spec: ModelSpec = SPEC, source: str = "", tool: str = "thop", seed: int = 0, **other: Any) -> str:
    return measurement_key(spec, source, tool, seed, other.get("execution", "without-arithmetic"))


def test_a_key_is_the_same_each_time() -> None:
    assert measurement() == measurement(resolve("resnet18"))
    assert len(measurement()) == 32
    assert set(measurement()) <= set("0123456789abcdef")
    assert measurement() == measurement(resolve("resnet18()"))


@pytest.mark.parametrize(
    "changed",
    [
        {"spec": resolve("resnet34")},
        {"spec": resolve("resnet18(num_classes=10)")},
        {"spec": resolve("resnet18", parse_inputs(["1x3x224x224"]))},  # the default may become another one
        {"spec": resolve("resnet18", parse_inputs(["2x3x224x224"]))},
        {"spec": resolve("resnet18", mode="train")},
        {"source": "another"},
        {"tool": "fvcore"},
        {"seed": 1},
        {"execution": "documented"},
    ],
    ids=lambda changed: str(next(iter(changed.items()))),
)
def test_what_is_asked_for_changes_a_key(changed: dict[str, Any]) -> None:
    assert measurement(**changed) != measurement()


def test_the_columns_of_one_tool_have_keys_of_their_own() -> None:
    assert measurement(tool="ptflops-aten") != measurement(tool="ptflops-pytorch")


def version(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    versions = keys._versions()
    place = {"torch": 0, "torchvision": 1, "python": 2}[name]
    changed = (*versions[:place], "99", *versions[place + 1 :])
    return lambda monkeypatch: monkeypatch.setattr(keys, "_versions", lambda: changed)


def tool_version(tool: str) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        before = selection.version_of

        def version_of(item: Adapter) -> str:
            return "99" if item.name == tool else before(item)

        monkeypatch.setattr(selection, "version_of", version_of)

    return patch


def source_file(*parts: str) -> Callable[[pytest.MonkeyPatch], None]:
    """One file of the package has another content."""
    file = Path(inspect.getfile(keys)).parents[1].joinpath(*parts)
    assert file.is_file()

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        before = keys._digest_of_file
        monkeypatch.setattr(keys, "_digest_of_file", lambda path: "changed" if path == file else before(path))
        monkeypatch.setattr(keys, "_digest_of_sources", keys._digest_of_sources.__wrapped__)

    return patch


ALL = {"thop", "fvcore", "reference", "reconciliation"}


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        (tool_version("thop"), {"thop"}),
        (tool_version("torchinfo"), set()),
        (source_file("tools", "thop.py"), {"thop"}),
        (source_file("tools", "fvcore.py"), {"fvcore"}),
        (source_file("tools", "ptflops.py"), set()),
        (source_file("tools", "adapter.py"), {"thop", "fvcore"}),
        (source_file("jobs", "worker.py"), {"thop", "fvcore"}),
        (source_file("execution", "values.py"), {"thop", "fvcore"}),
        (source_file("zoo", "torchvision_zoo.py"), ALL),
        (source_file("trace", "tracer.py"), {"reference", "reconciliation"}),
        (source_file("reference", "formulas", "matrix.py"), {"reference", "reconciliation"}),
        (source_file("rules", "predict.py"), {"reconciliation"}),
        (source_file("diff", "compute.py"), {"reconciliation"}),
        (source_file("report", "html.py"), set()),
        (source_file("cli.py"), set()),
        (version("torch"), ALL),
        (version("torchvision"), ALL),
        (version("python"), ALL),
    ],
)
def test_a_change_asks_for_what_it_can_change(
    monkeypatch: pytest.MonkeyPatch, patch: Callable[[pytest.MonkeyPatch], None], changed: set[str]
) -> None:
    def found() -> dict[str, str]:
        reference = reference_key(SPEC, "", 0, MACS)
        return {
            "thop": measurement(),
            "fvcore": measurement(tool="fvcore"),
            "reference": reference,
            "reconciliation": reconciliation_key(reference, "0" * 16, "thop"),
        }

    before = found()
    patch(monkeypatch)
    after = found()
    assert {name for name, key in after.items() if before[name] != key} == changed


def test_the_key_of_a_reference() -> None:
    before = reference_key(SPEC, "", 0, MACS)
    assert before == reference_key(SPEC, "", 0, load_convention("macs"))
    assert len({before, measurement(), reconciliation_key(before, "0", "thop")}) == 3
    others = [
        reference_key(SPEC, "", 0, load_convention("flops")),
        reference_key(SPEC, "", 0, MACS.model_copy(update={"weights": {"mac": 2}})),  # its name is the same
        reference_key(SPEC, "source", 0, MACS),
        reference_key(SPEC, "", 1, MACS),
        reference_key(replace(SPEC, mode="train"), "", 0, MACS),
    ]
    assert len({before, *others}) == 1 + len(others)


def test_the_key_of_a_reconciliation(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reconciliation_key("reference", "digest", "thop")
    others = [
        reconciliation_key("another", "digest", "thop"),
        reconciliation_key("reference", "another", "thop"),
        reconciliation_key("reference", "digest", "fvcore"),
    ]
    assert len({before, *others}) == 4
    digest = keys._digest_of_file
    monkeypatch.setattr(
        keys, "_digest_of_file", lambda path: "changed" if path.name == f"{adapter('thop').name}.yaml" else digest(path)
    )
    assert reconciliation_key("reference", "digest", "thop") != before
    assert reconciliation_key("reference", "digest", "fvcore") == others[2]
