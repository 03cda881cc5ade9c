"""How much memory a native count takes as models grow, each in a process of its own: peaks above those of imports."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

MODELS = ("resnet18", "regnet_y_128gf", "vit_h_14")
SEVENTY_BILLION = "a decoder of 70 billion parameters, 4 096 tokens"


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, "the kernel does not say how much memory a process has held"
    return int(found[1]) / 1024


def measure(name: str) -> None:
    warnings.simplefilter("ignore")  # torch's and torchvision's own, which say nothing about memory
    above = {}
    for package in ("torch", "torchvision", "reconcile.api"):
        importlib.import_module(package)
        above[package] = peak()
    from benchmarks.decoder import Dimensions, decoder, multiply_adds, parameters
    from reconcile.api import count

    started = time.perf_counter()
    if name == SEVENTY_BILLION:
        found = count(*decoder(Dimensions(), 4096))
        assert (found.total, found.parameters) == (multiply_adds(Dimensions(), 4096), parameters(Dimensions()))
    else:
        found = count(name)
    seconds = time.perf_counter() - started
    print(f"{name}: {found.total:,} MAC, {found.parameters:,} parameters in {seconds:.2f} s")
    print("   " + ", ".join(f"{peak() - before:.0f} MB above the import of {name}" for name, before in above.items()))


def main() -> None:
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    for name in (*MODELS, SEVENTY_BILLION):
        subprocess.run([sys.executable, "-m", "benchmarks.memory", name], check=True)


if __name__ == "__main__":
    main()
