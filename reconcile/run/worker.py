"""What runs inside a worker process: a trace of one model, or one tool on one model. Each in a process of its own."""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from reconcile.errors import ReconcileError, describe_exception
from reconcile.tools import ToolReport, UnsupportedModelError, adapter
from reconcile.trace import Trace, trace_spec
from reconcile.zoo import ModelSpec, build


@dataclass(frozen=True, slots=True)
class TracedModel:
    """A trace on its way from a worker, packed, and the model's inputs in words; or the sentence that says why not."""

    packed: bytes = b""
    inputs: str = ""
    error: str = ""

    def trace(self) -> Trace:
        """Unpack the trace. It comes from this program's own worker over a pipe, never from a file."""
        trace = pickle.loads(zlib.decompress(self.packed))  # noqa: S301  # see above
        assert isinstance(trace, Trace)
        return trace


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """What one tool said in a worker, or why it said nothing, with the time and memory that it took."""

    status: Literal["ok", "unsupported", "failed"]
    report: ToolReport | None
    inputs: str
    seconds: float
    peak_rss_mb: float
    error: str = ""


def trace_model(spec: ModelSpec, seed: int, threads: int | None) -> TracedModel:
    """Build and trace a model."""
    with _quiet(seed, threads):
        try:
            trace, inputs = trace_spec(spec, seed)
            return TracedModel(zlib.compress(pickle.dumps(trace), 1), inputs)
        except ReconcileError as error:
            return TracedModel(error=str(error))
        except BaseException as error:  # a model may raise anything, SystemExit and KeyboardInterrupt included
            return TracedModel(error=f"{spec.name}: {describe_exception(error)}")


def measure_cell(
    spec: ModelSpec, tool: str, seed: int = 0, threads: int | None = None, *, initialize: bool = False
) -> MeasuredCell:
    """Build a model that nothing else has touched, and run a tool on it. The time is the tool's alone.

    ``initialize`` gives random parameters to a model whose control flow reads values.
    """
    with _quiet(seed, threads):
        status: Literal["ok", "unsupported", "failed"] = "failed"
        report, inputs, error = None, "", ""
        started = time.perf_counter()
        try:
            built = build(spec, "cpu", seed, initialize=initialize)
            inputs = built.inputs
            started = time.perf_counter()
            report = adapter(tool).measure(built.module, built.args, built.kwargs)
            status = "ok"
        except UnsupportedModelError as reason:
            status, error = "unsupported", f"{tool} on {spec.name}: {reason}."
        except ReconcileError as reason:
            error = str(reason)
        except BaseException as reason:  # as above; it costs its own cell
            error = f"{tool} on {spec.name}: {describe_exception(reason)}"
        seconds = time.perf_counter() - started
        return MeasuredCell(status, report, inputs, seconds, _peak_memory_in_megabytes(), error)


@contextmanager
def _quiet(seed: int, threads: int | None) -> Iterator[None]:
    """Start from the same state everywhere, and let nothing that a tool or model prints reach the terminal."""
    if threads is not None:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _peak_memory_in_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
