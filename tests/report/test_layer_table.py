from __future__ import annotations

from reconcile.report.layer_table import layer_rows, shown_layers

from .runs import SCRIPT, layer


def test_a_row_says_what_a_layer_adds_and_why() -> None:
    rows = layer_rows([layer("bn1", "BatchNorm2d", 0, residual=-2, bias=-64, normalization=802_816)])
    assert rows == (
        '<tr class="differs"><td class="path mono">bn1</td><td>BatchNorm2d</td><td class="n">1</td>'
        '<td class="n">802,750</td><td class="n">0</td><td class="n">+802,750</td>'
        '<td><span class="piece">normalization +802,816</span><span class="piece">bias −64</span>'
        '<span class="piece flag">unexplained −2</span></td></tr>'
    )


def test_a_row_without_a_difference_is_quiet() -> None:
    assert layer_rows([layer("", "Net", 1000)]) == (
        '<tr class="same"><td class="path mono">(model)</td><td>Net</td><td class="n">1</td>'
        '<td class="n">1,000</td><td class="n">1,000</td><td class="n">0</td><td></td></tr>'
    )


def test_names_are_escaped() -> None:
    rows = layer_rows([layer(SCRIPT, SCRIPT, 0, **{SCRIPT: 1})])
    assert rows.count("&lt;script&gt;") == 3
    assert "<script" not in rows


def test_layers_with_nothing_to_say_are_left_out() -> None:
    kept = [layer("a", "A", 1), layer("b", "B", 0, bias=1), layer("c", "C", 0, unit=3, bias=-3)]
    assert shown_layers([layer("d", "D", 0), *kept, layer("e", "E", 0, bias=0)]) == tuple(kept)
