"""Mistakes that are planted in true tables are found and named; what is true is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from torchvision.models import get_model_weights, list_models

from reconcile.claims import audit
from reconcile.claims.counts import Counts, CountsOf, Network, counting, measures
from tests.claims.planted import Planted, judged, planted


def published(network: Network) -> Counts | str:
    """Counts made from what torchvision publishes, by laws of their own: of the area, for each measure and change."""
    spec, inputs = network.spec, network.inputs
    if spec.name not in list_models():
        return "there is no such model in torchvision."
    meta = get_model_weights(spec.name).DEFAULT.meta
    size = 224 if inputs is None else inputs.tensors[0].shape[-1]
    macs = meta["_ops"] * 1e9 * (size / 224) ** 2 * (0.94 if network.change is not None and "resne" in spec.name else 1)
    law = {"macs": 1.0, "twice-macs": 2.0} | {
        name: (2 if item.kind == "FLOP" else 1) * (1 + (place % 9 - 2) / 97)
        for place, (name, item) in enumerate(measures().items())
        if name not in ("macs", "twice-macs")
    }
    counts = {name: round(macs * factor) for name, factor in law.items()}
    return Counts(spec.name, f"1x3x{size}x{size}", counts, {"": meta["num_params"]}, reads_values=False)


def check(tables: Sequence[Sequence[Planted]], counts_of: CountsOf) -> None:
    mistakes = named = true = alarms = 0
    wrong: list[str] = []
    for rows in tables:
        result = audit([item.claim for item in rows], counts_of)
        found = {row.claim: (row.finding.verdict, row.note) for row in result.claims}
        more = judged(rows, found)
        mistakes, named, true, alarms = mistakes + more[0], named + more[1], true + more[2], alarms + more[3]
        wrong += more[4]
    print(f"{named} of {mistakes} mistakes found and named right, {alarms} of {true} true rows not left so")
    shown = "\n".join(wrong)
    assert named >= 0.95 * mistakes, f"{named} of {mistakes} found\n{shown}"
    assert alarms < 0.02 * true, f"{alarms} of {true} true rows\n{shown}"


def test_mistakes_in_many_tables() -> None:
    names = [
        name
        for name in list_models()
        if not name.startswith(("quantized", "raft")) and "IMAGENET1K_V1" in get_model_weights(name).__members__
    ]
    random = Random(7)  # noqa: S311  # the same tables each time, no secret
    tables = [planted(random.sample(names, 25), published, random) for _ in range(40)]
    assert sum(item.verdict != "confirmed" for rows in tables for item in rows) > 100
    check(tables, published)


REAL = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "mnasnet1_0", "mobilenet_v2", "regnet_y_400mf",
    "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_0", "vgg11", "wide_resnet50_2",
)  # fmt: skip  # a list of names


@pytest.mark.slow
def test_mistakes_in_tables_of_real_counts() -> None:
    counts_of = counting()
    random = Random(11)  # noqa: S311  # the same tables each time, no secret
    check([planted(REAL, counts_of, random, share=0.35) for _ in range(20)], counts_of)
