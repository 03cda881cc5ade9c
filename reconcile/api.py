"""The interface for Python and notebooks: count a model, or compare what tools say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd
import torch
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text
from torch import nn

from reconcile.claims import Audit, BadRow, Claim, claims_by_name, read_claims, read_rows
from reconcile.claims import audit as audit_claims
from reconcile.diff import Reconciliation, reconcile_measurements
from reconcile.errors import ReconcileError, describe_exception
from reconcile.reference import (
    COUNTING,
    DEFAULT_CONVENTION,
    LayerMemory,
    Memory,
    ReferenceCount,
    count_trace,
    load_convention,
    require_coverage,
)
from reconcile.report import audit_summary, explain, verdicts_table
from reconcile.tools import MAIN_TOOLS, Adapter, Column, columns
from reconcile.trace import EVERYTHING, Detail, Trace, map_tensors, real_copy, trace, trace_spec
from reconcile.zoo import (
    BuiltModel,
    InputSpec,
    Mode,
    ModelSpec,
    TensorInput,
    build,
    describe_inputs,
    parse_inputs,
    resolve,
)

Inputs: TypeAlias = "torch.Tensor | Sequence[Any] | Mapping[str, Any] | str | None"
"""A tensor, positional or keyword inputs, or shapes as on the command line (``"1x3x224x224"``)."""

Grouping = Literal["model", "layer", "operator", "term"]


@dataclass(frozen=True)
class ModelCount:
    """The native count of one model on one input under one convention.

    ``seed`` made the input and the parameters of a named model, where values were needed.
    """

    model: str
    input: str
    reference: ReferenceCount
    seed: int = 0

    @property
    def convention(self) -> str:
        """Name of the convention."""
        return self.reference.convention.name

    @property
    def unit(self) -> str:
        """Unit of the count: ``MAC`` or ``FLOP``."""
        return self.reference.convention.unit

    @property
    def total(self) -> int:
        """The count of the whole model."""
        return self.reference.total

    @property
    def parameters(self) -> int:
        """Number of parameters, a shared one once, packed ones of quantized layers among them."""
        return self.reference.parameters

    @property
    def trainable_parameters(self) -> int:
        """Number of parameters that are trained."""
        return self.reference.trainable_parameters

    @property
    def activations(self) -> int:
        """Elements that convolutions, linear layers and matrix products put out."""
        return self.reference.activations

    @property
    def memory(self) -> Memory:
        """Memory of the forward pass, in bytes."""
        return self.reference.memory

    @property
    def uncovered(self) -> Mapping[str, int]:
        """Operators that no formula covers, with how often each ran."""
        return self.reference.uncovered

    @property
    def uncalled(self) -> tuple[str, ...]:
        """Paths of the modules that never ran."""
        return self.reference.trace.uncalled

    def grouped(self, by: Grouping) -> Mapping[str, int]:
        """Return the count by layer (the modules' own values), operator or term, or the total under ``total``."""
        groupings: dict[str, Callable[[], Mapping[str, int]]] = {
            "model": lambda: {"total": self.total},
            "layer": self.reference.by_layer,
            "operator": self.reference.by_operator,
            "term": self.reference.by_term,
        }
        return groupings[by]()

    def to_frame(self, by: Grouping = "layer") -> pd.DataFrame:
        """Return the count as a table with the columns ``<by>`` and ``count``, exact integers.

        By layer, in the model's order, there are also ``parameters``, ``activations``, ``read_bytes`` and
        ``written_bytes``.
        """
        if by == "layer":
            return self._layers()
        items = self.grouped(by)
        return pd.DataFrame({by: list(items), "count": pd.Series(list(items.values()), dtype=object)})

    def _layers(self) -> pd.DataFrame:
        counts, parameters = self.reference.by_layer(), self.reference.parameters_by_layer()
        activations, layers = self.reference.activations_by_layer(), self.memory.layers
        nothing = LayerMemory(0, 0)
        rows = [
            {
                "layer": path,
                "count": counts.get(path, 0),
                "parameters": parameters.get(path, 0),
                "activations": activations.get(path, 0),
                "read_bytes": layers.get(path, nothing).read_bytes,
                "written_bytes": layers.get(path, nothing).written_bytes,
            }
            for path in self.reference.trace.modules
            if path in counts or path in parameters or path in layers
        ]
        return pd.DataFrame(rows, columns=_LAYER_COLUMNS, dtype=object)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show the totals as a small table."""
        title = Text(f"{self.model}, input {self.input}")
        table = Table(title=title, title_justify="left", show_header=False)
        table.add_row(f"{self.convention} ({self.unit})", f"{self.total:,}")
        table.add_row("parameters", f"{self.parameters:,}")
        table.add_row("activations", f"{self.activations:,}")
        table.add_row("memory read, written", f"{self.memory.read_bytes:,} B, {self.memory.written_bytes:,} B")
        if self.uncovered:
            names = ", ".join(f"{name} ×{number}" for name, number in self.uncovered.items())
            table.add_row("without a formula", Text(names))
        if self.uncalled:
            table.add_row("modules that never ran", f"{len(self.uncalled)}")
        yield table


_LAYER_COLUMNS = ("layer", "count", "parameters", "activations", "read_bytes", "written_bytes")


@dataclass(frozen=True)
class Comparison:
    """What tools say of one model, each reconciled with the native count.

    ``reconciliations`` is keyed by tool and metric; ``errors`` holds one sentence for each tool that said nothing.
    """

    count: ModelCount
    reconciliations: Mapping[tuple[str, str], Reconciliation]
    errors: Mapping[str, str]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each tool and metric: value, reference, difference, explained, residual."""
        rows = [
            {
                "tool": tool,
                "metric": metric,
                "unit": item.unit,
                "value": item.value,
                "reference": item.reference,
                "difference": item.difference,
                "explained": item.explained,
                "residual": item.residual,
            }
            for (tool, metric), item in self.reconciliations.items()
        ]
        return pd.DataFrame(rows, dtype=object)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show a waterfall for each tool, and the errors."""
        for (tool, metric), item in self.reconciliations.items():
            if metric == "compute":
                yield explain(self.count.model, self.count.input, tool, item)
        for tool, error in self.errors.items():
            yield Text(f"{tool}: {error}")


def count(
    model: nn.Module | str,
    inputs: Inputs = None,
    *,
    convention: str = DEFAULT_CONVENTION,
    mode: Mode = "eval",
    seed: int = 0,
    strict: bool = False,
) -> ModelCount:
    """Count a model on tensors without data. The model and its inputs are left as they were found.

    Args:
        model: A module, or a name as on the command line (``"resnet50"``, ``"package.module:callable"``).
        inputs: What the model is called with; a model of the zoo knows its own.
        convention: The name of a convention, or the path of a YAML file with one.
        mode: ``eval`` or ``train``, whatever mode the module is in.
        seed: Makes the values of a named model and its inputs, where control flow reads them.
        strict: Whether an operator without a formula, or a module that never ran, is an error.

    Raises:
        ReconcileError: An unknown name, missing inputs, or a model that raises.
        CoverageError: ``strict``, and the count leaves something out.
    """
    chosen = load_convention(convention)
    name, found, described = _trace(model, inputs, mode, COUNTING, seed)
    counted = count_trace(found, chosen)
    if strict:
        require_coverage(counted)
    return ModelCount(name, described, counted, seed)


def compare(
    model: nn.Module | str,
    inputs: Inputs = None,
    *,
    tools: Sequence[str] = MAIN_TOOLS,
    convention: str = DEFAULT_CONVENTION,
) -> Comparison:
    """Run tools on copies of a model, in eval mode, and reconcile each with the native count.

    The tools run in this process, one after another; a run of the command line gives each a process of its own.

    Raises:
        ReconcileError: As :func:`count`; an unknown tool.
    """
    checked = [_installed_here(item) for item in columns(tools)]
    name, found, described = _trace(model, inputs, "eval", EVERYTHING)
    counted = ModelCount(name, described, count_trace(found, load_convention(convention)))
    reconciliations: dict[tuple[str, str], Reconciliation] = {}
    errors: dict[str, str] = {}
    for tool, tools_adapter in checked:
        try:
            with torch.random.fork_rng(devices=[]):
                built = _fresh(model, inputs, reads_data=counted.reference.trace.execution == "real")
                report = tools_adapter.measure(built.module, built.args, built.kwargs)
            reconciled = reconcile_measurements(tool, report.measurements, counted.reference)
        except Exception as error:  # a tool may raise anything; it says so in its place
            errors[tool] = describe_exception(error)
            continue
        reconciliations |= {(tool, metric): item for metric, item in reconciled.items()}
    return Comparison(counted, reconciliations, errors)


@dataclass(frozen=True)
class AuditResult:
    """What an audit of published numbers found."""

    found: Audit

    @property
    def verdicts(self) -> Mapping[str, int]:
        """How many numbers have each verdict."""
        return self.found.verdicts

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each claim in the order given: its own columns, then those of ``verdicts.csv``."""
        table = verdicts_table(self.found)
        return pd.DataFrame(table.rows, columns=list(table.columns), dtype=object)

    def to_html(self, path: str | Path) -> None:
        """Write the audit as one page that needs nothing else.

        Raises:
            ReconcileError: The file cannot be written.
        """
        from reconcile.report.audit_page import audit_page  # noqa: PLC0415  # it brings a template engine with it

        try:
            Path(path).write_text(audit_page(self.found), encoding="utf-8", errors="backslashreplace", newline="\n")
        except OSError as error:
            raise ReconcileError(f"{path} cannot be written: {error.strerror or error}.") from error

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show how many numbers have each verdict, and those that are out of line."""
        yield audit_summary(self.found)


def audit(
    claims: str | Path | pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    *,
    own_models: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> AuditResult:
    """Audit published numbers: what each counts, and whether it is right.

    Args:
        claims: A claims file, a part of the registry (``papers``, ``repositories``, ``torchvision``), rows with at
            least ``model``, ``value`` and ``unit``, or nothing for the whole registry.
        own_models: Whether models of one's own that the rows name, ``package.module:callable``, are imported and
            built, which runs their code.
        progress: Called with each claim's model when it is looked at.

    Raises:
        ReconcileError: There is no such file, or it is no table of claims.
    """
    return AuditResult(audit_claims(_rows_of(claims), progress=progress, own_models=own_models))


def _rows_of(claims: str | Path | pd.DataFrame | Iterable[Mapping[str, Any]] | None) -> Sequence[Claim | BadRow]:
    if claims is None or isinstance(claims, str):
        return claims_by_name(claims)
    if isinstance(claims, Path):
        return read_claims(claims)
    rows = claims.to_dict("records") if isinstance(claims, pd.DataFrame) else claims
    return read_rows({str(key): value for key, value in row.items()} for row in rows)


def _installed_here(column: Column) -> tuple[str, Adapter]:
    if column.environment is not None:
        raise ReconcileError(
            f"{column.name} is in an environment of its own, which this process cannot enter: use 'reconcile run'."
        )
    return column.name, column.adapter


def _trace(model: nn.Module | str, inputs: Inputs, mode: Mode, detail: Detail, seed: int = 0) -> tuple[str, Trace, str]:
    if isinstance(model, str) and (inputs is None or isinstance(inputs, str)):
        return model, *trace_spec(_spec(model, inputs, mode), seed, detail=detail)
    if not isinstance(model, (str, nn.Module)):
        raise ReconcileError(f"a model is a torch.nn.Module or a name, not {_described(model)}.")
    args, kwargs = _arguments(inputs, seed)
    described = describe_inputs(args, kwargs)
    if isinstance(model, str):
        spec = _spec(model, inputs, mode)
        found = trace(build(spec, seed=seed).module, args, kwargs, mode, detail=detail)
        if found.execution == "real":  # its values matter
            found = trace(build(spec, seed=seed, parameters="random").module, args, kwargs, mode, detail=detail)
        return model, found, described
    return type(model).__name__, trace(model, args, kwargs, mode, detail=detail), described


def _described(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _fresh(model: nn.Module | str, inputs: Inputs, *, reads_data: bool) -> BuiltModel:
    """Return a model that no tool has touched, in eval mode, and its inputs."""
    if isinstance(model, str):
        built = build(_spec(model, inputs, "eval"), parameters="random" if reads_data else "zeros")
        if inputs is None or isinstance(inputs, str):
            return built
    args, kwargs = map_tensors(_arguments(inputs), _copied)
    module = built.module if isinstance(model, str) else real_copy(model).eval()
    return BuiltModel(module, args, kwargs, describe_inputs(args, kwargs))


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone()


def _spec(name: str, inputs: Inputs, mode: Mode) -> ModelSpec:
    """The model of a name, built for the shapes of the inputs that it is to be given."""
    if inputs is None:
        return resolve(name, None, mode)
    args, kwargs = _arguments(inputs)
    shapes = InputSpec(
        tuple(TensorInput.of(value) for value in args if isinstance(value, torch.Tensor)),
        tuple((key, TensorInput.of(value)) for key, value in kwargs.items() if isinstance(value, torch.Tensor)),
    )
    return resolve(name, parse_inputs([inputs]) if isinstance(inputs, str) else shapes, mode)


def _arguments(inputs: Inputs, seed: int = 0) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if inputs is None:
        return (), {}
    if isinstance(inputs, str):
        return parse_inputs([inputs]).make(seed=seed)
    if isinstance(inputs, torch.Tensor):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, tuple) and hasattr(inputs, "_fields"):  # one value with names, such as a PackedSequence
        return (inputs,), {}
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    raise ReconcileError(f"inputs must be a tensor, a tuple, a dictionary or a shape, not {type(inputs).__name__}.")
