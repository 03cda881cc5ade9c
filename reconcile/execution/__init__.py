"""Running a model with its arithmetic or without, and what its control flow read."""

from reconcile.execution.arithmetic import Question, WithoutArithmetic
from reconcile.execution.kernels import is_told, kernel_result, normalized_batch
from reconcile.execution.readings import Reading, Readings, ValuesNeededError, reading_of
from reconcile.execution.shapes import warm_up
from reconcile.execution.values import Origin, is_composed, mark, origin_of, tensors_in, written_by

__all__ = [
    "Origin",
    "Question",
    "Reading",
    "Readings",
    "ValuesNeededError",
    "WithoutArithmetic",
    "is_composed",
    "is_told",
    "kernel_result",
    "mark",
    "normalized_batch",
    "origin_of",
    "reading_of",
    "tensors_in",
    "warm_up",
    "written_by",
]
