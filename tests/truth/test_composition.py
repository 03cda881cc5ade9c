"""Layers of transformers: the formulas count what loops over their parts execute."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.truth import composition as loops
from tests.truth import executed
from tests.truth.arrays import Array
from tests.truth.cases import cases, values
from tests.truth.modules import filled, lifted
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 30
"""Cases of attention and of each layer."""

SHARED = ("mac", "padding_mac", "first_add", "bias", "softmax", "softmax_row")
"""Terms of attention that do not depend on whether its weights are returned."""

lengths = st.integers(1, 4)
widths = st.tuples(st.integers(1, 3), st.integers(1, 3))  # heads, and what each is wide


def layer_terms(tally: Tally) -> Terms:
    attention = executed.attention(tally)
    return {
        **attention,
        **executed.normalization(tally),
        "activation": tally["activation"]["evaluate"],
        "elementwise": attention["elementwise"] + tally["residual"]["add"],
    }


class Attention(nn.Module):
    """The outputs of attention to another sequence, whose weights are computed where they are needed."""

    def __init__(self, width: int, heads: int, biased: bool, need_weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, bias=biased, batch_first=True)
        self.need_weights = need_weights

    def forward(self, query: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return self.attention(query, source, source, need_weights=self.need_weights)[0]


@cases(2 * CASES)
@given(size=st.tuples(lengths, lengths, lengths), width=widths, biased=st.booleans(), need_weights=st.booleans())
def test_multi_head_attention_counts_what_loops_execute(
    size: tuple[int, int, int], width: tuple[int, int], biased: bool, need_weights: bool
) -> None:
    (batch, length, keys), (heads, each) = size, width
    module = filled(Attention(heads * each, heads, biased, need_weights)).eval()

    def run(query: Array, source: Array) -> Array:
        return loops.multi_head_attention(query, source, loops.below(lifted(module, query.tally), "attention"), heads)

    def terms(tally: Tally) -> Terms:
        return {name: amount for name, amount in executed.attention(tally).items() if name in SHARED}

    inputs = values(batch, length, heads * each), values(batch, keys, heads * each, seed=1)
    check(module, inputs, run, terms, among=SHARED)


@cases(CASES)
@given(size=st.tuples(lengths, lengths), width=widths, hidden=st.integers(1, 4))
def test_encoder_layer_counts_what_loops_execute(size: tuple[int, int], width: tuple[int, int], hidden: int) -> None:
    heads, each = width
    module = filled(nn.TransformerEncoderLayer(heads * each, heads, hidden, batch_first=True)).eval()

    def run(source: Array) -> Array:
        return loops.encoder_layer(source, lifted(module, source.tally), heads)

    check(module, (values(*size, heads * each),), run, layer_terms)


@cases(CASES)
@given(size=st.tuples(lengths, lengths, lengths), width=widths, hidden=st.integers(1, 4))
def test_decoder_layer_counts_what_loops_execute(
    size: tuple[int, int, int], width: tuple[int, int], hidden: int
) -> None:
    (batch, length, keys), (heads, each) = size, width
    module = filled(nn.TransformerDecoderLayer(heads * each, heads, hidden, batch_first=True)).eval()

    def run(target: Array, memory: Array) -> Array:
        return loops.decoder_layer(target, memory, lifted(module, target.tally), heads)

    check(module, (values(batch, length, heads * each), values(batch, keys, heads * each, seed=1)), run, layer_terms)
