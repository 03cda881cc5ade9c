from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

from reconcile.report.terminal import explain, summary
from reconcile.run.result import Run

from .runs import FORMULA, layer, nasty_run, reconciliation, resnet_like


def rendered(renderable: RenderableType, width: int = 80) -> str:
    output = StringIO()
    Console(file=output, width=width).print(renderable)
    return output.getvalue()


def test_a_difference_is_explained_line_by_line() -> None:
    text = rendered(explain("resnet50", "1x3x224x224", "thop", resnet_like()))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "resnet50 1x3x224x224 thop, compute"
    assert lines[2] == "reference 4,089,284,608 4.089 G MAC (macs)"
    assert lines[3].startswith("normalization +44,000,000 +44.00 M 99.0 %")
    assert "in 44 BatchNorm2d layers" in lines
    assert "thop 4,133,740,537 4.134 G MAC, 1.0109 × the reference" in lines
    assert "Explained to the last operation: +44,455,929, 1.1 % of the reference." in lines


def test_a_residual_is_said_aloud() -> None:
    text = rendered(explain("net", "1x3", "thop", resnet_like(residual=-5)))
    assert "Unexplained: -5 of +44,455,924" in text


def test_agreement_is_one_sentence() -> None:
    text = rendered(explain("net", "1x3", "thop", reconciliation(layer("a", "A", 5))))
    assert "Agrees exactly with the reference." in text
    assert "Layers" not in text


def test_names_are_not_markup() -> None:
    item = reconciliation(layer("[red]x[/red]", "[b]", 5, formula=1))
    text = rendered(explain("[bold]net[/bold]", "[/]", "[link=x]", item))
    assert "[bold]net[/bold]" in text
    assert "[red]x[/red]" in text


def test_nothing_is_wider_than_the_terminal() -> None:
    wide = reconciliation(layer("a." * 60, "Kind" * 20, 2**60, formula=-(2**59)), layer("b", "B", 7, bias=1))
    for text in (rendered(explain("m" * 100, "1x3", "t" * 100, wide)), rendered(summary(nasty_run()))):
        assert max(map(len, text.splitlines())) <= 80


def test_a_run_is_summed_up(run: Run) -> None:
    text = rendered(summary(run))
    assert "2 models × 3 tools, 6 cells" in text
    assert "2 33.3 % agree exactly with the reference" in text
    assert "Causes of differences in compute" in text
    assert "normalization" in text
    assert "+5" in text
    assert FORMULA in text
