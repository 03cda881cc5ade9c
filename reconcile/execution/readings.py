"""What control flow reads from tensors: recorded in a real run of a model, given again in one without arithmetic.

A model's control flow can see values only through operators that return something of another shape, or no tensor at
all, for other values: ``nonzero``, ``item``, a mask as an index, non-maximum suppression. What these returned, by
shape, is all that a run needs in order to take the same way again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from reconcile.execution.shapes import NEW, UnknownShapeError, layout_of, map_leaves
from reconcile.execution.values import Origin, tensors_in

Shape = tuple[int, ...]


@dataclass(frozen=True)  # without slots: thousands travel between processes, and pickle takes those faster
class Reading:
    """One operator that read values: its name, the shapes that it was given, and what it returned without the data.

    ``returned`` has layouts where tensors came back, and plain values as they are.
    """

    operator: str
    given: tuple[Shape, ...]
    returned: Any


Readings = tuple[Reading, ...]
"""What one forward pass read, in order."""


class ValuesNeededError(Exception):
    """A run without arithmetic met something that reads values which nobody knows, or that cannot be told from shapes.

    In a recorded run: what was read cannot be given again.
    """


class RecordedReadings:
    """The readings of one real run, given again once, in order: a model that runs twice may read something else."""

    def __init__(self, readings: Readings) -> None:
        """Give these."""
        self._readings = readings
        self._next = 0

    @property
    def recorded(self) -> bool:
        """Whether the real run read anything."""
        return bool(self._readings)

    def take(self, func: torch._ops.OpOverload, given: Sequence[torch.Tensor], origin: Origin) -> Reading:
        """Return what the operator read in the real run.

        Raises:
            ValuesNeededError: The real run did not read this here, or each run reads something else.
        """
        if origin is Origin.ARBITRARY:
            raise ValuesNeededError(f"{func} reads values that differ from run to run")
        if self._next >= len(self._readings):
            raise ValuesNeededError(f"{func} reads values")
        expected = self._readings[self._next]
        if (expected.operator, expected.given) != (str(func), _shapes(given)):
            raise ValuesNeededError(f"{func} reads values that the real run did not read there")
        self._next += 1
        return expected

    def check_finished(self) -> None:
        """Make sure that the model took the recorded way to its end.

        Raises:
            ValuesNeededError: It did not.
        """
        if self._next != len(self._readings):
            raise ValuesNeededError("the real run read more values")


def reads_values(func: torch._ops.OpOverload, args: Sequence[Any]) -> bool:
    """Whether an operator of torch returns a plain value, or a shape that depends on values, or may raise for some."""
    if func in _BY_MASK:
        return any(tensor.dtype in _MASKS for tensor in tensors_in(args[1:2]))
    return func in _READS or bool(_TAGS & set(func.tags)) or _only_checks(func)


def reading_of(
    func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], origin: Origin, output: Any
) -> Reading | None:
    """Return what an operator read, from its result; None where it reads nothing, or only what the code states.

    Of operators that are not torch's own one cannot tell, so all are kept.

    Raises:
        ValuesNeededError: It cannot be given again.
    """
    if origin is Origin.STATED or (func.namespace == "aten" and not reads_values(func, args)):
        return None
    if origin is Origin.ARBITRARY:
        raise ValuesNeededError(f"{func} reads values that differ from run to run")
    given = list(tensors_in((*args, *kwargs.values())))
    places = {id(tensor): place for place, tensor in enumerate(given)}

    def kept(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return layout_of(value, places.get(id(value), NEW))
        if value is None or isinstance(value, (bool, int, float, complex, str)):
            return value
        raise ValuesNeededError(f"{func} returns a value of type {type(value).__name__}")

    try:
        return Reading(str(func), _shapes(given), map_leaves(output, kept))
    except UnknownShapeError as error:
        raise ValuesNeededError(f"{func} returns {error}") from error


@cache
def _only_checks(func: torch._ops.OpOverload) -> bool:
    """Whether the operator neither returns nor writes anything: all that it can do is to raise."""
    schema = func._schema
    return not schema.returns and not any(argument.alias_info for argument in schema.arguments)


_TAGS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
_MASKS = (torch.bool, torch.uint8)
_BY_MASK = (torch.ops.aten.index.Tensor,)
_READS = {torch.ops.aten.is_nonzero.default}


def _shapes(tensors: Sequence[torch.Tensor]) -> tuple[Shape, ...]:
    return tuple(tuple(tensor.shape) for tensor in tensors)
