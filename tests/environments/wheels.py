"""Small distributions as wheels in a folder, which pip is told to look into, and nowhere else."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

TORCHINFO = """
class Row:
    is_recursive, is_leaf_layer, output_bytes, param_bytes = False, True, 0, 0
    def __init__(self, module, macs, num_params):
        self.module, self.macs, self.num_params = module, macs, num_params

class Found:
    total_input = total_output_bytes = total_param_bytes = 0

    def __init__(self, model, macs, params):
        self.total_mult_adds, self.total_params = macs, params
        self.summary_list = [Row(model, macs, params)]

def summary(model, **options):
    params = sum(parameter.numel() for parameter in model.parameters())
    return Found(model, {number} * params, params)
"""
"""A torchinfo that counts each parameter so many times."""


def write_wheel(
    folder: Path, name: str, version: str, modules: Mapping[str, str], requires: Sequence[str] = ()
) -> None:
    """Write a wheel with modules by file name and text."""
    about = f"{name}-{version}.dist-info"
    facts = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    files = {
        **modules,
        f"{about}/METADATA": "\n".join([*facts, *(f"Requires-Dist: {item}" for item in requires), ""]),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(path, text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with wheels, which is all that pip finds, and a folder of its own for environments."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("RECONCILE_ENVIRONMENTS", str(tmp_path / "environments"))
    return folder
