"""One traced graph for several analyses of fvcore's kind, each of which traces the model anew by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch


@contextmanager
def one_graph(jit_analysis: ModuleType) -> Iterator[None]:
    """Let all analyses of one model on one input read the graph that the first of them traces.

    Tracing is all but a fiftieth of the time of an analysis. ``jit_analysis`` is the tool's module of that name; in a
    version that traces by another function, each analysis traces.
    """
    trace = getattr(jit_analysis, TRACE, None)
    if trace is None:
        yield
        return
    graphs: list[Any] = []

    def traced_once(*given: Any) -> Any:
        if not graphs:
            graphs.append(trace(*given))
        return graphs[0]

    with patch.object(jit_analysis, TRACE, traced_once):
        yield


TRACE = "_get_scoped_trace_graph"
