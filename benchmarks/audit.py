"""How long an audit of a large claims file takes once its models are counted: `python -m benchmarks.audit [ROWS]`.

The file has numbers of twenty models: most true, every tenth one wrong by a power of ten, a digit or the input. It is
audited twice with the same counts; the second time nothing is counted any more.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from reconcile.claims import audit, read_claims
from reconcile.claims.counts import Counts, CountsOf, Network, counting
from reconcile.zoo import resolve

MODELS = (
    "alexnet", "densenet121", "efficientnet_b0", "efficientnet_b1", "googlenet", "inception_v3", "mnasnet0_5",
    "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf",
    "resnet18", "resnet34", "resnet50", "shufflenet_v2_x1_0", "squeezenet1_0", "vgg11", "vgg16",
)  # fmt: skip  # a list of names


def rows(number: int, counts_of: CountsOf) -> Iterator[tuple[str, str, str, str]]:
    random = Random(0)  # noqa: S311  # the same file each time, no secret
    for place in range(number):
        model = random.choice(MODELS)
        counts = counts_of(Network(resolve(model), None))
        if not isinstance(counts, Counts):
            raise SystemExit(counts)
        value = counts.by_measure[random.choice(["macs", "macs", "thop", "twice-macs"])] / 1e6
        if place % 10 == 0:
            value *= random.choice([1000, 0.1, 1.03, (256 / 224) ** 2])
        yield model, f"{value:.{random.choice([0, 1, 2])}f}", "MAdds (M)", f"paper {place % 50}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="?", default=10_000)
    asked = parser.parse_args()
    counts_of = counting()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "claims.csv"
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text)
            writer.writerow(("model", "value", "unit", "source"))
            writer.writerows(rows(asked.rows, counts_of))
        for name in ("with counting", "counted already"):
            started = time.perf_counter()
            found = audit(read_claims(file), counts_of)
            seconds = time.perf_counter() - started
            print(f"{name:16}{seconds:8.1f} s for {len(found.rows):,} rows: {dict(found.verdicts)}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
