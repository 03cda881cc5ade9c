"""Facts about a process that a tool could change for the model after it, each under a name."""

from __future__ import annotations

import gc
import hashlib
import inspect
import os
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules import module as modules
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from tests import networks


def facts() -> dict[str, Any]:
    """All facts. Functions are told apart by where they lie in memory, which is the same in all forked processes."""
    return {
        "calls of modules": _calls(),
        "functions of torch": _functions(torch),
        "functions of torch.nn.functional": _functions(F),
        "functions of torch.nn.init": _functions(nn.init),
        "methods of tensors": _functions(torch._C.TensorBase) | _functions(torch.Tensor),
        "hooks on all modules": {name: len(value) for name, value in vars(modules).items() if _is_hooks(name)},
        "scopes of torch.jit": repr(torch.jit._trace._trace_module_map),
        "default type": str(torch.get_default_dtype()),
        "default device": str(torch.get_default_device()),
        "autograd": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "modes": (len(_get_current_dispatch_mode_stack()), len(_get_current_function_mode_stack())),
        "random state of torch": _digest(torch.random.get_rng_state().numpy().tobytes()),
        "random state of Python": _digest(repr(random.getstate()).encode()),
        "random state of numpy": _digest(repr(np.random.get_state()).encode()),
        "threads": torch.get_num_threads(),
        "filters of warnings": repr(warnings.filters),
        "garbage collection": gc.isenabled(),
        "import path": tuple(sys.path),
        "environment": dict(os.environ),
        "outputs": (id(sys.stdout), id(sys.stderr)),
        "a new model": _new_model(),
    }


def _calls() -> dict[str, int]:
    """Where the call and the forward method of each class of modules lie."""
    return {
        f"{cls.__module__}.{cls.__qualname__}.{name}": id(inspect.getattr_static(cls, name))
        for cls in _below(nn.Module)
        for name in ("__call__", "_call_impl", "forward", "register_forward_hook")
    }


def _below(cls: type) -> Iterator[type]:
    yield cls
    for below in cls.__subclasses__():
        yield from _below(below)


def _functions(owner: Any) -> dict[str, int]:
    return {name: id(value) for name, value in vars(owner).items() if callable(value)}


def _is_hooks(name: str) -> bool:
    return name.startswith("_global_") and name.endswith("_hooks")


def _new_model() -> dict[str, Any]:
    """What a model is that is built now: mode, parameters, statistics, hooks, and what it puts out."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = networks.Convolutional()
        before = _state(model)
        with torch.no_grad():
            output = model.eval()(torch.ones(1, 3, 8, 8))
    return {
        "as it was built": before,
        "when it has run": _state(model),
        "output": _content(output),
        "requires gradients": [parameter.requires_grad for parameter in model.parameters()],
    }


def _state(model: nn.Module) -> dict[str, Any]:
    return {
        "attributes": [sorted(vars(layer)) for layer in model.modules()],
        "training": [layer.training for layer in model.modules()],
        "hooks": [len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in model.modules()],
        "values": {name: _content(value) for name, value in model.state_dict().items()},
    }


def _content(tensor: torch.Tensor) -> str:
    return "none" if tensor.is_meta else _digest(tensor.detach().numpy().tobytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
