"""What published numbers are found to count. Counts are those of the models; the numbers are printed in the sources."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import reconcile
from reconcile.claims import AuditedClaim, audit, claim_of
from reconcile.claims.counts import counting
from reconcile.cli import main
from reconcile.zoo import timm_zoo

COUNTS_OF = counting()


def examined(**cells: str) -> AuditedClaim:
    (row,) = audit([claim_of(cells, "the row")], COUNTS_OF).rows
    assert isinstance(row, AuditedClaim), row
    return row


def test_resnet_50_is_that_of_its_paper_with_the_stride_on_the_first_convolution() -> None:
    """3.8e9 in He et al., table 1; torchvision's is version 1.5, which has 4.09e9."""
    row = examined(model="resnet50", value="3.8e9", unit="FLOPs (multiply-adds)", input="224")
    assert row.finding.verdict == "variant"
    assert row.finding.best is not None
    assert row.finding.best.count == 3_857_973_248
    assert "stride" in row.note


def test_efficientnet_b2_at_the_papers_input_and_at_torchvisions() -> None:
    """1.0e9 in Tan and Le, table 2, for 260 pixels; torchvision publishes 1.088 for 288."""
    assert examined(model="efficientnet_b2", value="1.0e9", unit="MAdds", input="260").finding.verdict == "confirmed"
    row = examined(model="efficientnet_b2", value="1.088", unit="GFLOPS")
    assert row.finding.verdict == "mislabelled"
    assert row.finding.best is not None
    assert (row.finding.best.measure, row.finding.best.input) == ("macs", "1x3x288x288")


def test_another_input_is_found() -> None:
    row = examined(model="efficientnet_b2", value="0.9936", unit="GMACs")
    assert row.finding.verdict == "input"
    assert row.finding.best is not None
    assert row.finding.best.input == "1x3x260x260"


def test_squeezenet_in_the_table_of_mobilenets_counts_in_another_unit_than_its_neighbours() -> None:
    """Howard et al., arXiv:1704.04861, table 9, prints 1700 million mult-adds beside AlexNet's 720."""
    rows = [
        claim_of(
            {"model": model, "value": value, "unit": "Million Mult-Adds", "input": size, "source": "Table 9"}, model
        )
        for model, value, size in (("squeezenet1_0", "1700", "227"), ("alexnet", "720", "224/227"))
    ]
    squeezenet, alexnet = audit(rows, COUNTS_OF).claims
    assert squeezenet.finding.verdict == "mislabelled"
    assert squeezenet.finding.best is not None
    assert squeezenet.finding.best.measure == "twice-macs"
    assert alexnet.finding.verdict == "confirmed"


@pytest.mark.skipif(not timm_zoo.is_installed(), reason="the network of the paper is one of timm's")
def test_regnet_y_8gf_is_another_network_than_the_papers() -> None:
    row = examined(model="regnet_y_8gf", value="8.0e9", unit="flops", input="224")
    assert row.finding.verdict == "variant"
    assert "timm/regnety_080" in row.note


@pytest.mark.parametrize(
    ("value", "unit", "verdict", "measure"),
    [
        ("714", "MMACs", "confirmed", "macs"),
        ("1.428", "GFLOPs", "confirmed", "twice-macs"),
        ("714.2", "MFLOPs", "mislabelled", "macs"),
        ("714.19", "M FLOPs/2", "confirmed", "twice-macs"),
        ("714188480", "MACs", "confirmed", "macs"),
        ("714.2", "GMACs", "slip", "macs"),
        ("61.10", "MMACs", "slip", "macs"),
        ("741.2", "MMACs", "slip", "macs"),
        ("720", "MMACs", "approximate", "macs"),
        ("12345", "MMACs", "unexplained", ""),
    ],
)
def test_alexnet(value: str, unit: str, verdict: str, measure: str) -> None:
    """714,188,480 multiply-adds and 61,100,840 parameters, as torchvision publishes them."""
    row = examined(model="alexnet", value=value, unit=unit, input="224")
    assert row.finding.verdict == verdict, row.note
    assert row.finding.best is not None
    assert measure in ("", row.finding.best.measure)


def test_a_tool_in_a_table_of_its_own() -> None:
    """thop counts normalizations twice per element: 4,133,742,592 for ResNet-50 and 1,824,033,792 for ResNet-18."""
    rows = [
        claim_of({"model": model, "value": value, "unit": "MACs", "source": "a table"}, model)
        for model, value in (("resnet50", "4.1337G"), ("resnet18", "1.8240G"), ("alexnet", "714.2M"))
    ]
    found = audit(rows, COUNTS_OF)
    assert [row.finding.verdict for row in found.claims[:2]] == ["convention", "convention"]
    assert {row.finding.best.measure for row in found.claims[:2] if row.finding.best} == {"thop"}
    assert [(table.measure, table.fitting) for table in found.tables] == [("thop", 3)]


