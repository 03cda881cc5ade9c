"""Parameters of modules, as tensors and as counting numbers."""

from __future__ import annotations

from torch import nn

from tests.truth.arrays import Array, array
from tests.truth.cases import values
from tests.truth.numbers import Tally


def filled(module: nn.Module) -> nn.Module:
    """Give a module parameters that are the same each time, in double precision."""
    for seed, parameter in enumerate(module.double().parameters()):
        parameter.data.copy_(values(*parameter.shape, seed=seed))
    return module


def lifted(module: nn.Module, tally: Tally) -> dict[str, Array]:
    return {name: array(parameter.detach(), tally) for name, parameter in module.named_parameters()}
