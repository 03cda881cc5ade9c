"""Recurrent layers: the formulas count what loops over the documented equations execute."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.truth import executed
from tests.truth import recurrent as loops
from tests.truth.arrays import Array, array, tensor
from tests.truth.cases import cases, values
from tests.truth.modules import filled, lifted
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 60
"""Cases of each layer and each cell."""

CELLS: dict[type[nn.Module], loops.Cell] = {
    nn.RNN: loops.rnn_cell,
    nn.LSTM: loops.lstm_cell,
    nn.GRU: loops.gru_cell_as_composed,
    nn.RNNCell: loops.rnn_cell,
    nn.LSTMCell: loops.lstm_cell,
    nn.GRUCell: loops.gru_cell_as_composed,
}
"""The equations of each layer; torch computes a GRU's last one by a product less than it documents."""

sizes = st.integers(1, 3)


def terms(tally: Tally) -> Terms:
    return {
        **executed.products(tally),
        "activation": tally["activation"]["evaluate"],
        "elementwise": tally["elementwise"].total(),
    }


class Outputs(nn.Module):
    """The outputs of a layer, without its last state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        found = self.layer(source)
        return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU])
@cases(CASES)
@given(size=st.tuples(sizes, sizes, sizes, sizes), layers=st.integers(1, 2), both=st.booleans(), biased=st.booleans())
def test_layer_counts_every_step_of_every_layer_and_direction(
    layer: type[nn.RNNBase], size: tuple[int, int, int, int], layers: int, both: bool, biased: bool
) -> None:
    steps, batch, width, hidden = size
    module = filled(layer(width, hidden, layers, bias=biased, bidirectional=both))
    states = 2 if layer is nn.LSTM else 1

    def run(source: Array) -> Array:
        return loops.run(CELLS[layer], source, lifted(module, source.tally), layers, both, states)

    check(Outputs(module), (values(steps, batch, width),), run, terms)


@pytest.mark.parametrize("layer", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@cases(CASES)
@given(size=st.tuples(sizes, sizes, sizes), biased=st.booleans())
def test_cell_counts_one_step(layer: type[nn.RNNCellBase], size: tuple[int, int, int], biased: bool) -> None:
    batch, width, hidden = size
    module = filled(layer(width, hidden, bias=biased))

    def run(source: Array) -> Array:
        weights = lifted(module, source.tally)
        zero = source.make((batch, hidden), lambda *_: source.tally.number(0.0))
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return CELLS[layer](source, (zero, zero), tuple(map(weights.get, names)))[0]

    check(Outputs(module), (values(batch, width),), run, terms)


def test_documented_equations_of_a_gru_take_a_product_more_than_torch_executes() -> None:
    batch, width, hidden = 2, 3, 4
    module = filled(nn.GRUCell(width, hidden))
    results, operations = [], []
    for cell in (loops.gru_cell, loops.gru_cell_as_composed):
        tally = Tally()
        source = array(values(batch, width), tally)
        state = array(values(batch, hidden, seed=1), tally)
        weights = lifted(module, tally)
        results.append(tensor(cell(source, (state,), tuple(weights.values()))[0]))
        operations.append(tally["elementwise"].total())
    torch.testing.assert_close(results[0], results[1])
    assert operations[0] - operations[1] == batch * hidden
