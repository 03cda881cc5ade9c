"""Structural probes: small models that tell what a tool watches, rather than how it counts one layer.

Each has layers of known cost, so that the number of times that a tool counts one can be read off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

from reconcile.zoo import Mode

BATCHES = (1, 4)
"""Every structural probe is measured with one sample and with several."""

WIDTH = 7
"""Every layer that is counted has this many inputs and as many outputs."""


class _Linear(nn.Linear):
    """Another name for a known layer."""


class _Pointwise(nn.Conv2d):
    """Another name for a known layer."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Which layer the probes are made of, as a module, under another name, as a function and as an operator."""

    layer: Callable[[int, int], Any]
    subclass: Callable[[int, int], Any]
    function: Callable[[torch.Tensor, Any], torch.Tensor]
    operator: Callable[[torch.Tensor, Any], torch.Tensor]
    shape: tuple[int, ...]


Form = Literal["rows", "images"]

FORMS: Mapping[Form, Layers] = {
    "rows": Layers(
        nn.Linear,
        _Linear,
        lambda x, layer: F.linear(x, layer.weight, layer.bias),
        lambda x, layer: torch.ops.aten.linear.default(x, layer.weight, layer.bias),
        (WIDTH,),
    ),
    "images": Layers(
        lambda inputs, outputs: nn.Conv2d(inputs, outputs, 1),
        lambda inputs, outputs: _Pointwise(inputs, outputs, 1),
        lambda x, layer: F.conv2d(x, layer.weight, layer.bias),
        lambda x, layer: torch.ops.aten.conv2d.default(x, layer.weight, layer.bias),
        (WIDTH, 3, 2),
    ),
}
"""Linear layers on rows; for tools that take images only, the same as convolutions of single pixels."""


class Once(nn.Module):
    """One layer, called once."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.layers = layers
        self.layer = layers.layer(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class CalledThroughForward(Once):
    """The layer is called past its hooks."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer.forward(x)


class WeightUsed(Once):
    """A function is given the layer's weights; the layer itself never runs."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layers.function(x, self.layer)


class OperatorCalled(Once):
    """The operator is called past torch's public functions."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layers.operator(x, self.layer)


class CalledThreeTimes(Once):
    """One layer, called three times."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(self.layer(self.layer(x)))


class TwoOwners(nn.Module):
    """One layer below two parents, called through both."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        shared = layers.layer(WIDTH, WIDTH)
        self.left, self.right = nn.Sequential(shared), nn.Sequential(shared)

    def forward(self, x: torch.Tensor) -> Any:
        return self.left(x) + self.right(x)


class CalledByOneOwner(TwoOwners):
    """One layer below two parents, called through one of them."""

    def forward(self, x: torch.Tensor) -> Any:
        return self.left(x)


class Subclassed(nn.Module):
    """A subclass of a known layer."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.layer = layers.subclass(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x)


class WithChild(Once):
    """A layer of a known type that has a child, which never runs."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.layer.add_module("child", nn.Identity())


def _child_of_own_output(self: Any, x: torch.Tensor) -> Any:
    return self.child(type(self).forward(self, x))


def calling_its_child(layers: Layers) -> nn.Module:
    """A model that is itself a layer of a known type, and calls another that it has as its child."""
    layer = layers.layer(WIDTH, WIDTH)
    layer.child = layers.layer(WIDTH, WIDTH)
    layer.forward = MethodType(_child_of_own_output, layer)
    assert isinstance(layer, nn.Module)
    return layer


class CallsItsChild(Once):
    """A layer of a known type that calls another, which is its child."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.layer = calling_its_child(layers)


def a_layer_alone(layers: Layers) -> nn.Module:
    """A model that is itself a layer of a known type."""
    layer = layers.layer(WIDTH, WIDTH)
    assert isinstance(layer, nn.Module)
    return layer


class MoreInTraining(Once):
    """Calls a second layer in training mode."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.further = layers.layer(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> Any:
        found = self.layer(x)
        return self.further(found) if self.training else found


class NeverCalled(Once):
    """A layer beside it never runs."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.unused = layers.layer(WIDTH, 11)


class Frozen(Once):
    """A layer beside it runs, too, and is not trained."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.frozen = layers.layer(WIDTH, WIDTH).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> Any:
        return self.frozen(self.layer(x))


class Tied(Once):
    """Two layers share their weights, and both run."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.second = layers.layer(WIDTH, WIDTH)
        self.second.weight = self.layer.weight

    def forward(self, x: torch.Tensor) -> Any:
        return self.second(self.layer(x))


class ModelOwns(Once):
    """The model has a parameter of its own, beside a layer."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.own = nn.Parameter(torch.zeros(13))

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x) + self.own.sum()


class ContainerOwns(nn.Module):
    """A module below the model has a parameter of its own, beside a layer."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.part = ModelOwns(layers)

    def forward(self, x: torch.Tensor) -> Any:
        return self.part(x)


class _Scaling(nn.Module):
    """A layer of an unknown type, with parameters that are called otherwise than weight and bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.scale = nn.Parameter(torch.zeros(17))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight.sum() * self.scale.sum()


class OtherNames(Once):
    """Beside a layer runs one whose parameters have unusual names."""

    def __init__(self, layers: Layers) -> None:
        super().__init__(layers)
        self.scaling = _Scaling()

    def forward(self, x: torch.Tensor) -> Any:
        return self.scaling(self.layer(x))


NETWORKS: Mapping[str, tuple[Callable[[Layers], nn.Module], Mode]] = {
    "one layer": (Once, "eval"),
    "a layer called through .forward()": (CalledThroughForward, "eval"),
    "a function with a layer's weights": (WeightUsed, "eval"),
    "an operator with a layer's weights": (OperatorCalled, "eval"),
    "a layer called three times": (CalledThreeTimes, "eval"),
    "a layer with two owners, called by both": (TwoOwners, "eval"),
    "a layer with two owners, called by one": (CalledByOneOwner, "eval"),
    "a subclass of a known layer": (Subclassed, "eval"),
    "a layer with a child": (WithChild, "eval"),
    "a layer that calls its child": (CallsItsChild, "eval"),
    "a model that is one layer": (a_layer_alone, "eval"),
    "a model that is a layer and calls its child": (calling_its_child, "eval"),
    "more layers in training mode, in evaluation mode": (MoreInTraining, "eval"),
    "more layers in training mode, in training mode": (MoreInTraining, "train"),
    "a layer that never runs": (NeverCalled, "eval"),
    "a frozen layer": (Frozen, "eval"),
    "two layers with one weight": (Tied, "eval"),
    "a parameter of the model": (ModelOwns, "eval"),
    "a parameter of a container": (ContainerOwns, "eval"),
    "parameters with other names": (OtherNames, "eval"),
}
"""Every structural probe by what it is, and the mode in which the model is given to the tool."""

IN_EVALUATION, IN_TRAINING = (name for name, (make, _) in NETWORKS.items() if make is MoreInTraining)
"""The same model in both modes, in which it calls different layers."""


def network(name: str, batch: int, form: Form) -> tuple[nn.Module, torch.Tensor]:
    """Return a structural probe and its input, as an import path can name them."""
    layers = FORMS[form]
    return NETWORKS[name][0](layers), torch.rand(batch, *layers.shape)
