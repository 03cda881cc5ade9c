"""What a run has found so far, kept as it is found: by model and tool, in memory and in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from reconcile.diff import Reconciliation
from reconcile.jobs.result import MeasuredCell, ModelReference
from reconcile.run import records
from reconcile.run.config import Execution, Plan
from reconcile.run.folder import RunFolder
from reconcile.run.keys import TORCH, measurement_key, reconciliation_key, reference_key
from reconcile.run.store import Report, Store, Stored
from reconcile.tools import column
from reconcile.zoo import ModelSpec

Record = TypeVar("Record")


class Results:
    """Reads and writes the results of one run, and takes over what earlier runs beside it have found.

    ``source`` is the digest of a user's own model, empty for those of a zoo.
    """

    def __init__(self, plan: Plan, folder: RunFolder, report: Report, *, reuse: bool) -> None:
        """Open the stores of a run; ``reuse`` says whether what earlier runs found is taken over."""
        self._plan, self._run_id = plan, folder.run_id
        self._measurements, self._references, self._reconciliations = (
            folder.store(kind, report, reuse=reuse) for kind in ("measurements", "references", "reconciliations")
        )
        self._digests: dict[str, str] = {}
        self._measured_here: set[str] = set()

    def measurement(self, spec: ModelSpec, source: str, tool: str, execution: Execution) -> MeasuredCell | None:
        """Return what a tool said, if it is known."""
        key = self._measurement_key(spec, source, tool, execution)
        stored = self._measurements.read(key) or self._measurements.take_over(key, _is_lasting)
        return _parsed(self._measurements, key, stored, lambda stored: self._known(key, stored))

    def knows(self, spec: ModelSpec, source: str, tool: str, execution: Execution) -> bool:
        """Whether what a tool says is known. Changes nothing."""
        return self._measurements.has(self._measurement_key(spec, source, tool, execution), _is_lasting)

    def was_measured_here(self, spec: ModelSpec, source: str, tool: str, execution: Execution) -> bool:
        """Whether this run itself has measured what is known, now or before it was interrupted."""
        return self._measurement_key(spec, source, tool, execution) in self._measured_here

    def keep_measurement(
        self, spec: ModelSpec, source: str, tool: str, execution: Execution, cell: MeasuredCell
    ) -> MeasuredCell:
        """Store what a tool said; return it as it is to be reported."""
        facts = {**self._facts(spec), "tool": tool, "tool_version": column(tool).version}
        key = self._measurement_key(spec, source, tool, execution)
        try:
            table = records.measurement_table(cell, facts)
        except records.TooLargeError:
            error = f"{tool} on {spec.name}: the tool returned a number of more than 63 bits, which is no count."
            cell = MeasuredCell("failed", cell.execution, cell.inputs, cell.seconds, cell.peak_rss_mb, error=error)
            table = records.measurement_table(cell, facts)
        return self._known(key, self._measurements.write(key, table))

    def discard_measurement(self, spec: ModelSpec, source: str, tool: str, execution: Execution) -> None:
        """Set a measurement aside that turned out to be wrong."""
        self._measurements.discard(self._measurement_key(spec, source, tool, execution))

    def reference(self, spec: ModelSpec, source: str) -> ModelReference | None:
        """Return the native count of a model, if it is known."""
        key = self._reference_key(spec, source)
        stored = self._references.read(key) or self._references.take_over(key, _is_without_error)
        return _parsed(self._references, key, stored, lambda stored: records.model_reference(stored.table))

    def keep_reference(self, spec: ModelSpec, source: str, reference: ModelReference) -> None:
        """Store the native count of a model; one of more than 63 bits is counted again next time."""
        facts = {**self._facts(spec), "convention": self._plan.convention.name}
        with suppress(records.TooLargeError):
            table = records.reference_table(reference, facts)
            self._references.write(self._reference_key(spec, source), table)

    def reconciliation(self, spec: ModelSpec, source: str, tool: str) -> dict[str, Reconciliation] | None:
        """Return what a measurement of this run was reconciled to, if it is known."""
        key = self._reconciliation_key(spec, source, tool)
        stored = self._reconciliations.read(key) or self._reconciliations.take_over(key, lambda _: True)
        return _parsed(self._reconciliations, key, stored, lambda stored: records.reconciliations(stored.table))

    def keep_reconciliation(
        self, spec: ModelSpec, source: str, tool: str, found: Mapping[str, Reconciliation], inputs: str
    ) -> None:
        """Store a reconciliation; one with numbers of more than 63 bits is made again next time."""
        facts = {**self._facts(spec), "input": inputs, "tool": tool}
        with suppress(records.TooLargeError):
            table = records.reconciliation_table(found, facts)
            self._reconciliations.write(self._reconciliation_key(spec, source, tool), table)

    def _known(self, key: str, stored: Stored) -> MeasuredCell:
        self._digests[key] = stored.digest
        if stored.table.column("run_id")[0].as_py() == self._run_id:
            self._measured_here.add(key)
        return records.measured_cell(stored.table)

    def _facts(self, spec: ModelSpec) -> dict[str, Any]:
        return {
            "run_id": self._run_id,
            "model": spec.name,
            "mode": spec.mode,
            "seed": self._plan.seed,
            "torch": TORCH,
        }

    def _measurement_key(self, spec: ModelSpec, source: str, tool: str, execution: Execution) -> str:
        return measurement_key(spec, source, tool, self._plan.seed, execution)

    def _reference_key(self, spec: ModelSpec, source: str) -> str:
        return reference_key(spec, source, self._plan.seed, self._plan.convention)

    def _reconciliation_key(self, spec: ModelSpec, source: str, tool: str) -> str:
        measured = self._digests[self._measurement_key(spec, source, tool, self._plan.execution)]
        rulebook = self._plan.rulebooks.get(tool)
        return reconciliation_key(self._reference_key(spec, source), measured, tool, rulebook)


def _parsed(store: Store, key: str, stored: Stored | None, parse: Callable[[Stored], Record]) -> Record | None:
    """Read a result; one that is none is set aside."""
    if stored is None:
        return None
    try:
        return parse(stored)
    except (TypeError, ValueError):
        store.refuse(key)
        return None


def _is_lasting(stored: Stored) -> bool:
    """Whether a cell would end the same way again: not if it failed, ran out of time or died."""
    return stored.table.column("status")[0].as_py() in ("ok", "unsupported")


def _is_without_error(stored: Stored) -> bool:
    return not stored.table.column("error")[0].as_py()
