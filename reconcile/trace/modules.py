"""The model as it is built: its modules and parameters, with their owners, whether they run or not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from reconcile.trace.packed import packed_parameters
from reconcile.trace.tree import ROOT, ModuleInfo, ParameterInfo, Value


def describe_modules(model: nn.Module) -> dict[str, ModuleInfo]:
    """Describe every module once, by its first path, in the model's order."""
    first_path = {module: path for path, module in model.named_modules()}
    first_name = {id(parameter): name for name, parameter in model.named_parameters()}
    last_path = _last_paths(model)
    visits: dict[nn.Module, list[str]] = {}
    for path, module in _visits(model, ROOT):
        visits.setdefault(module, []).append(path)
    return {
        path: ModuleInfo(
            path=path,
            type=type_name(type(module)),
            bases=tuple(type_name(base) for base in type(module).__mro__[1:] if issubclass(base, nn.Module)),
            parameters={name: first_name[id(parameter)] for name, parameter in module.named_parameters(recurse=False)}
            | {name: _joined(path, name) for name in packed_parameters(module)},
            children=tuple(first_path[child] for child in module.children()),
            visits=tuple(visits[module]),
            last_path=last_path[module],
            training=module.training,
            attributes=dict(_plain_attributes(module)),
        )
        for module, path in first_path.items()
    }


def describe_parameters(model: nn.Module) -> dict[str, ParameterInfo]:
    """Describe every parameter once, by its first name, in the model's order."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    found = {
        name: ParameterInfo(
            name=name,
            shape=() if is_lazy(parameter) else tuple(parameter.shape),
            dtype=plain_name(parameter.dtype),
            trainable=parameter.requires_grad,
            names=tuple(names[id(parameter)]),
        )
        for name, parameter in model.named_parameters()
    }
    for path, module in model.named_modules():
        for short, tensor in packed_parameters(module).items():
            name = _joined(path, short)
            found[name] = ParameterInfo(
                name, tuple(tensor.shape), plain_name(tensor.dtype), trainable=False, names=(name,), packed=True
            )
    return found


def type_name(cls: type) -> str:
    """Return a class's public name: ``torch.nn.Conv2d``, ``torchvision.ops.misc.Permute``, ``net.Block``."""
    if getattr(nn, cls.__name__, None) is cls:
        return f"torch.nn.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


@cache
def plain_name(value: torch.dtype | torch.device | torch.layout | torch.memory_format) -> str:
    """Return torch's name without its package: ``float32``."""
    return str(value).removeprefix("torch.")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _visits(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """Walk over children as ``Module.apply`` does: a module with two owners is reached twice."""
    yield path, module
    for name, child in module.named_children():
        yield from _visits(child, _joined(path, name))


def _last_paths(model: nn.Module) -> dict[nn.Module, str]:
    """Under which path a walk over all names reaches each module last: the first path of the same walk backwards."""
    found: dict[nn.Module, str] = {}

    def walk(module: nn.Module, path: str) -> None:
        for name, child in reversed(module._modules.items()):
            if child is not None and child not in found:
                walk(child, _joined(path, name))
        found[module] = path

    walk(model, ROOT)
    return found


def _plain_attributes(module: nn.Module) -> Iterator[tuple[str, Value]]:
    for name, value in vars(module).items():
        if not name.startswith("_") and name != "training" and _is_plain(value):
            yield name, tuple(value) if isinstance(value, list) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(isinstance(item, (bool, int, float, str)) for item in value)
    return isinstance(value, (bool, int, float, str, type(None)))
