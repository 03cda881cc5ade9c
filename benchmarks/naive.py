"""The script that a user would write: for each model and each tool a fresh model and the documented call, in turn.

Run as ``python naive.py [MODEL ...]`` for the main tools, or as ``python naive.py --tool TOOL [MODEL ...]`` for one,
since several of the others leave torch changed. Prints a line of JSON for each model and tool: operations and
parameters as the tool returns them, or what it raises, and seconds. It knows nothing of this project, so that its time
and its numbers are those that one has without it.
"""

from __future__ import annotations

import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch
import torchvision
from torch import nn

Numbers = tuple[float, float]


def by_thop(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from thop import profile

    return profile(model, inputs=inputs, verbose=False)


def by_ptflops(backend: str) -> Callable[[nn.Module, tuple[Any, ...]], Numbers]:
    def measure(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
        from ptflops import get_model_complexity_info

        if len(inputs) == 1 and isinstance(inputs[0], torch.Tensor):
            shape, constructor = tuple(inputs[0].shape[1:]), None
        else:
            names = ("images",) if len(inputs) == 1 else ("image1", "image2")
            shape, constructor = (1,), lambda _: dict(zip(names, inputs, strict=True))
        return get_model_complexity_info(
            model, shape, as_strings=False, print_per_layer_stat=False, backend=backend, input_constructor=constructor
        )

    return measure


def by_fvcore(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    return FlopCountAnalysis(model, inputs).total(), parameter_count(model)[""]


def by_torchinfo(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from torchinfo import summary

    found = summary(model, input_data=inputs if len(inputs) > 1 else list(inputs), verbose=0)
    return found.total_mult_adds, found.total_params


def by_mmengine(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from mmengine.analysis import get_model_complexity_info

    found = get_model_complexity_info(model, None, inputs=inputs, show_table=False, show_arch=False)
    return found["flops"], found["params"]


def by_torchstat(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from torchstat import ModelStat

    nodes = ModelStat(model, tuple(inputs[0].shape[1:]))._analyze_model()
    return sum(node.Flops for node in nodes), sum(node.parameter_quantity for node in nodes)


def by_torchsummary(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from torchsummary import summary

    summary(model, [tuple(given.shape[1:]) for given in inputs], device="cpu")
    return 0, 0  # it prints


def by_flop_counter(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops(), 0


def by_flop_counter_without_autograd(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    with torch.no_grad():
        return by_flop_counter(model, inputs)


def by_torch_profiler(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    with torch.profiler.profile(with_flops=True) as profiler:
        model(*inputs)
    return sum(event.flops for event in profiler.key_averages()), 0


def by_torchprofile(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from torchprofile import profile_macs

    return profile_macs(model, inputs), 0


def by_calflops(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from calflops import calculate_flops

    flops, _, params = calculate_flops(model, args=list(inputs), output_as_string=False, print_results=False)
    return flops, params


def by_flopth(model: nn.Module, inputs: tuple[Any, ...]) -> Numbers:
    from flopth import flopth

    return flopth(model, inputs=inputs, bare_number=True)


FURTHER_TOOLS = {
    "mmengine": by_mmengine,
    "torchstat-flops": by_torchstat,
    "torchstat-madd": by_torchstat,
    "torchsummary": by_torchsummary,
    "flop-counter": by_flop_counter,
    "flop-counter-no-grad": by_flop_counter_without_autograd,
    "torch-profiler": by_torch_profiler,
    "torchprofile": by_torchprofile,
    "calflops-flops": by_calflops,
    "calflops-macs": by_calflops,
    "flopth": by_flopth,
    "ultralytics-thop": by_thop,
}
"""Columns beside the main ones. Two columns of one tool are two calls here, as they are in a run."""

TOOLS = {
    "thop": by_thop,
    "ptflops-pytorch": by_ptflops("pytorch"),
    "ptflops-aten": by_ptflops("aten"),
    "fvcore": by_fvcore,
    "torchinfo": by_torchinfo,
}


def inputs_for(name: str, seed: int) -> tuple[Any, ...]:
    """What the model takes, at the size of its weights' transforms."""
    generator = torch.Generator().manual_seed(seed)
    module = torchvision.models.get_model_builder(name).__module__
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    if ".detection" in module:
        size = {"ssd300_vgg16": 300, "ssdlite320_mobilenet_v3_large": 320, "fasterrcnn_mobilenet_v3_large_320_fpn": 320}
        return ([torch.rand(3, size.get(name, 800), size.get(name, 800), generator=generator)],)
    if ".optical_flow" in module:
        return tuple(torch.rand(1, 3, 512, 512, generator=generator) for _ in range(2))
    size = getattr(transforms, "crop_size", None) or transforms.resize_size
    height, width = (size[0], size[-1]) if len(size) > 1 else (size[0], size[0])
    frames = (16,) if ".video" in module else ()
    return (torch.rand(1, 3, *frames, height, width, generator=generator),)


def build(name: str, size: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    options: dict[str, Any] = {"weights": None}
    module = torchvision.models.get_model_builder(name).__module__
    if ".detection" in module or ".segmentation" in module:
        options["weights_backbone"] = None
    if name.startswith("vit_"):
        options["image_size"] = size
    return torchvision.models.get_model(name, **options).eval()


def main(names: list[str]) -> None:
    warnings.simplefilter("ignore")
    tools = TOOLS
    if names[:1] == ["--tool"]:
        tools, names = {names[1]: (TOOLS | FURTHER_TOOLS)[names[1]]}, names[2:]
    for name in names or torchvision.models.list_models():
        for tool, measure in tools.items():
            started = time.perf_counter()
            inputs = inputs_for(name, seed=0)
            model = build(name, inputs[0][0].shape[-1], seed=0)
            found: dict[str, Any] = {"model": name, "tool": tool}
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                try:
                    operations, parameters = measure(model, inputs)
                    found |= {"compute": int(operations), "params": int(parameters)}
                except Exception as error:  # several tools take some models only
                    found["error"] = f"{type(error).__name__}: {error}"
            print(json.dumps(found | {"seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
