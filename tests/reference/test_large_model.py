"""A model that no machine at hand could hold, counted exactly."""

from __future__ import annotations

import reconcile
from benchmarks.decoder import Dimensions, decoder, multiply_adds, parameters


def test_a_decoder_of_seventy_billion_parameters_is_counted_exactly() -> None:
    found = reconcile.count(*decoder(Dimensions(), 4096))
    assert found.parameters == parameters(Dimensions()) == 70_553_706_496
    assert found.total == multiply_adds(Dimensions(), 4096)
    assert found.reference.trace.execution == "meta"
    # Half of the products' scores lie under a causal mask; they are computed all the same.
    assert found.reference.by_layer()["layers.79"] == 2 * 4096 * 4096 * 8192
