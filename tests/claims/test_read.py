"""Claims files: what is read, and that a bad row is named and costs the others nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcile.claims import BadRow, Claim, read_claims, read_rows
from reconcile.errors import ReconcileError

HEAD = "model,value,unit,source\n"


def written(tmp_path: Path, text: str | bytes, name: str = "claims.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def only(path: Path) -> Claim:
    (row,) = read_claims(path)
    assert isinstance(row, Claim), row
    return row


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ("4.1,GFLOPs", 4_100_000_000),
        ("4.1G,FLOPs", 4_100_000_000),
        ("4.1G,GFLOPs", 4_100_000_000),
        ("4.1 GFLOPs,", 4_100_000_000),
        ("300,MAdds (M)", 300_000_000),
        ('"15,300M",FLOPs', 15_300_000_000),
        ("3.8e9,FLOPs", 3_800_000_000),
    ],
)
def test_a_power_of_ten_with_the_number_or_the_unit(tmp_path: Path, cells: str, value: int) -> None:
    assert only(written(tmp_path, f"{HEAD}resnet50,{cells},x\n")).value.value == value


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("resnet50,,GFLOPs,x", "the value is empty"),
        ("resnet50,4.1/7.8,GFLOPs,x", "more than one number"),
        ("resnet50,4.1,parsecs,x", "unknown unit 'parsecs'"),
        ("resnet50,4.1,,x", "has no unit"),
        ("resnet50,-4.1,GFLOPs,x", "is negative"),
        ("resnet50,nan,GFLOPs,x", "is not a number"),
        ("resnet50,many,GFLOPs,x", "is not a number"),
        ("resnet50,=SUM(A1),GFLOPs,x", "is not a number"),
        ("resnet50,4.1M,GFLOPs,x", "two powers of ten"),
        ("resnet50,4.1 MACs,GFLOPs,x", "the value says MACs"),
        (",4.1,GFLOPs,x", "there is no model"),
        ("resnet50,4.1,GFLOPs,x,more", "5 cells for 4 columns"),
        (f"resnet50,4.1,GFLOPs,{'x' * 20_000}", "more than 10,000 characters"),
        (f"resnet50,{'1' * 3_000_000},GFLOPs,x", "characters"),
    ],
)
def test_a_bad_row_is_named_and_the_others_are_read(tmp_path: Path, row: str, reason: str) -> None:
    path = written(tmp_path, f"{HEAD}alexnet,0.7,GFLOPs,x\n{row}\nvgg16,15.5,GFLOPs,x\n")
    first, bad, last = read_claims(path)
    assert isinstance(first, Claim)
    assert isinstance(last, Claim)
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith("claims.csv, line 3")
    assert reason in bad.reason


def test_a_row_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD.encode() + "alexnet,0.7,GFLOPs,Müller\n".encode("latin-1") + b"vgg16,15,GFLOPs,x\n")
    bad, good = read_claims(path)
    assert isinstance(bad, BadRow)
    assert "'source' is not UTF-8" in bad.reason
    assert isinstance(good, Claim)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = delimiter.join(["Model", "Value", "Unit"]) + "\r\n" + delimiter.join(["résnet", "4.1", "GFLOPs"]) + "\r\n"
    assert only(written(tmp_path, text.encode(encoding))).model == "résnet"


def test_a_claim_for_each_column_that_is_a_unit(tmp_path: Path) -> None:
    path = written(tmp_path, "model,GFLOPs,MACs (M),Top-1\nresnet50,8.2,4089,76\nalexnet,,714,56\nvgg16,,,71\n")
    first, second, third, bad = read_claims(path)
    assert isinstance(first, Claim)
    assert (first.value.value, first.unit.kind) == (8_200_000_000, "FLOP")
    assert isinstance(second, Claim)
    assert (second.value.value, second.unit.kind) == (4_089_000_000, "MAC")
    assert isinstance(third, Claim)
    assert (third.model, third.value.value) == ("alexnet", 714_000_000)
    assert isinstance(bad, BadRow)
    assert bad.reason == "claims.csv, line 4: there is no value."


def test_yaml_keeps_the_digits(tmp_path: Path) -> None:
    text = "source: a paper\nclaims:\n- {model: resnet50, value: 4.10, unit: GFLOPs}\n- model: x\n- just text\n"
    first, second, third = read_claims(written(tmp_path, text, "claims.yaml"))
    assert isinstance(first, Claim)
    assert (first.value.digits, first.source) == ("410", "a paper")
    assert isinstance(second, BadRow)
    assert second.reason == "claims.yaml, claim 2: there is no value."
    assert isinstance(third, BadRow)
    assert "claim 3" in third.reason


def test_missing_values_of_a_data_frame_are_empty() -> None:
    (row,) = read_rows([{"model": "resnet50", "value": 4.1, "unit": "GFLOPs", "input": float("nan"), "source": None}])
    assert isinstance(row, Claim)
    assert (row.input, row.source) == ("", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("modle,value,unit\nx,1,GFLOPs\n", "no column 'model'; did you mean modle"),
        ("model,vaule,unit\nx,1,GFLOPs\n", "no column 'value'; did you mean vaule"),
        ("model,value,value\nx,1,2\n", "'value' stands there twice"),
    ],
)
def test_a_file_that_is_no_table_of_claims(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReconcileError, match=reason):
        read_claims(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, HEAD)
    with pytest.raises(ReconcileError, match=r"there is no file .*claim\.csv; did you mean claims\.csv"):
        read_claims(tmp_path / "claim.csv")
