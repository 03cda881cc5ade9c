"""Whatever a model does costs its own cells: they say what happened, and all others are right."""

from __future__ import annotations

import ast
import fcntl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconcile.run import Cell, Run, begin, make_plan, new_run_id, number_of_jobs, run_plan, this_machine
from tests.hostile import models
from tests.hostile.models import BIASES, HELD_FOLDER, INPUTS, MACS, OUTPUTS, PARAMETERS, SAMPLES

WHERE = models.__name__
TOOLS = ("thop", "torchinfo")

CONVOLUTION_POSITIONS = 3 * 4 * 5
CONVOLUTION_MACS = CONVOLUTION_POSITIONS * 2 * 3 * 3
CONVOLUTION_PARAMETERS = 3 * 2 * 3 * 3 + 3
FURTHER_MACS = SAMPLES * OUTPUTS * OUTPUTS

GOOD: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "good": {
        "reference": (MACS, PARAMETERS),
        "thop": (MACS, PARAMETERS),
        "torchinfo": (MACS + BIASES, PARAMETERS),
    },
    "good_twice": {
        "reference": (MACS + FURTHER_MACS, PARAMETERS + OUTPUTS * OUTPUTS),
        "thop": (MACS + FURTHER_MACS, PARAMETERS + OUTPUTS * OUTPUTS),
        "torchinfo": (MACS + BIASES + FURTHER_MACS, PARAMETERS + OUTPUTS * OUTPUTS),
    },
    "good_convolution": {
        "reference": (CONVOLUTION_MACS, CONVOLUTION_PARAMETERS),
        "thop": (CONVOLUTION_MACS, 0),  # it adds up the parameters of a model's parts, and this one has none
        "torchinfo": (CONVOLUTION_MACS + CONVOLUTION_POSITIONS, CONVOLUTION_PARAMETERS),
    },
    "good_and_large": {
        "reference": (20 * SAMPLES * INPUTS * INPUTS, 20 * (INPUTS * INPUTS + INPUTS)),
        "thop": (20 * SAMPLES * INPUTS * INPUTS, 20 * (INPUTS * INPUTS + INPUTS)),
        "torchinfo": (20 * SAMPLES * (INPUTS * INPUTS + INPUTS), 20 * (INPUTS * INPUTS + INPUTS)),
    },
}
"""Operations and parameters of the models that behave: products, with the biases where the tool counts them."""


@dataclass(frozen=True)
class Expected:
    """How a model's cells end, what the sentence says, and what it says where the reference failed too."""

    status: str
    words: str = ""
    traced: str | None = None


def crashed(words: str, traced: str | None = None) -> Expected:
    return Expected("crashed", words, traced)


def failed(words: str, traced: str | None = None) -> Expected:
    return Expected("failed", words, traced)


def raised(words: str) -> Expected:
    return Expected("failed", words, words)


SECONDS = 8
TIMEOUT = Expected("timeout", f"took longer than {SECONDS} seconds and was stopped")
TIMEOUT_ALWAYS = Expected("timeout", TIMEOUT.words, TIMEOUT.words)
MEGABYTES = 1000
RIGHT = Expected("ok")

LASTING: Mapping[str, Expected] = {
    "hangs_in_c": TIMEOUT,
    "hangs_in_a_regular_expression": TIMEOUT,
    "hangs_in_python": TIMEOUT,
    "hangs_always": TIMEOUT_ALWAYS,
    "hangs_while_built": TIMEOUT_ALWAYS,
    "speaks_and_hangs": Expected("timeout", f"{TIMEOUT.words}, having said: half way."),
    "ignores_signals": TIMEOUT,
    "stops_itself": TIMEOUT,
    "floods_stdout": Expected("timeout", "having said: xxxxx"),
    "floods_stderr": Expected("timeout", "having said: xxxxx"),
    "flood_of_results": Expected("timeout|crashed", "was stopped"),  # the time or the memory of who reads it
}

RUINOUS: Mapping[str, Expected] = {
    "kills_the_server": crashed("ended its process."),  # another one takes seconds to start
}

