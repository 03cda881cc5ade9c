"""The published numbers that come with the project: those of papers and repositories, and torchvision's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torchvision.models import WeightsEnum, get_model_weights, list_models

from reconcile.claims.read import Row, claim_of, read_claims
from reconcile.configs import data_folder
from reconcile.errors import ReconcileError, did_you_mean

TORCHVISION = "torchvision"
"""The source that is no file: the metadata of the installed torchvision."""


def source_names() -> tuple[str, ...]:
    """Return the names by which an audit takes a part of the registry: its files, and torchvision."""
    return (*sorted(path.stem for path in (data_folder() / "claims").glob("*.csv")), TORCHVISION)


def registry(name: str) -> tuple[Row, ...]:
    """Return the claims of a part of the registry.

    Raises:
        ReconcileError: There is no such part; the message has the nearest names.
    """
    if name == TORCHVISION:
        return tuple(_torchvision())
    if name not in source_names():
        raise ReconcileError(f"the registry has no '{name}'{did_you_mean(name, source_names())}")
    return read_claims(data_folder() / "claims" / f"{name}.csv")


def claims_by_name(name: str | None) -> tuple[Row, ...]:
    """Return the claims of a part of the registry, of a file, or of the whole registry if there is no name.

    Raises:
        ReconcileError: There is neither, or as `read_claims`.
    """
    if name is None:
        return tuple(row for part in source_names() for row in registry(part))
    if name in source_names():
        return registry(name)
    if not Path(name).exists() and not Path(name).suffix:
        near = did_you_mean(name, source_names())
        raise ReconcileError(f"there is no file and no part of the registry '{name}'{near}")
    return read_claims(Path(name))


def _torchvision() -> Iterator[Row]:
    """The operations and parameters that torchvision states for each set of weights, under the name GFLOPS.

    Source: ``_ops`` and ``num_params`` in the metadata of torchvision's weights, printed in its documentation's tables.
    """
    for name in list_models():
        for weights in get_model_weights(name):
            yield claim_of(_cells(name, weights), f"{name} {weights.name}")


def _cells(name: str, weights: WeightsEnum) -> dict[str, str]:
    meta = weights.meta
    size = getattr(weights.transforms, "keywords", {}).get("crop_size", "")
    crop = "x".join(map(str, size)) if isinstance(size, (tuple, list)) else str(size)
    return {
        "model": name,
        "value": str(meta["_ops"]),
        "unit": "GFLOPS",
        "source": "torchvision's metadata",
        "where": str(weights),
        "input": crop,
        "parameters": str(meta["num_params"]),
    }
