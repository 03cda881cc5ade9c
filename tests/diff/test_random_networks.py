"""Every difference is explained, in random networks, for every column of tools: what is left over is 0 on every layer.

Nothing is explained by a cause that happens to fit, either: a tool that counts wrongly is left over, where it does so.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reconcile
from reconcile.diff import reconcile_measurements
from reconcile.isolation import Workers
from reconcile.reference import ReferenceCount, count_trace, load_convention
from reconcile.tools import Measurement, ToolReport, adapter, column_names
from reconcile.trace import trace, trace_spec
from reconcile.zoo import resolve
from tests.diff.accounts import check_by_hand, check_counterfactuals, check_sums, unexplained
from tests.diff.random_networks import RandomNetwork, network, networks
from tests.run.in_workers import measured, readings_of
from tests.run.runs import PRELOAD
from tests.tools.there import is_there

IN_THIS_PROCESS = ("thop", "ptflops-pytorch", "ptflops-aten", "fvcore", "torchinfo", "flop-counter", "torchprofile")
"""Tools that leave a process as it was."""

COLUMNS = tuple(filter(is_there, column_names("all")))

OF_FEW_MODELS = {"torchstat-flops", "torchstat-madd", "torchsummary"}
"""Columns of tools that most networks are not for: one image, and modules that return one tensor."""

METRICS = ("compute", "params")

EVERY_TERM = str(Path(__file__).with_name("every_term.yaml"))
CONVENTIONS = ("macs", "flops", "exact-flops", EVERY_TERM)

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def check_explained(random: RandomNetwork, convention: str) -> None:
    count = count_trace(trace(random.model, [random.inputs]), load_convention(convention))
    found = reconcile.compare(random.model, random.inputs, tools=IN_THIS_PROCESS, convention=convention)
    for (tool, metric), item in found.reconciliations.items():
        if metric in METRICS:
            assert unexplained(item) == {}, (tool, metric)
            check_sums(item)
            check_counterfactuals(item, Random(0))  # noqa: S311  # an order, no secret
            if metric == "compute":
                check_by_hand(item, count)


@settings(UNHURRIED, max_examples=25, derandomize=True)
@given(networks(), st.sampled_from(CONVENTIONS))
def test_random_networks_are_explained(random: RandomNetwork, convention: str) -> None:
    check_explained(random, convention)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=500)
@given(networks(), st.sampled_from(CONVENTIONS))
def test_many_random_networks_are_explained(random: RandomNetwork, convention: str) -> None:
    check_explained(random, convention)


# --- every column, in workers of its own ---


def check_columns(seeds: range, mode: Any) -> dict[str, int]:
    """Measure the networks of some seeds under every column; return how many measurements of each were ok."""
    models = [f"tests.diff.random_networks:network(seed={seed},batch={1 + seed % 4})" for seed in seeds]
    pool: Workers[Any] = Workers(2, PRELOAD)
    try:
        cells = measured_in_mode(pool, models, mode)
    finally:
        pool.close()
    ok: dict[str, int] = {}
    by_weight = 0
    for (model, tool), cell in cells.items():
        if cell.status != "ok":
            continue
        for convention in CONVENTIONS:
            count = reference(model, mode, convention)
            for metric, item in reconcile_measurements(tool, cell.measurements, count).items():
                if metric not in METRICS:
                    continue
                assert unexplained(item) == {}, (model, tool, metric)
                check_sums(item)
                check_counterfactuals(item, Random(model))  # noqa: S311  # an order, no secret
                if metric == "compute" and mode == "eval":
                    by_weight += check_by_hand(item, count)
        ok[tool] = ok.get(tool, 0) + 1
    assert by_weight or mode == "train"
    return ok


def measured_in_mode(pool: Workers[Any], models: list[str], mode: Any) -> Mapping[tuple[str, str], Any]:
    order = [(model, tool) for model in models for tool in COLUMNS]
    found = measured(pool, order, readings_of(pool, models, mode), at_a_time=2, mode=mode)
    return {place: cell for place, (cell,) in found.items()}


@cache
def reference(model: str, mode: Any, convention: str) -> ReferenceCount:
    found, _ = trace_spec(resolve(model, None, mode))
    return count_trace(found, load_convention(convention))


def test_every_column_is_explained() -> None:
    ok = check_columns(range(4, 7), "eval")
    assert set(ok) >= set(COLUMNS) - OF_FEW_MODELS


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_every_column_is_explained_on_many(mode: str) -> None:
    ok = check_columns(range(100, 120), mode)
    assert set(ok) >= set(COLUMNS) - OF_FEW_MODELS


# --- what a tool counts wrongly is left over, and nothing else changes ---


class Miscounting:
    """A tool that counts one layer wrongly by a few operations."""

    def __init__(self, name: str, layer: str, more: int) -> None:
        self.right = adapter(name)
        self.layer = layer
        self.more = more

    def measure(self, *given: Any) -> ToolReport:
        report = self.right.measure(*given)
        return ToolReport({metric: self._wrong(report.measurements[metric]) for metric in METRICS})

    def _wrong(self, right: Measurement) -> Measurement:
        layers = {**right.layers, self.layer: right.layers.get(self.layer, 0) + self.more}
        return Measurement(right.total + self.more, layers)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tool", ["thop", "fvcore"])
def test_what_a_tool_counts_wrongly_is_left_over_where_it_does(tool: str, seed: int) -> None:
    chosen = Random(seed)  # noqa: S311  # a place, no secret
    right_model, x = network(seed)
    count = count_trace(trace(right_model, [x]), load_convention("macs"))
    right_report = adapter(tool).measure(network(seed)[0], [x], {})
    right = reconcile_measurements(tool, right_report.measurements, count)
    layer = chosen.choice(sorted(right_report.measurements["compute"].layers.keys() & count.trace.modules.keys()))
    more = chosen.choice([-7, -1, 1, 2, 5, 64, max(1, abs(right["compute"].difference))])
    wrong_report = Miscounting(tool, layer, more).measure(network(seed)[0], [x], {})
    wrong = reconcile_measurements(tool, wrong_report.measurements, count)
    for metric in METRICS:
        assert unexplained(right[metric]) == {}
        assert unexplained(wrong[metric]) == {layer: more}
        assert wrong[metric].residual == more
        assert wrong[metric].causes == right[metric].causes
        assert wrong[metric].proofs == right[metric].proofs
        assert wrong[metric].value == right[metric].value + more
