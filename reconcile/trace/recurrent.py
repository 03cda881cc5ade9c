"""Inputs of recurrent layers: a CPU multiplies one by a layer's weights at once, torch without data token by token.

How the product is dispatched depends on how the whole input is laid out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch


def inputs_by_weight(func: torch._ops.OpOverload, args: Sequence[Any]) -> Mapping[int, torch.Tensor]:
    """Return for each weight on the input of a layer, by its identity, that input with the tokens first.

    ``func`` is any operator; of one that is not recurrent there is none. A weight of two layers is left out.
    """
    if func not in _OPERATORS:
        return {}
    given, _, weights, _, layers, _, _, bidirectional, batch_first = args[:9]
    tokens_first = given.transpose(0, 1) if batch_first else given
    directions = 2 if bidirectional else 1
    on_inputs = weights[:: len(weights) // (layers * directions)]
    times = Counter(map(id, weights))
    return {
        id(weight): tokens_first if number < directions else given.new_empty((*tokens_first.shape[:2], weight.shape[1]))
        for number, weight in enumerate(on_inputs)
        if times[id(weight)] == 1
    }


_OPERATORS = (
    torch.ops.aten.rnn_tanh.input,
    torch.ops.aten.rnn_relu.input,
    torch.ops.aten.gru.input,
    torch.ops.aten.lstm.input,
)
