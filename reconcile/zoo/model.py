"""The name of a model on the command line, and the model that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, get_args

import torch
from torch import nn

from reconcile.errors import ModelError, ReconcileError, describe_exception, did_you_mean
from reconcile.zoo import import_path, timm_zoo, torchvision_zoo
from reconcile.zoo.arguments import Plain, join_arguments, split_arguments
from reconcile.zoo.initialization import Device, Initialization
from reconcile.zoo.inputs import InputSpec, describe_inputs

Mode = Literal["eval", "train"]


class Zoo(Protocol):
    """What a library's models need: a module of its own, such as ``torchvision_zoo``, whose names are whole names."""

    @property
    def LIBRARY(self) -> str:  # noqa: N802  # a constant of a module
        """The distribution, which is imported by the same name."""

    @property
    def REFUSED(self) -> tuple[str, ...]:  # noqa: N802  # a constant of a module
        """How arguments begin that would load something."""

    def all_names(self) -> tuple[str, ...]:
        """Names of all models, in alphabetical order."""

    def is_name(self, name: str, /) -> bool:
        """Whether there is such a model."""

    def default_inputs(self, name: str, arguments: Mapping[str, Plain], /) -> InputSpec:
        """Return the inputs that the library states for a model built with these arguments."""

    def build(
        self,
        name: str,
        arguments: Mapping[str, Plain],
        inputs: InputSpec,
        device: Device,
        parameters: Initialization,
    ) -> nn.Module:
        """Build a model for inputs, without weights."""


def check_mode(mode: str) -> None:
    """Check that a mode is one.

    Raises:
        ReconcileError: It is not.
    """
    if mode not in get_args(Mode):
        raise ReconcileError(f"unknown mode '{mode}': choose eval or train.")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model: its name with its builder's arguments, its inputs where the caller gives them, and the mode."""

    name: str
    inputs: InputSpec | None = None
    mode: Mode = "eval"

    def __post_init__(self) -> None:
        """Check the mode."""
        check_mode(self.mode)

    @property
    def is_own(self) -> bool:
        """Whether it is a user's own model, named by an import path, rather than one of a zoo."""
        return ":" in self.base

    @property
    def base(self) -> str:
        """The name without arguments."""
        return split_arguments(self.name)[0]

    @property
    def arguments(self) -> dict[str, Plain]:
        """The arguments for the builder, by keyword."""
        return split_arguments(self.name)[1]

    @property
    def library(self) -> str | None:
        """The distribution that the model comes from, imported by the same name; None if it is a user's own."""
        return None if self.is_own else _zoo(self.base).LIBRARY


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """A model ready to be called as ``module(*args, **kwargs)``, and its inputs in words."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: str


def resolve(name: str, inputs: InputSpec | None = None, mode: Mode = "eval") -> ModelSpec:
    """Check a model's name without building it.

    Raises:
        ReconcileError: No such model (with the nearest names), an import path whose module cannot be found, or a name
            of a library that is not installed.
    """
    base, arguments = split_arguments(name)
    zoo = _zoo(base)
    if ":" in base:
        import_path.check(base)
    elif not zoo.is_name(base):
        raise ReconcileError(f"unknown model '{base}'{did_you_mean(base, zoo.all_names())}")
    elif refused := sorted(key for key in arguments if key.startswith(zoo.REFUSED)):
        raise ReconcileError(f"{name}: '{refused[0]}' cannot be given, since nothing is downloaded.")
    return ModelSpec(join_arguments(base, arguments), inputs, mode)


def expand(pattern: str) -> tuple[str, ...]:
    """Return the models that a pattern matches; any other name is itself.

    ``resnet*`` is a pattern for torchvision's models, ``timm/resnet*`` one for timm's.

    Raises:
        ReconcileError: A pattern that matches nothing, or one for a library that is not installed.
    """
    if "(" in pattern or ":" in pattern or not set(pattern) & set("*?["):
        return (pattern,)
    zoo = _zoo(pattern)
    names = tuple(name for name in zoo.all_names() if fnmatchcase(name, pattern))
    if not names:
        raise ReconcileError(f"no model of {zoo.LIBRARY} matches '{pattern}'.")
    return names


def build(
    spec: ModelSpec,
    device: Device = "cpu",
    seed: int = 0,
    *,
    parameters: Initialization = "zeros",
) -> BuiltModel:
    """Build the model and its inputs, in the spec's mode, without downloading anything.

    On ``meta`` a model of a zoo holds no data at all; on ``cpu`` its ``parameters`` are zeros, random numbers of the
    seed, or memory as it comes. A user's own model is built as its code says.

    Raises:
        ReconcileError: No inputs are known, or an import path does not lead to a model.
        ModelError: The code that builds the model raised, or there is no memory for the inputs.
    """
    if spec.is_own:
        module, given = import_path.load(spec.base, spec.arguments)
        if spec.inputs is None and given is None:
            raise ReconcileError(
                f"{spec.name} returns a model without inputs: say which with --input, as in --input 1x3x224x224."
            )
        args, kwargs = given or ((), {})
        if spec.inputs is not None:
            args, kwargs = _make(spec, spec.inputs, "cpu", seed)
    else:
        zoo = _zoo(spec.base)
        inputs = spec.inputs or default_inputs(spec.name)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = zoo.build(spec.base, spec.arguments, inputs, device, parameters)
        args, kwargs = _make(spec, inputs, device, seed)
    module.train(spec.mode == "train")
    return BuiltModel(module, tuple(args), dict(kwargs), describe_inputs(args, kwargs))


def _make(spec: ModelSpec, inputs: InputSpec, device: Device, seed: int) -> import_path.Inputs:
    try:
        return inputs.make(device, seed)
    except RuntimeError as error:
        raise ModelError(f"{spec.name}: the input {inputs} cannot be made ({describe_exception(error)}).") from error


def default_inputs(name: str) -> InputSpec:
    """Return the inputs that the library states for a model of a zoo, whose name may have arguments.

    Raises:
        ReconcileError: It states none.
    """
    base, arguments = split_arguments(name)
    return _zoo(base).default_inputs(base, arguments)


def describe_requested_inputs(spec: ModelSpec) -> str:
    """Return the inputs in words as far as they are known without building the model."""
    if spec.inputs is not None:
        return str(spec.inputs)
    return "" if spec.is_own else str(default_inputs(spec.name))


def _zoo(name: str) -> Zoo:
    """The zoo that a name or a pattern belongs to."""
    return timm_zoo if name.startswith(timm_zoo.PREFIX) else torchvision_zoo


def specs(names: Sequence[str], inputs: InputSpec | None = None, mode: Mode = "eval") -> tuple[ModelSpec, ...]:
    """Expand and check a list of names and patterns, each model once, in the order given."""
    resolved = (resolve(name, inputs, mode) for pattern in names for name in expand(pattern))
    return tuple(dict.fromkeys(resolved))
