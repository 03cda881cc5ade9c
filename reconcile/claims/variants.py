"""Networks that go by one name: changes of a network's structure, and related models of the zoos.

A change is made wherever a network has what it is about, whatever the network is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from pydantic import Field
from torch import nn

from reconcile.configs import StrictModel, data_folder, load
from reconcile.errors import ReconcileError
from reconcile.zoo import ModelSpec, resolve

Change = Callable[[nn.Module], None]
"""Changes a network in place, if it has what the change is about."""


@dataclass(frozen=True)
class Variant:
    """Another network than the one that a name stands for here: a related model, or the same one changed."""

    spec: ModelSpec
    words: str
    change: Change | None = None


def stride_on_first(network: nn.Module) -> None:
    """Move the stride of a 3x3 convolution to the 1x1 convolution right before it in a bottleneck.

    Residual networks have it there in their paper (He et al., arXiv:1512.03385, table 1 and section 4.1), and on the
    3x3 convolution in most libraries since, which is known as version 1.5.
    """
    for module in network.modules():
        convolutions = [child for child in module.children() if isinstance(child, nn.Conv2d)]
        for first, second in pairwise(convolutions):
            pointwise = set(first.kernel_size) == {1} and set(first.stride) == {1}
            wider = min(second.kernel_size) > 1 and max(second.stride) > 1
            if pointwise and wider and first.out_channels == second.in_channels:
                first.stride, second.stride = second.stride, first.stride


def reparameterized(network: nn.Module) -> None:
    """Join branches that are trained apart into one convolution, by the network's own method for that."""
    for module in list(network.modules()):
        for name in ("reparameterize", "switch_to_deploy", "fuse"):
            method = getattr(module, name, None)
            if callable(method):
                try:
                    method()
                except Exception:  # noqa: S112  # a method of that name that is something else: not a variant
                    continue
                break


CHANGES: tuple[tuple[str, Change], ...] = (
    ("with the stride on the 1x1 convolution, as in version 1", stride_on_first),
    ("reparameterized", reparameterized),
)


def variants(spec: ModelSpec) -> tuple[Variant, ...]:
    """Return the other networks that a model's name may stand for."""
    changed = tuple(Variant(spec, f"{spec.name} {words}", change) for words, change in CHANGES)
    return (*changed, *_relatives(spec))


class _Relatives(StrictModel):
    """Models that the literature calls by one name, and what is different about them."""

    models: tuple[str, ...] = Field(min_length=2, strict=False)
    difference: str


class _RelativesFile(StrictModel):
    relatives: tuple[_Relatives, ...] = Field(strict=False)


def _relatives(spec: ModelSpec) -> tuple[Variant, ...]:
    found = []
    for group in _groups():
        if spec.name in group.models:
            for name in group.models:
                if name != spec.name and (other := _resolved(name, spec)) is not None:
                    found.append(Variant(other, f"{name} ({group.difference})"))
    return tuple(found)


def _resolved(name: str, spec: ModelSpec) -> ModelSpec | None:
    try:
        return resolve(name, mode=spec.mode)
    except ReconcileError:  # of a library that is not installed
        return None


@cache
def _groups() -> tuple[_Relatives, ...]:
    return load(_RelativesFile, data_folder() / "claims" / "relatives.yaml").relatives
