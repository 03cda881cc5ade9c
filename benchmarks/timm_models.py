"""150 models of timm, over all its families, by a rule: ``python -m benchmarks.timm_models`` writes the list anew.

A family is a file of timm's (``timm.list_modules()``). Of the models in it with at most 60 million parameters the
smallest is taken, of each family in alphabetical order, then of each the median, then the largest, until there are 150.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from reconcile.errors import ModelError
from reconcile.zoo import build, resolve

LIST = Path(__file__).with_name("timm_models.txt")
NUMBER = 150
LARGEST = 60_000_000


def names() -> list[str]:
    """The list as it was written, ``timm/NAME`` in each line."""
    return LIST.read_text(encoding="utf-8").split()


def choose() -> list[str]:
    """Apply the rule to the timm that is installed: builds every model without data."""
    import timm

    families = [_by_size([f"timm/{name}" for name in timm.list_models(module=file)]) for file in timm.list_modules()]
    chosen: dict[str, None] = {}
    for place in (0.0, 0.5, 1.0):
        for family in families:
            if family and len(chosen) < NUMBER:
                chosen[family[int(place * (len(family) - 1))]] = None
    return list(chosen)


def _by_size(family: list[str]) -> list[str]:
    sizes: dict[str, int] = {}
    for name in family:
        try:
            module = build(resolve(name), "meta").module
        except ModelError as error:
            print(error, file=sys.stderr)
            continue
        sizes[name] = sum(parameter.numel() for parameter in module.parameters())
    return sorted((name for name, size in sizes.items() if size <= LARGEST), key=lambda name: (sizes[name], name))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what timm says of single models
    LIST.write_text("".join(f"{name}\n" for name in choose()), encoding="utf-8")
