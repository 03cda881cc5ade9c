"""What each tool says when it is called as its documentation shows, without anything of this project.

Run as ``python direct_calls.py TOOL MODEL ...`` in an interpreter of its own: prints one JSON object, for each model
the tool's total, its parameters, and where it gives layers the values of each module with all that lies below it.
"""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import torch
import torchvision
from torch import nn

SIZES = {"inception_v3": 299, "swin_v2_t": 256}
"""Where the published weights were not evaluated at 224 x 224."""

Found = dict[str, Any]


def size_of(name: str) -> int:
    return SIZES.get(name, 224)


def thop(model: nn.Module, size: int) -> Found:
    from thop import profile

    macs, params, layers = profile(model, inputs=(torch.randn(1, 3, size, size),), verbose=False, ret_layer_info=True)

    def walk(path: str, below: dict[str, Any], column: int) -> Iterator[tuple[str, float]]:
        for name, layer in below.items():
            yield f"{path}{name}", layer[column]
            yield from walk(f"{path}{name}.", layer[2], column)

    return {
        "total": macs,
        "params": params,
        "layers": {"": macs, **dict(walk("", layers, 0))},
        "layer_params": {"": params, **dict(walk("", layers, 1))},
    }


def ptflops_pytorch(model: nn.Module, size: int) -> Found:
    from ptflops import get_model_complexity_info

    text = io.StringIO()
    macs, params = get_model_complexity_info(
        model,
        (3, size, size),
        as_strings=False,
        backend="pytorch",
        print_per_layer_stat=True,
        flops_units="Mac",
        ost=text,
    )
    return {"total": macs, "params": params, "layers": dict(_printed_tree(text.getvalue()))}


def _printed_tree(text: str) -> Iterator[tuple[str, float]]:
    """Read the model as ptflops prints it: names by indentation, and behind each the multiply-adds below it."""
    places: list[tuple[int, list[str]]] = [(-1, [""])]
    for line in text.splitlines():
        header = re.match(r"( *)\(([\w-]+)\): (\d+ x )?\w+\(", line)
        if header is not None:
            depth = len(header[1])
            while places[-1][0] >= depth:
                places.pop()
            # A list prints equal neighbours once, as (0-2): 3 x Block(...).
            first, _, last = header[2].partition("-")
            names = [str(number) for number in range(int(first), int(last) + 1)] if header[3] else [header[2]]
            paths = [f"{above}.{name}" if above else name for above in places[-1][1] for name in names]
            places.append((depth, paths))
        value = re.search(r"([\d.]+) Mac, ", line)
        if value is not None:
            for path in places[-1][1]:
                yield path, float(value[1])


def ptflops_aten(model: nn.Module, size: int) -> Found:
    from ptflops import get_model_complexity_info

    text = io.StringIO()
    macs, params = get_model_complexity_info(
        model,
        (3, size, size),
        as_strings=False,
        backend="aten",
        print_per_layer_stat=True,
        flops_units="Mac",
        ost=text,
    )
    layers: dict[str, float] = {"": macs}
    for part in text.getvalue().split("Module:")[1:]:
        name, *counts = part.split("\n")
        if name.strip() != "Global":
            layers[name.strip()] = sum(float(count.split()[-2]) for count in counts if count.endswith(" Mac"))
    return {"total": macs, "params": params, "layers": layers}


def fvcore(model: nn.Module, size: int) -> Found:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    flops = FlopCountAnalysis(model, torch.randn(1, 3, size, size))
    params = parameter_count(model)
    modules = {path for path, _ in model.named_modules()}
    return {
        "total": flops.total(),
        "params": params[""],
        "layers": dict(flops.by_module()),
        "layer_params": {path: count for path, count in params.items() if path in modules},
    }


def torchinfo(model: nn.Module, size: int) -> Found:
    from torchinfo import summary

    found = summary(model, input_size=(1, 3, size, size), verbose=0)
    layers: dict[str, int] = {}
    layer_params: dict[str, int] = {}
    for row in found.summary_list:
        names, above = [], row
        while above.parent_info is not None:
            names.append(above.var_name)
            above = above.parent_info
        path = ".".join(reversed(names))
        if row.is_leaf_layer:
            layers[path] = layers.get(path, 0) + row.macs
        if not row.is_recursive:
            layer_params[path] = row.num_params
    return {
        "total": found.total_mult_adds,
        "params": found.total_params,
        "layers": layers,
        "layer_params": layer_params,
    }


CALLS = {
    "thop": thop,
    "ptflops-pytorch": ptflops_pytorch,
    "ptflops-aten": ptflops_aten,
    "fvcore": fvcore,
    "torchinfo": torchinfo,
}


def main(tool: str, *models: str) -> None:
    warnings.simplefilter("ignore")
    found = {}
    with redirect_stdout(sys.stderr):
        for name in models:
            model = torchvision.models.get_model(name, weights=None).eval()
            found[name] = CALLS[tool](model, size_of(name))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