ENDING: Mapping[str, Expected] = {
    "exits_with_0": crashed("ended its process (exit code 0)."),
    "exits_with_7": crashed("ended its process (exit code 7)."),
    "exits_always": crashed("ended its process (exit code 9).", "ended its process (exit code 9)."),
    "speaks_and_exits": crashed("(exit code 3), having said: [31m<b>the  last\ufffd words</b> [0m."),
    "segmentation_fault": crashed("(signal SIGSEGV)"),
    "aborts": crashed("(signal SIGABRT)"),
    "kills_itself": crashed("(signal SIGKILL)"),
    "kills_its_group": crashed("(signal SIGKILL)"),
    "kills_its_parent": crashed("ended its process."),
    "kills_its_parent_and_leaves_a_daemon": crashed("ended its process."),
    "stops_the_server": RIGHT,
    "stops_the_server_and_kills_its_parent": crashed("ended its process."),
    "stops_its_parent": crashed("ended its process."),
    "closes_all_files": crashed("ended its process (exit code 1)."),
    "writes_nonsense_as_result": crashed("ended its process."),
    "writes_a_huge_length_as_result": crashed("ended its process (exit code 0)."),
    "writes_another_result": crashed("ended its process."),
    "writes_a_result_of_another_shape": crashed("ended its process."),
    "writes_a_result_with_a_text_for_memory": crashed("ended its process."),
    "writes_a_result_that_exits": crashed("ended its process."),
    "writes_another_result_for_its_trace": crashed("ended its process.", "ended its process."),
    "replaces_what_writes": crashed("RuntimeError: replaced by a model.", "RuntimeError: replaced by a model."),
    "memory_bomb": crashed(f"took more than {MEGABYTES} MB of memory and was stopped."),
    "tensor_bomb": crashed(f"took more than {MEGABYTES} MB of memory and was stopped."),
    "memory_bomb_in_a_child": crashed(f"took more than {MEGABYTES} MB of memory and was stopped."),
    "fork_bomb": crashed("started too many processes and was stopped."),
    "more_than_there_is": failed("MemoryError"),
    "exits_by_exception": raised("SystemExit: 3"),
    "interrupts": failed("KeyboardInterrupt"),
    "interrupts_while_built": raised("KeyboardInterrupt"),
    "recurses": raised("RecursionError: maximum recursion depth exceeded"),
    "raises_unreadable": raised("UnreadableError: its message cannot be read, RuntimeError"),
    "raises_unpicklable": raised("UnpicklableError: ('held', <function"),
    "raises_text_of_another_kind": raised("TextOfAnotherKindError: a text of its own kind"),
    "raises_a_megabyte": raised("ValueError: xxxxx"),
    "raises_many_lines": raised("ValueError: =1+1"),
    "raises_control_characters": raised("ValueError: [2J  <script>alert(1)</script>"),
    "raises_half_characters": raised("ValueError: half   of a character"),
    "raises_from_itself": raised("ValueError: round and round"),
    "raises_a_group": raised("BaseExceptionGroup: several (2 sub-exceptions)"),
    "deletes_parameters": failed("AttributeError: 'Linear' object has no attribute 'weight'"),
    "replaces_parameters": failed("RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    "orphan": RIGHT,
    "goes_on_twice": RIGHT,
    "endless_thread": RIGHT,
    "without_representation": RIGHT,
    "half_a_character_as_a_name": RIGHT,
    "changes_torch_while_built": RIGHT,
    "changes_torch_while_it_runs": RIGHT,
    "changes_python_while_built": RIGHT,
    "changes_python_while_it_runs": RIGHT,
    "meta_by_default": Expected("ok|failed", "Tensor.item() cannot be called on meta tensors"),  # where a tool asks
    "replaces_the_end": RIGHT,
    "closes_standard_streams": RIGHT,
}


def run(names: Sequence[str], folder: Path, jobs: int, seconds: float, tools: Sequence[str] = TOOLS) -> Run:
    config = folder / "run.yaml"
    listed = "".join(f"  - {WHERE}:{name}\n" for name in names)
    config.write_text(f"models:\n{listed}timeout_seconds: {seconds}\nmemory_limit_mb: {MEGABYTES}\n", encoding="utf-8")
    plan = make_plan(config_file=config, tools=tools, jobs=jobs)
    run_folder = begin(folder / "run", plan, new_run_id())
    told: list[str] = []
    damaged: list[str] = []
    with this_machine(plan) as backend:
        result = run_plan(plan, run_folder, backend, progress=told.append, report=damaged.append)
    assert len(told) == number_of_jobs(plan)
    assert damaged == []
    return result


def check(result: Run, expected: Mapping[str, Expected]) -> None:
    """Compare every cell and reference; what differs is shown by name."""
    wrong: dict[str, str] = {}
    for cell in result.cells:
        name = cell.model.partition(":")[2]
        if (problem := _problem(cell, name, expected.get(name, RIGHT))) is not None:
            wrong[f"{name} · {cell.tool}"] = problem
    for reference in result.references:
        name = reference.model.partition(":")[2]
        sentence = expected.get(name, RIGHT).traced
        numbers = (reference.compute, reference.parameters)
        if sentence is None and (reference.error or numbers != GOOD.get(name, GOOD["good"])["reference"]):
            wrong[f"{name} · reference"] = f"{numbers} {reference.error}"
        if sentence is not None and (numbers != (None, None) or not _is_sentence(reference.error, sentence)):
            wrong[f"{name} · reference"] = f"{numbers} {reference.error}"
    assert wrong == {}


def _problem(cell: Cell, name: str, expected: Expected) -> str | None:
    if cell.status not in expected.status.split("|"):
        return f"{cell.status}: {cell.error}"
    if cell.status != "ok":
        right = cell.reconciliations == {} and name in cell.error and _is_sentence(cell.error, expected.words)
        return None if right else f"says {cell.error}"
    numbers = tuple(
        (item.value, item.reference, item.residual, sum(layer.value for layer in item.layers))
        for item in (cell.reconciliations["compute"], cell.reconciliations["params"])
    )
    known = GOOD.get(name, GOOD["good"])
    right_numbers = tuple(
        (value, reference, 0, value) for value, reference in zip(known[cell.tool], known["reference"], strict=True)
    )
    return None if cell.error == "" and numbers == right_numbers else f"{numbers}, not {right_numbers}: {cell.error}"


def _is_sentence(text: str, words: str) -> bool:
    return words in text and text.isprintable() and len(text) < 600


def check_that_nothing_lives_on(folder: Path) -> None:
    held = list(folder.iterdir())
    assert held != []
    for path in held:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises if the process that took it still lives


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "held"
    folder.mkdir()
    monkeypatch.setenv(HELD_FOLDER, str(folder))
    return folder


def test_every_hostile_model_is_expected_to_do_something() -> None:
    defined = {
        node.name
        for node in ast.parse(Path(models.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and node.returns.id == "Built"
    }
    assert defined == set(GOOD) | set(ENDING) | set(LASTING) | set(RUINOUS)
    assert len(ENDING) + len(LASTING) >= 25


def test_models_that_end_their_process_raise_or_change_it(tmp_path: Path, held: Path) -> None:
    check(run([*GOOD, *ENDING], tmp_path, jobs=4, seconds=120), ENDING)
    check_that_nothing_lives_on(held)


def test_models_that_never_return(tmp_path: Path) -> None:
    check(run([*GOOD, *LASTING], tmp_path, jobs=24, seconds=SECONDS), LASTING)


@pytest.mark.slow
def test_all_hostile_models_in_one_run(tmp_path: Path, held: Path) -> None:
    everything = {**ENDING, **LASTING, **RUINOUS}
    names = [name for number in range(4) for name in [*GOOD, *everything][number::4]]
    check(run(names, tmp_path, jobs=8, seconds=SECONDS), everything)
    check_that_nothing_lives_on(held)
