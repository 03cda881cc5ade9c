"""Jobs that leave something behind in their process, one for each fact; and what has changed in it then."""

from __future__ import annotations

import gc
import os
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import BaseTorchFunctionMode

from reconcile.jobs.worker import measure_as_documented
from reconcile.zoo import resolve
from tests.jobs.facts import facts


def _other(*_: Any, **__: Any) -> Any:
    return None


def _train_statistics() -> None:
    forward = nn.BatchNorm2d.forward

    def trains(layer: Any, x: torch.Tensor) -> torch.Tensor:
        layer.train()
        return forward(layer, x)

    nn.BatchNorm2d.forward = trains  # type: ignore[method-assign]  # what leaks is a patched method


def _enter_mode() -> None:
    BaseTorchFunctionMode().__enter__()


LEAKS: dict[str, Callable[[], object]] = {
    "calls of modules": lambda: setattr(nn.Dropout3d, "__call__", _other),
    "functions of torch": lambda: setattr(torch, "addbmm", _other),
    "functions of torch.nn.functional": lambda: setattr(F, "mish", _other),
    "functions of torch.nn.init": lambda: setattr(nn.init, "dirac_", _other),
    "methods of tensors": lambda: setattr(torch.Tensor, "addbmm", _other),
    "hooks on all modules": lambda: nn.modules.module.register_module_forward_hook(_other),
    "scopes of torch.jit": lambda: setattr(torch.jit._trace, "_trace_module_map", {}),
    "default type": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "autograd": lambda: torch.set_grad_enabled(False),
    "modes": _enter_mode,
    "random state of torch": lambda: torch.rand(1),
    "random state of Python": random.random,
    "random state of numpy": np.random.random,
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "filters of warnings": lambda: warnings.simplefilter("always"),
    "garbage collection": gc.disable,
    "import path": lambda: sys.path.append("somewhere"),
    "environment": lambda: os.environ.update(SOMETHING="else"),
    "outputs": lambda: setattr(sys, "stdout", sys.stderr),
    "a new model": _train_statistics,
}
"""For each fact, what changes it."""


def changed_by_leak(name: str) -> set[str]:
    """Leak one thing; return the facts that it has changed in this process."""
    before = facts()
    LEAKS[name]()
    return changed(before, facts())


def changed_by_tool(tool: str, model: str) -> tuple[str, set[str]]:
    """Run a tool; return the cell's status, and the facts that have changed in this process."""
    before = facts()
    status = measure_as_documented(resolve(model), tool).status
    return status, changed(before, facts())


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Names of facts that are no longer the same."""
    return {name for name in before if before[name] != after[name]}
