"""Where a tensor's values come from: whether they follow from numbers that the code states, without the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import Any

import torch


class Origin(IntEnum):
    """Where values come from. What is made of several has the last of theirs.

    ``STATED`` values are constants, ranges, integers that the model was given, and what is made of these alone.
    ``COMPUTED`` ones are made of parameters or inputs, the same in each run. ``ARBITRARY`` ones depend on the state of
    a random generator, or were never written: each run has its own.
    """

    STATED = 0
    COMPUTED = 1
    ARBITRARY = 2


def origin_of(
    func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], given: Sequence[torch.Tensor]
) -> Origin:
    """Return where the values come from that an operator is about to return."""
    if _allocates(func) or (_is_random(func) and _drops(func, args, kwargs)):
        return Origin.ARBITRARY
    if func in _OVERWRITES and _is_whole(given[0]):
        given = given[1:]
    elif func is torch.ops.aten.lift_fresh.default and _is_unmarked(given[0]):
        return Origin.STATED  # torch has made it of plain numbers
    origin = Origin.STATED
    for tensor in given:
        origin = max(origin, _origin_of_tensor(tensor))
    return origin


def mark(tensors: Sequence[torch.Tensor], origin: Origin) -> None:
    """Note where values come from. Tensors that share memory share their origin."""
    for tensor in tensors:
        storage = storage_of(tensor)
        if storage is not None:
            storage._reconcile_origin = origin  # type: ignore[attr-defined]  # kept with the memory


def written_by(func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> list[Any]:
    """Return the tensors whose memory an operator wrote: what it returns, and what it was given to write into."""
    writes = _written_arguments(func)
    if func is torch.ops.aten.native_batch_norm.default and args[5]:
        writes = ((3, "running_mean"), (4, "running_var"))  # in training; its schema does not say so
    values = [args[position] if position < len(args) else kwargs.get(name) for position, name in writes]
    return list(tensors_in((*values, output)))


@cache
def is_composed(func: torch._ops.OpOverload) -> bool:
    """Whether torch composes the operator of others; it arrives whole only under ``inference_mode``."""
    return bool(
        torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), torch._C.DispatchKey.CompositeImplicitAutograd)
    )


def storage_of(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """Return the memory behind a tensor; None for those that are not one block of memory."""
    if tensor.layout is not torch.strided or tensor.is_nested:
        return None
    return tensor.untyped_storage()


def tensors_in(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    """Yield the tensors in an operator's arguments or results."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from tensors_in(value)


def _origin_of_tensor(tensor: torch.Tensor) -> Origin:
    """Of what comes from elsewhere (parameters, buffers, inputs), the integers are known: they are real in any run."""
    storage = storage_of(tensor)
    if storage is None:
        return Origin.COMPUTED
    origin = getattr(storage, "_reconcile_origin", None)
    if origin is None:
        return Origin.STATED if tensor.dtype in _INTEGERS else Origin.COMPUTED
    return Origin(origin)


def _is_unmarked(tensor: torch.Tensor) -> bool:
    storage = storage_of(tensor)
    return storage is not None and not hasattr(storage, "_reconcile_origin")


def _is_whole(tensor: torch.Tensor) -> bool:
    """Whether a tensor is all that lies in its memory."""
    storage = storage_of(tensor)
    return storage is not None and tensor.is_contiguous() and storage.nbytes() == tensor.nbytes


@cache
def _allocates(func: torch._ops.OpOverload) -> bool:
    """Whether the operator returns memory that nobody has written.

    ``empty`` is none of these: torch calls it itself where it writes plain numbers into the memory next.
    """
    return func.namespace == "aten" and func._opname in ("empty_like", "new_empty", "new_empty_strided")


@cache
def _is_random(func: torch._ops.OpOverload) -> bool:
    return torch.Tag.nondeterministic_seeded in func.tags


def _drops(func: torch._ops.OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a random operator is one in this call: attention is, if it has a dropout other than 0."""
    for position, argument in enumerate(func._schema.arguments):
        if argument.name == "dropout_p":
            given = args[position] if position < len(args) else kwargs.get(argument.name, argument.default_value)
            return bool(given != 0)
    return True


@cache
def _written_arguments(func: torch._ops.OpOverload) -> tuple[tuple[int, str], ...]:
    return tuple(
        (position, argument.name)
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


_INTEGERS = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
_OVERWRITES = {
    torch.ops.aten.zero_.default,
    torch.ops.aten.fill_.Scalar,
    torch.ops.aten.fill_.Tensor,
    torch.ops.aten.copy_.default,
}
"""Operators that write all of their first argument and do not read it."""
