"""How long the native count takes beside other counters, building the model included: ratios from one run, paired.

Each pair runs in turn, A B A B ..., in this process; a ratio under 1 means that the native count was faster.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from reconcile.reference import COUNTING, count_trace, load_convention
from reconcile.tools import adapter
from reconcile.trace import trace_spec
from reconcile.zoo import Initialization, build, resolve

MODELS = ("resnet50", "vit_b_16", "efficientnet_v2_l", "regnet_y_128gf", "swin_v2_b")
PAIRS = 5


def native(name: str) -> None:
    assert count_trace(trace_spec(resolve(name), detail=COUNTING)[0], load_convention("macs")).total


def flop_counter_on_meta(name: str) -> None:
    built = build(resolve(name), "meta")
    with torch.no_grad(), FlopCounterMode(display=False):
        built.module(*built.args)


def tool(column: str, parameters: Initialization) -> Callable[[str], None]:
    def run(name: str) -> None:
        built = build(resolve(name), parameters=parameters)
        adapter(column).measure(built.module, built.args, built.kwargs)

    return run


def seconds(action: Callable[[str], None], name: str) -> float:
    started = time.perf_counter()
    action(name)
    return time.perf_counter() - started


def main() -> None:
    warnings.simplefilter("ignore")  # the tools' own, which say nothing about time
    rivals = {
        "FlopCounterMode on meta": flop_counter_on_meta,
        # As one builds a model, with random parameters; and with zeros, as this project builds it for its runs.
        "thop": tool("thop", "random"),
        "fvcore": tool("fvcore", "random"),
        "thop on zeros": tool("thop", "zeros"),
        "fvcore on zeros": tool("fvcore", "zeros"),
    }
    medians: dict[str, list[float]] = {rival: [] for rival in rivals}
    print(f"native count / other counter, median of {PAIRS} pairs (least to most)")
    for name in sys.argv[1:] or MODELS:
        for rival, action in rivals.items():
            native(name), action(name)  # warm both
            ratios = sorted(seconds(native, name) / seconds(action, name) for _ in range(PAIRS))
            medians[rival].append(statistics.median(ratios))
            print(f"{name:>18}  {rival:<24} {medians[rival][-1]:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})", flush=True)
    for rival, found in medians.items():
        print(f"{'median of models':>18}  {rival:<24} {statistics.median(found):.3f}")


if __name__ == "__main__":
    main()
