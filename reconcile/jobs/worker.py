"""What runs in a process of its own: a trace of one model, one tool on one model, or the reconciliation of a model."""

from __future__ import annotations

import gc
import os
import pickle
import random
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from reconcile.diff import Reconciliation, reconcile_measurements
from reconcile.errors import ReconcileError, describe_exception, printable
from reconcile.execution import Question, Readings, ValuesNeededError, WithoutArithmetic
from reconcile.jobs.result import MeasuredCell, ModelReference
from reconcile.reference import Convention, count_trace
from reconcile.rules import Rulebook
from reconcile.tools import Measurement, Metric, UnsupportedModelError, adapter, check_report
from reconcile.trace import Trace, trace_spec
from reconcile.zoo import BuiltModel, ModelSpec, build

Shapes = Mapping[Question, Any]
"""What operators return for which arguments, by shape: the same for every tool that runs the model."""


@dataclass(frozen=True, slots=True)
class TracedModel:
    """A trace on its way from a worker, packed; or the sentence that says why not.

    ``source`` tells a user's model from what it was before its code changed. ``readings`` are the trace's.
    """

    packed: bytes = b""
    inputs: str = ""
    source: str = ""
    readings: Readings | None = ()
    error: str = ""

    def trace(self) -> Trace:
        """Unpack the trace. It comes from this program's own worker over a pipe, never from a file."""
        trace = pickle.loads(zlib.decompress(self.packed))  # noqa: S301  # see above
        assert isinstance(trace, Trace)
        return trace


@dataclass(frozen=True, slots=True)
class QuickCell:
    """A cell that was measured without arithmetic, and what is known of the model's shapes by then."""

    cell: MeasuredCell
    shapes: Shapes


@dataclass(frozen=True, slots=True)
class ReconciledModel:
    """A model's reference, and each tool's measurements reconciled with it, or the sentence that says why not."""

    reference: ModelReference
    reconciliations: Mapping[str, Mapping[str, Reconciliation] | str]


def trace_model(spec: ModelSpec, seed: int) -> TracedModel:
    """Build and trace a model."""
    _start_afresh(seed)
    try:
        trace, inputs = trace_spec(spec, seed)
        return TracedModel(
            packed=zlib.compress(pickle.dumps(trace), 1),
            inputs=inputs,
            source=_digest_of(trace) if spec.is_own else "",
            readings=trace.readings,
        )
    except ReconcileError as error:
        return TracedModel(error=str(error))
    except BaseException as error:  # a model may raise anything, SystemExit and KeyboardInterrupt included
        return TracedModel(error=f"{spec.name}: {describe_exception(error)}")


def measure_without_arithmetic(
    spec: ModelSpec, tool: str, seed: int, readings: Readings, shapes: Shapes
) -> QuickCell | None:
    """Run a tool on a model that is not computed; None where that cannot be, for whatever reason.

    ``readings`` are what the model's control flow read in a real run, ``shapes`` what is known of its operators. What
    is known of them afterwards is returned too.
    """
    _start_afresh(seed)
    mode = WithoutArithmetic(readings, shapes)
    try:
        measured = _measure(build(spec, "cpu", seed, parameters="unwritten"), tool, mode)
        mode.close()
    except BaseException:  # whatever it is, running the tool as documented will show it again
        with suppress(ValuesNeededError):
            mode.close()
        return None
    return QuickCell(measured, mode.results)


def measure_as_documented(spec: ModelSpec, tool: str, seed: int = 0) -> MeasuredCell:
    """Build a model as its code says, and run a tool on it as its documentation says."""
    _start_afresh(seed)
    started = time.perf_counter()
    inputs = ""
    status: Literal["unsupported", "failed"] = "failed"
    try:
        built = build(spec, "cpu", seed, parameters="random")
        inputs = built.inputs
        return _measure(built, tool, None)
    except UnsupportedModelError as reason:
        status, error = "unsupported", f"{tool} on {spec.name}: {printable(str(reason))}."
    except ReconcileError as reason:
        error = str(reason)
    except BaseException as reason:  # a tool or model may raise anything; it costs its own cell
        error = f"{tool} on {spec.name}: {describe_exception(reason)}"
    return MeasuredCell(status, "documented", inputs, seconds=time.perf_counter() - started, error=error)


def measure_here(spec: ModelSpec, tool: str, trace: Trace, seed: int = 0) -> MeasuredCell:
    """Run a tool on a model in this process, without arithmetic if that can be; nothing that it prints is shown."""
    quick = None
    with _as_in_a_job():
        if trace.readings is not None:
            quick = measure_without_arithmetic(spec, tool, seed, trace.readings, {})
        return quick.cell if quick is not None else measure_as_documented(spec, tool, seed)


@contextmanager
def _as_in_a_job() -> Iterator[None]:
    """Let nothing be printed, and leave this process's own settings as they were."""
    collects, threads = gc.isenabled(), torch.get_num_threads()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        try:
            with warnings.catch_warnings():
                yield
        finally:
            torch.set_num_threads(threads)
            if collects:
                gc.enable()


def reconcile_model(
    spec: ModelSpec,
    traced: TracedModel,
    convention: Convention,
    measured: Mapping[str, Mapping[Metric, Measurement]],
    rulebooks: Mapping[str, Rulebook],
) -> ReconciledModel:
    """Count a model, and reconcile with the count what each tool measured; ``rulebooks`` stand in for known ones."""
    found: dict[str, Mapping[str, Reconciliation] | str] = {}
    try:
        count = count_trace(traced.trace(), convention)
    except ReconcileError as error:
        sentence = str(error)
        return ReconciledModel(
            ModelReference(spec.name, traced.inputs, None, None, error=sentence), dict.fromkeys(measured, sentence)
        )
    for tool, measurements in measured.items():
        try:
            found[tool] = reconcile_measurements(tool, measurements, count, rulebooks.get(tool))
        except Exception as error:  # a rulebook that does not fit costs its own cell
            found[tool] = f"{tool} cannot be compared: {describe_exception(error)}"
    reference = ModelReference(
        model=spec.name,
        input=traced.inputs,
        compute=count.total,
        parameters=count.parameters,
        execution=count.trace.execution,
        uncovered=count.uncovered,
        uncalled=count.trace.uncalled,
        activations=count.activations,
        memory=count.memory.totals,
    )
    return ReconciledModel(reference, found)


def _measure(built: BuiltModel, tool: str, mode: WithoutArithmetic | None) -> MeasuredCell:
    """Run a tool on a model that nothing else has touched. The time is the tool's alone."""
    started = time.perf_counter()
    with nullcontext() if mode is None else mode:
        report = adapter(tool).measure(built.module, built.args, built.kwargs)
    check_report(report)
    return MeasuredCell(
        status="ok",
        execution="documented" if mode is None else "without-arithmetic",
        inputs=built.inputs,
        seconds=time.perf_counter() - started,
        measurements=report.measurements,
        notes=report.notes,
    )


def _start_afresh(seed: int) -> None:
    """Start from the same state everywhere: numbers must not depend on the machine's processors or on earlier jobs."""
    warnings.simplefilter("ignore")
    gc.disable()  # a job is short
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _digest_of(trace: Trace) -> str:
    """A digest of all that a tool can see of a model: modules, parameters, functions and operators, with shapes."""
    seen = (trace.root, trace.modules, trace.parameters, trace.execution, trace.mode, sorted(trace.used_parameters))
    return sha256(repr(seen).encode("utf-8", "backslashreplace")).hexdigest()
