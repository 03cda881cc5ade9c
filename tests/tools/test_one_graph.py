"""Analyses that share a graph say what they say alone, and leave the tool as it was."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, jit_analysis

from reconcile.tools import adapter
from reconcile.tools.one_graph import TRACE, one_graph
from tests import networks


def test_they_trace_once_and_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = networks.Convolutional().eval(), torch.zeros(2, 3, 8, 8)
    alone = [dict(analysis(model, x).by_module()) for analysis in (FlopCountAnalysis, ActivationCountAnalysis)]
    real, traced = getattr(jit_analysis, TRACE), []
    monkeypatch.setattr(jit_analysis, TRACE, lambda *given: traced.append(1) or real(*given))
    watched = getattr(jit_analysis, TRACE)
    with one_graph(jit_analysis):
        together = [dict(analysis(model, x).by_module()) for analysis in (FlopCountAnalysis, ActivationCountAnalysis)]
    assert together == alone
    assert traced == [1]
    assert getattr(jit_analysis, TRACE) is watched


def test_a_model_that_raises_leaves_nothing_behind() -> None:
    real = getattr(jit_analysis, TRACE)
    with pytest.raises(RuntimeError):
        adapter("fvcore").measure(networks.Convolutional().eval(), (torch.zeros(2, 5, 8, 8),), {})
    assert getattr(jit_analysis, TRACE) is real


def test_a_version_that_traces_otherwise_is_left_alone() -> None:
    other = ModuleType("jit_analysis")
    with one_graph(other):
        assert not hasattr(other, TRACE)
