"""torchvision publishes operations (GFLOPS, which are multiply-adds) and parameters with its weights."""

from __future__ import annotations

import pytest
import torchvision.models

from reconcile.reference import ReferenceCount, count_trace, load_convention
from reconcile.trace import trace_spec
from reconcile.zoo import classification_names, resolve

# Its published weights come without the auxiliary heads, which torchvision builds a model with by default.
PARAMETERS_OF_AUXILIARY_HEADS = {
    # two heads: a 1x1 convolution with batch normalization (512 or 528 channels to 128, no bias), 2048 -> 1024 -> 1000
    "googlenet": (512 + 528) * 128 + 2 * 2 * 128 + 2 * (2048 * 1024 + 1024 + 1024 * 1000 + 1000),
}


def counted(name: str) -> ReferenceCount:
    return count_trace(trace_spec(resolve(name))[0], load_convention("macs"))


@pytest.mark.parametrize("name", classification_names())
def test_operations_and_parameters_are_as_published(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta
    found = counted(name)
    assert round(found.total / 1e9, 3) == published["_ops"]
    assert found.parameters == published["num_params"] + PARAMETERS_OF_AUXILIARY_HEADS.get(name, 0)
    assert not found.uncovered
