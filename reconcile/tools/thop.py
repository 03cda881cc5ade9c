"""thop (pytorch-OpCounter): hooks on modules of exactly known types.

Documented call: ``macs, params = profile(model, inputs=(input,))``; ``ret_layer_info=True`` adds the layers. Versions
before 0.1 do not name layers, and do not say their version.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any, Literal

from packaging.version import Version
from torch import nn

from reconcile.tools.adapter import Measurement, ToolReport, Unit, exact_integer, positional_inputs, version_of

Layers = dict[str, tuple[float, float, "Layers"]]


class Thop:
    """The column ``thop``."""

    name = "thop"
    distribution = "thop"
    module = "thop"
    unit: Unit = "MAC"
    summary = "hooks on modules of exactly known types; functions are not seen"

    def measure(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ToolReport:
        """Run ``thop.profile``.

        Raises:
            RuntimeError: What is imported as ``thop`` is another distribution.
        """
        with _names_of_older_pythons() as notes:
            import thop  # noqa: PLC0415  # one process imports the tools that it runs

        installed = Version(version_of(self)).base_version
        if (imported := getattr(thop, "__version__", installed)) != installed:
            raise RuntimeError(f"'thop' {imported} is imported from {thop.__file__}, not the distribution thop")
        inputs = positional_inputs(module, args, kwargs)
        options = {"ret_layer_info": True} if "ret_layer_info" in signature(thop.profile).parameters else {}
        operations, parameters, *layers = thop.profile(module, inputs=inputs, verbose=False, **options)
        root = (operations, parameters, layers[0] if layers else {})
        return ToolReport(
            {
                "compute": _measurement(root, 0, "operations"),
                "params": _measurement(root, 1, "parameters"),
            },
            notes,
        )


@contextmanager
def _names_of_older_pythons() -> Iterator[tuple[str, ...]]:
    """Lend ``collections`` a name that Python 3.10 took from it, and without which thop before 0.1 is not imported."""
    if hasattr(collections, "Iterable") or Version(version_of(Thop())) >= Version("0.1"):
        yield ()
        return
    collections.Iterable = Iterable  # type: ignore[attr-defined]  # it is what is missing
    try:
        yield ("imported with collections.Iterable, which Python has no more",)
    finally:
        del collections.Iterable  # type: ignore[attr-defined]  # as above


def _measurement(root: tuple[float, float, Layers], column: Literal[0, 1], what: str) -> Measurement:
    own = {path: exact_integer(value, f"{what} of '{path}'") for path, value in _own("", root, column)}
    return Measurement(exact_integer(root[column], what), own)


def _own(path: str, layer: tuple[float, float, Layers], column: Literal[0, 1]) -> Iterator[tuple[str, float]]:
    parts = layer[2]
    yield path, layer[column] - sum(part[column] for part in parts.values())
    for name, part in parts.items():
        yield from _own(f"{path}.{name}" if path else name, part, column)
