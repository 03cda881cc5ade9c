"""What each tool says when it is called as its documentation shows, without anything of this project.

Run in an interpreter of its own, as ``python -I direct_calls.py --tools thop,fvcore resnet18=1x3x224x224 ...``: a model
and its inputs, lists of images in brackets. It prints one JSON object, ``{tool: {model: what it said}}``, of

``totals``: by metric, the number, or ``[number, tolerance]`` where the tool prints it rounded;
``layers``: by metric, what the tool says of each module by its path, with all that lies below it;
``types``: by metric, the same by the class of the module, where the tool names no paths; ``classes`` tells them;
``error``: instead of these, ``Type: first line of the message``, where the tool raises.

``--first`` names a folder to put in front of the path from which modules are imported.

Each call runs in a process forked for it, so it finds the model as it was built, and torch and the tool as they were
imported.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import random
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import Any

import numpy as np
import torch
import torchvision
from torch import nn

Found = dict[str, Any]
Inputs = tuple[Any, ...]
MEGABYTE = 2**20


def thop(model: nn.Module, inputs: Inputs) -> Found:
    from thop import profile

    macs, params, layers = profile(model, inputs=inputs, verbose=False, ret_layer_info=True)

    def walk(path: str, below: dict[str, Any], column: int) -> Iterator[tuple[str, float]]:
        for name, layer in below.items():
            yield f"{path}{name}", layer[column]
            yield from walk(f"{path}{name}.", layer[2], column)

    return {
        "totals": {"compute": macs, "params": params},
        "layers": {
            "compute": dict(walk("", layers, 0)),
            "params": {"": params, **dict(walk("", layers, 1))},
        },
    }


def ptflops(model: nn.Module, inputs: Inputs, backend: str) -> tuple[int, int, str]:
    from ptflops import get_model_complexity_info

    text, remarks = io.StringIO(), io.StringIO()
    if isinstance(inputs[0], list):
        shape: tuple[int, ...] = (1,)
        constructor: Callable[[Any], Any] | None = lambda _: inputs[0]  # noqa: E731  # as its documentation writes it
    elif len(inputs) > 1:
        shape, constructor = (1,), lambda _: dict(zip(("image1", "image2"), inputs, strict=True))
    else:
        shape, constructor = tuple(inputs[0].shape[1:]), None
    with redirect_stdout(remarks), redirect_stderr(remarks):
        macs, params = get_model_complexity_info(
            model,
            shape,
            as_strings=False,
            backend=backend,
            print_per_layer_stat=True,
            flops_units="Mac",
            input_constructor=constructor,
            ost=text,
        )
    if macs is None:  # it prints what was raised, and returns nothing
        raise PrintedError(re.search(r"^<class '(?:\w+\.)*(\w+)'>:? ?(.*)$", remarks.getvalue(), re.MULTILINE))
    return macs, params, text.getvalue()


class PrintedError(Exception):
    """An exception that a tool has printed."""

    def __init__(self, found: re.Match[str] | None) -> None:
        super().__init__("" if found is None else ": ".join(text.strip() for text in found.groups() if text.strip()))


def ptflops_pytorch(model: nn.Module, inputs: Inputs) -> Found:
    macs, params, text = ptflops(model, inputs, "pytorch")
    layers = {path: float(number) for path, number in _printed_tree(text, r"([\d.]+) Mac, ")}
    return {"totals": {"compute": macs, "params": params}, "layers": {"compute": layers}}


def _printed_tree(text: str, number: str) -> Iterator[tuple[str, str]]:
    """Read a model as torch prints it: names by indentation, and behind each the number that a tool has added."""
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
        value = re.search(number, line)
        if value is not None:
            for path in places[-1][1]:
                yield path, value[1]


def ptflops_aten(model: nn.Module, inputs: Inputs) -> Found:
    macs, params, text = ptflops(model, inputs, "aten")
    layers: dict[str, float] = {"": macs}
    for part in text.split("Module:")[1:]:
        name, *counts = part.split("\n")
        if name.strip() != "Global":
            layers[name.strip()] = sum(float(count.split()[-2]) for count in counts if count.endswith(" Mac"))
    return {"totals": {"compute": macs, "params": params}, "layers": {"compute": layers}}


def fvcore(model: nn.Module, inputs: Inputs) -> Found:
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, parameter_count

    flops, activations = FlopCountAnalysis(model, inputs), ActivationCountAnalysis(model, inputs)
    params = parameter_count(model)
    modules = {path for path, _ in model.named_modules()}
    return {
        "totals": {"compute": flops.total(), "params": params[""], "activations": activations.total()},
        "layers": {
            "compute": dict(flops.by_module()),
            "params": {path: count for path, count in params.items() if path in modules},
            "activations": dict(activations.by_module()),
        },
    }


def torchinfo(model: nn.Module, inputs: Inputs) -> Found:
    from torchinfo import summary

    if len(inputs) == 1 and isinstance(inputs[0], torch.Tensor):
        found = summary(model, input_size=tuple(inputs[0].shape), verbose=0)
    else:
        found = summary(model, input_data=list(inputs), verbose=0)
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
        "totals": {
            "compute": found.total_mult_adds,
            "params": found.total_params,
            "memory": found.total_input + found.total_output_bytes + found.total_param_bytes,
        },
        "layers": {"compute": layers, "params": layer_params},
    }


def mmengine(model: nn.Module, inputs: Inputs) -> Found:
    from mmengine.analysis import ActivationAnalyzer, FlopAnalyzer, get_model_complexity_info, parameter_count

    found = get_model_complexity_info(model, inputs=inputs, show_table=False, show_arch=False)
    params = parameter_count(model)
    modules = {path for path, _ in model.named_modules()}
    return {
        "totals": {"compute": found["flops"], "params": found["params"], "activations": found["activations"]},
        "layers": {
            "compute": dict(FlopAnalyzer(model, inputs).by_module()),
            "params": {path: count for path, count in params.items() if path in modules},
            "activations": dict(ActivationAnalyzer(model, inputs).by_module()),
        },
    }


def torchstat(model: nn.Module, inputs: Inputs, count: str) -> Found:
    from torchstat import ModelStat

    # stat(model, shape) prints these rows as a table, with a function that pandas no longer has.
    rows = ModelStat(model, _shape_of_sample(inputs))._analyze_model()
    columns = {"compute": count, "params": "parameter_quantity", "memory": "inference_memory"}
    layers = {
        metric: {row.name: float(getattr(row, column)) * (MEGABYTE if metric == "memory" else 1) for row in rows}
        for metric, column in columns.items()
    }
    return {"totals": {metric: sum(values.values()) for metric, values in layers.items()}, "layers": layers}


def torchsummary(model: nn.Module, inputs: Inputs) -> Found:
    from torchsummary import summary

    shapes = [_shape_of_sample((value,)) for value in inputs]
    text = io.StringIO()
    with redirect_stdout(text):
        summary(model, shapes[0] if len(shapes) == 1 else shapes, device="cpu")
    printed = text.getvalue()
    rows = [
        (name, int(np.prod([int(size) for size in re.findall(r"-?\d+", shape)])), int(number.replace(",", "")))
        for name, shape, number in re.findall(r"^ *(\S+)-\d+ +\[(.*)\] +([\d,]+)$", printed, re.MULTILINE)
    ]
    # The batch is written as -1. The tool multiplies the sizes of several outputs, adds up, and drops the sum's sign.
    sign = -1 if sum(elements for _, elements, _ in rows) < 0 else 1
    params: dict[str, int] = {}
    memory: dict[str, int] = {}
    for name, elements, parameters in rows:
        params[name] = params.get(name, 0) + parameters
        memory[name] = memory.get(name, 0) + 4 * (parameters + 2 * sign * elements)
    total = re.search(r"^Total params: ([\d,]+)$", printed, re.MULTILINE)
    size = re.search(r"^Estimated Total Size \(MB\): ([\d.]+)$", printed, re.MULTILINE)
    assert total is not None
    assert size is not None
    return {
        "totals": {
            "params": int(total[1].replace(",", "")),
            "memory": [float(size[1]) * MEGABYTE, 0.005 * MEGABYTE],
        },
        "types": {"params": params, "memory": memory},
        "classes": {path: type(layer).__name__ for path, layer in model.named_modules()},
    }


def flop_counter(model: nn.Module, inputs: Inputs) -> Found:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    layers = {
        name.partition(".")[2]: sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name != "Global"
    }
    return {"totals": {"compute": counter.get_total_flops()}, "layers": {"compute": layers}}


def flop_counter_no_grad(model: nn.Module, inputs: Inputs) -> Found:
    with torch.no_grad():
        return flop_counter(model, inputs)


def torch_profiler(model: nn.Module, inputs: Inputs) -> Found:
    from torch.profiler import profile

    with profile(with_flops=True) as prof:
        model(*inputs)
    return {"totals": {"compute": sum(event.flops for event in prof.key_averages())}}


def torchprofile(model: nn.Module, inputs: Inputs) -> Found:
    from torchprofile import profile_macs

    return {"totals": {"compute": profile_macs(model, inputs)}}


def calflops(model: nn.Module, inputs: Inputs, count: int, unit: str) -> Found:
    from calflops import calculate_flops

    text = io.StringIO()
    with redirect_stdout(text):
        found = calculate_flops(model=model, args=list(inputs), output_as_string=False)
    tree = _printed_tree(text.getvalue(), rf"([\d.e+]+ [TGMK]?){unit} = ")
    layers = {path: _of_two_decimals(number) for path, number in tree}
    return {"totals": {"compute": found[count], "params": found[2]}, "layers": {"compute": layers}}


def flopth(model: nn.Module, inputs: Inputs) -> Found:
    from flopth import flopth

    text = io.StringIO()
    with redirect_stdout(text):
        flops, params = flopth(model, inputs=inputs, show_detail=True, bare_number=True)
    layers = {}
    for line in text.getvalue().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("", "module_name"):
            layers[cells[0]] = _of_six_digits(cells[8])
    return {"totals": {"compute": flops, "params": int(params)}, "layers": {"compute": layers}}


def _of_two_decimals(text: str) -> list[float]:
    """Read ``1.23 M``: the number, and by how much it may be off."""
    number, factor = _with_unit(text)
    return [number * factor, 0 if factor == 1 else factor * 0.00501]


def _of_six_digits(text: str) -> list[float]:
    """Read ``1.23457M``: the number, and by how much it may be off."""
    number, factor = _with_unit(text)
    value = round(number * factor, 3)  # 64.948K is 64 948, which no product of binary fractions need be
    return [value, 0 if value < 1e6 else value * 0.5001e-5]


def _with_unit(text: str) -> tuple[float, float]:
    unit = text.strip()[-1:]
    factor = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(unit, 1)
    return float(text.strip().rstrip("KMGT")), factor


def _shape_of_sample(inputs: Inputs) -> tuple[int, ...]:
    """Without the batch axis, which an image in a list does not have."""
    first = inputs[0]
    return tuple(first[0].shape) if isinstance(first, list) else tuple(first.shape[1:])


CALLS: dict[str, Callable[[nn.Module, Inputs], Found]] = {
    "thop": thop,
    "ptflops-pytorch": ptflops_pytorch,
    "ptflops-aten": ptflops_aten,
    "fvcore": fvcore,
    "torchinfo": torchinfo,
    "mmengine": mmengine,
    "torchstat-flops": lambda model, inputs: torchstat(model, inputs, "Flops"),
    "torchstat-madd": lambda model, inputs: torchstat(model, inputs, "MAdd"),
    "torchsummary": torchsummary,
    "flop-counter": flop_counter,
    "flop-counter-no-grad": flop_counter_no_grad,
    "torch-profiler": torch_profiler,
    "torchprofile": torchprofile,
    "calflops-flops": lambda model, inputs: calflops(model, inputs, 0, "FLOPS"),
    "calflops-macs": lambda model, inputs: calflops(model, inputs, 1, "MACs"),
    "flopth": flopth,
    "ultralytics-thop": thop,  # the same import, and the same call
}


IMPORTED = {
    "thop": "thop",
    "ptflops-pytorch": "ptflops",
    "ptflops-aten": "ptflops",
    "fvcore": "fvcore.nn",
    "torchinfo": "torchinfo",
    "mmengine": "mmengine.analysis",
    "torchstat-flops": "torchstat",
    "torchstat-madd": "torchstat",
    "torchsummary": "torchsummary",
    "flop-counter": "torch.utils.flop_counter",
    "flop-counter-no-grad": "torch.utils.flop_counter",
    "torch-profiler": "torch.profiler",
    "torchprofile": "torchprofile",
    "calflops-flops": "calflops",
    "calflops-macs": "calflops",
    "flopth": "flopth",
    "ultralytics-thop": "thop",
}
"""What the calls import."""


def build(name: str, shapes: str) -> tuple[nn.Module, Inputs]:
    """Build a model with random parameters and inputs of seed 0."""
    generator = torch.Generator().manual_seed(0)
    inputs = tuple(
        [torch.rand(_sizes(listed), generator=generator)] if listed else torch.rand(_sizes(alone), generator=generator)
        for listed, alone in re.findall(r"\[([\dx]+)\]|([\dx]+)", shapes)
    )
    models = torchvision.models
    has_backbone = name in (*models.list_models(models.detection), *models.list_models(models.segmentation))
    options: dict[str, Any] = {"weights_backbone": None} if has_backbone else {}
    if name.startswith("vit_"):
        options["image_size"] = inputs[0].shape[-1]
    torch.manual_seed(0)
    return models.get_model(name, weights=None, **options).eval(), inputs


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("x")))


def forked(call: Callable[[], Found]) -> Found:
    """Return what a call returns, or what it raises, in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            try:
                found = call()
            except BaseException as error:  # a tool may raise anything
                traceback.print_exc()
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                text = lines[0] if lines else ""
                found = {"error": text if isinstance(error, PrintedError) else f"{type(error).__name__}: {text}"}
            json.dump(found, pipe, default=lambda number: number.item())
            pipe.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return json.loads(said) if said else {"error": f"the process ended with status {status}"}


def said_by(tool: str, built: dict[str, tuple[nn.Module, Inputs]]) -> dict[str, Found]:
    """Import a tool once, and call it on each model in a process of its own."""
    importlib.import_module(IMPORTED[tool])
    return {name: forked(partial(called, tool, model, inputs)) for name, (model, inputs) in built.items()}


def called(tool: str, model: nn.Module, inputs: Inputs) -> Found:
    torch.manual_seed(0)  # of inputs that a tool makes
    random.seed(0)
    np.random.seed(0)
    return CALLS[tool](model, inputs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", required=True)
    parser.add_argument("--first", action="append", default=[])
    parser.add_argument("models", nargs="+")
    chosen = parser.parse_args()
    sys.path[:0] = chosen.first
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # numbers do not depend on how sums are split, and a fork has no threads to miss
    with redirect_stdout(sys.stderr):
        asked = (text.partition("=") for text in chosen.models)
        built = {name: build(name, shapes) for name, _, shapes in asked}
        found = {tool: forked(partial(said_by, tool, built)) for tool in chosen.tools.split(",")}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