def test_parameters_of_another_model_are_called_out() -> None:
    row = examined(model="alexnet", value="714.2M", unit="MACs", parameters="25.6M")
    assert row.finding.verdict == "confirmed"
    assert row.called_out == "the model has 61,100,840 parameters, not 25.6M"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resnet5o", "did you mean resnet50"),
        ("YOLOv8n", "there is no model 'YOLOv8n' here"),
        ("os:abort", "'os:abort' is code"),
    ],
)
def test_models_that_are_not_here_are_not_guessed(model: str, words: str) -> None:
    row = examined(model=model, value="4.1G", unit="MACs")
    assert row.finding.verdict == "not-countable"
    assert words in row.note


def test_code_that_a_file_names_is_run_only_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import torch\nopen('was_run', 'w').close()\ndef net():\n    return torch.nn.Linear(4, 5), torch.zeros(1, 4)\n"
    )
    (tmp_path / "own_net_of_a_file.py").write_text(code, encoding="utf-8")
    (tmp_path / "claims.csv").write_text("model,value,unit\nown_net_of_a_file:net,20,MACs\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert reconcile.audit("claims.csv").verdicts == {"not-countable": 1}
    assert not (tmp_path / "was_run").exists()
    assert reconcile.audit("claims.csv", own_models=True).verdicts == {"confirmed": 1}


def test_a_printed_name_is_taken_as_a_models_and_that_is_said() -> None:
    row = examined(model="AlexNet", value="714.2M", unit="MACs")
    assert row.finding.verdict == "confirmed"
    assert "'AlexNet' is taken as alexnet" in row.note


def test_an_input_that_is_not_understood_is_said() -> None:
    row = examined(model="alexnet", value="714.2M", unit="MACs", input="a picture")
    assert "the input 'a picture' is not understood" in row.note


CLAIMS = """model,value,unit,source
alexnet,714.2,MMACs,a paper
"=HYPERLINK(""http://x"")",1,GFLOPs,<script>alert(1)</script>
alexnet,7142,MMACs,a paper
alexnet,,MMACs,a paper
"""


def test_the_command_leaves_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "claims.csv"
    file.write_text(CLAIMS, encoding="utf-8")
    out = tmp_path / "out"
    assert main(["audit", str(file), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "claims.csv, line 5: the value is empty." in " ".join(said.err.split())
    table = pd.read_csv(out / "verdicts.csv", keep_default_na=False)
    assert list(table.columns) == [
        "model", "value", "unit", "source", "verdict", "matched_convention", "matched_input", "count", "relative_gap",
        "alternatives", "note",
    ]  # fmt: skip  # a list of names
    assert list(table["verdict"]) == ["confirmed", "not-countable", "slip", "bad-row"]
    assert table["count"][0] == "714188480"
    assert table["model"][1].startswith("'=HYPERLINK")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "sources.csv", "verdicts.csv"]
    assert main(["audit", str(file), "--out", str(out)]) == 2
    assert "not an empty folder" in " ".join(capsys.readouterr().err.split())


def test_the_exit_status_says_what_it_is_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "claims.csv"
    file.write_text(CLAIMS, encoding="utf-8")
    assert main(["audit", str(file)]) == 0
    assert main(["audit", str(file), "--fail-on", "unexplained"]) == 0
    assert main(["audit", str(file), "--fail-on", "slip,unexplained"]) == 1


def test_one_number_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "resnet50", "3.8e9", "--unit", "FLOPs", "--input", "224"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("variant: resnet50, 3.8e9 FLOPs")
    assert "3,857,973,248" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.csv"], "there is no file nowhere.csv"),
        (["paper"], "there is no file and no part of the registry 'paper'; did you mean papers?"),
        (["resnet5o", "4.1G", "--unit", "MACs"], "unknown model 'resnet5o'; did you mean resnet50"),
        (["resnet50", "many", "--unit", "MACs"], "the number: the value 'many' is not a number."),
        (["resnet50", "4.1"], "the number: has no unit."),
        (["resnet50", "4.1", "MACs"], "an audit takes a file, or a MODEL and a VALUE."),
        (["papers", "--unit", "MACs"], "--unit is for one number"),
        (["papers", "--fail-on", "slips"], "there is no verdict 'slips'; did you mean slip?"),
    ],
)
def test_bad_use_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert "Traceback" not in said


def test_in_python(tmp_path: Path) -> None:
    rows = [{"model": "alexnet", "value": 714.2, "unit": "MMACs"}, {"model": "alexnet", "value": "", "unit": "MMACs"}]
    for given in (rows, pd.DataFrame(rows)):
        found = reconcile.audit(given)
        assert list(found.to_frame()["verdict"]) == ["confirmed", "bad-row"]
        assert found.verdicts == {"confirmed": 1}
    found.to_html(tmp_path / "audit.html")
    assert "Audit of published numbers" in (tmp_path / "audit.html").read_text(encoding="utf-8")
