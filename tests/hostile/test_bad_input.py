"""Whatever is written into a file or behind the command: one sentence and status 2, or it is right; never a traceback.

Each test counts what it has given and what was refused of it: together there are more than 2000 bad inputs.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import reconcile.cli
import reconcile.run.cluster
from reconcile.cli import main
from reconcile.errors import ReconcileError
from reconcile.run import RunConfig
from reconcile.run.folder import StoredPlan
from reconcile.run.records import SCHEMAS
from tests.hostile import models
from tests.hostile.backend import backend

MODEL = f"{models.__name__}:good"
WOULD_RUN = "would run"


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


def call(*arguments: str) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return Outcome(status, out.getvalue(), err.getvalue())


class Place:
    """A folder in which a command is called again and again; nothing may change in it. Counts what was refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refused = 0
        self.given = 0

    def call(self, *arguments: str, statuses: Sequence[int] = (0, 2)) -> Outcome:
        before = self.files()
        outcome = call(*arguments)
        self.given += 1
        assert outcome.status in statuses, (arguments, outcome)
        assert "Traceback" not in outcome.err
        if outcome.status == 2:
            self.refused += 1
            lines = outcome.err.splitlines()
            assert len(lines) == 1, (arguments, outcome)
            assert lines[0].startswith("reconcile: "), (arguments, outcome)
        assert self.files() == before, (arguments, outcome)
        return outcome

    def files(self) -> list[str]:
        return sorted(str(path) for path in self.folder.rglob("*"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


# --- configuration files ---

KEYS = st.sampled_from([*RunConfig.model_fields, "name", "input", "model", "tool", "Models", "seeds", "", "<<"])
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, 10**30, 10**400]),
    st.floats(),
    st.booleans(),
)
NAMES = st.sampled_from(
    [
        "resnet18",
        "resnet*",
        "*",
        "[",
        "thop",
        "macs",
        "eval",
        "train",
        "documented",
        MODEL,
        "no:thing",
        "1x3x8x8",
        "vgg11()",
        "resnet18(",
        "resnet18(a=1)",
        "../x",
        "~",
        "null",
        "on",
        ":",
        "a:b:c",
        "\x00",
        "\u202e",
        "[1x1]",
    ]
)
SCALARS = st.one_of(st.none(), NUMBERS, NAMES, st.text(max_size=20))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, SCALARS), inner, max_size=4)),
    max_leaves=12,
)
RIGHT: Mapping[str, st.SearchStrategy[Any]] = {
    "models": st.just([MODEL]),
    "tools": st.just(["thop"]),
    "seed": st.just(3),
    "strict": st.booleans(),
    "tools_may_fail": st.booleans(),
    "timeout_seconds": st.just(5),
}
NEARLY_RIGHT = st.builds(
    lambda right, wrong: {**right, **wrong},
    st.fixed_dictionaries(dict(RIGHT)),
    st.dictionaries(st.one_of(KEYS, st.text(max_size=8)), VALUES, min_size=1, max_size=2),
)


def test_configuration_files_of_any_structure(place: Place) -> None:
    file = place.folder / "config.yaml"
    file.touch()

    @examples(700)
    @given(st.one_of(NEARLY_RIGHT, NEARLY_RIGHT, VALUES))
    def check(document: Any) -> None:
        try:
            text = yaml.safe_dump(document, allow_unicode=True)
        except yaml.YAMLError:
            return
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        place.call("run", "--config", str(file), "--dry-run")

    check()
    assert place.refused >= 500


YAML_PIECES = st.sampled_from(
    [
        "models: ",
        "tools: ",
        "- ",
        "resnet18",
        "\n",
        "\n",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "&a ",
        "*a",
        "!!python/name:os.system ",
        "!!binary ",
        "!x ",
        "<<: ",
        "|\n",
        ">\n",
        "---\n",
        "...\n",
        "%YAML 3.0\n",
        "'",
        '"',
        "#",
        "? ",
        ", ",
        "2001-01-01",
        "0x1F",
        "1e999",
        ".nan",
        "-.inf",
        "0o17",
        "1_000",
        "60:00",
        "\ufeff",
        "\x85",
        "\u2028",
        "\x07",
        "\ud800",
    ]
)


def test_configuration_files_of_any_text(place: Place) -> None:
    file = place.folder / "config.yaml"
    file.touch()

    @examples(500)
    @given(st.one_of(st.lists(YAML_PIECES, max_size=25).map("".join), st.text(max_size=60), st.binary(max_size=60)))
    def check(content: str | bytes) -> None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        place.call("run", "--config", str(file), "--dry-run")

    check()
    assert place.refused >= 400


@pytest.mark.parametrize(
    "text",
    [
        "models: " + "[" * 100_000,
        "models: " + "{a: " * 5000,
        "- " * 20_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *a]\n" for n in range(60)),
        "models: [resnet18]\nseed: " + "9" * 5000,
        "models: [resnet18]\nseed: 0x" + "f" * 50_000,
        "models: [" + "resnet18, " * 5000 + "vgg]\n",
        "x" * 1_000_000,
        "models: ['" + "a" * 100_000 + "']",
        "models: ['" + "*" * 200 + "b']",
        "models: ['" + "[" * 2000 + "']",
        "models: ['resnet18(a=" + "(" * 5000 + "']",
        "models: [{name: resnet18, input: " + "9x" * 5000 + "9}]",
        "models: [{name: resnet18, input: '" + "1x3," * 5000 + "1'}]",
        "? [a, b]\n: c\n",
        "? {a: b}\n: c\n",
    ],
    ids=range(16),
)
def test_configuration_files_of_any_size(text: str, place: Place) -> None:
    file = place.folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    assert len(place.call("run", "--config", str(file), "--dry-run").err) < 300_000


# --- command lines ---

OPTIONS: Mapping[str, st.SearchStrategy[str]] = {
    "--config": st.sampled_from(["config.yaml", "nowhere.yaml", ".", "", "/dev/null", "x" * 5000, "\udce9"]),
    "--tools": st.sampled_from(["thop", "thop,thop", ",", "", "tohp", " thop ", "thop;fvcore", "*", "\u0661"]),
    "--tool": st.sampled_from(["thop", "", "thop,fvcore", "tohp", "\x1b[1m"]),
    "--reference": st.sampled_from(["macs", "", "mac", "config.yaml", "/", "/dev/null", "x" * 5000, "*"]),
    "--convention": st.sampled_from(["macs", "", "mac", "config.yaml", "/", "nothing.yaml", "x" * 5000]),
    "--input": st.one_of(
        st.sampled_from(
            ["1x3x8x8", "", "0", "x", "1x", "1x3:int65", "[", "[1x1", "a=", "=1", "1x1,", "9" * 30, "-1", "１x３"]
        ),
        st.text(alphabet="0123456789x:,[]=ab \u0663", max_size=15),
    ),
    "--out": st.sampled_from(
        ["config.yaml", "new", ".", "", "x" * 5000, "/proc/none", "/dev/null", "a/" * 3000, "\udce9"]
    ),
    "--jobs": st.one_of(st.integers().map(str), st.text(max_size=5), st.sampled_from(["1", "1e3", "1_0", "٣", "nan"])),
    "--seed": st.one_of(st.integers().map(str), st.text(max_size=5), st.sampled_from(["0", "-0", "0x1", "9" * 400])),
    "--mode": st.sampled_from(["eval", "train", "test", "EVAL", ""]),
    "--execution": st.sampled_from(["documented", "without-arithmetic", "quick", ""]),
    "--cluster": st.sampled_from(["tcp://nowhere", "", "\x00"[:0]]),
    "--resume": st.sampled_from(
        ["new", ".", "", "..", "x" * 5000, "\udce9", "20260101T000000Z-abcdef", "/dev/null", "a\nb"]
    ),
    "--metric": st.sampled_from(["compute", "params", "flops", ""]),
    "--by": st.sampled_from(["layer", "model", "x", ""]),
    "--format": st.sampled_from(["json", "csv", "xml", ""]),
}
FLAGS = st.sampled_from(
    ["--fresh", "--strict", "--dry-run", "--no-such-flag", "-x", "--", "-", "--strict=1", "--jobs", "-h=1"]
)
ARGUMENTS = st.one_of(
    st.sampled_from(
        [
            MODEL,
            "resnet81",
            "",
            "nowhere:net",
            "config:x",
            "no*",
            ":",
            "a:",
            "resnet18()",
            "resnet18(a)",
            "models",
            "tool",
            "[",
            "resnet18(num_classes='x'",
            "\udce9",
            "x" * 5000,
            "a\nb",
            "tests.hostile.models:inputs",
            "os:nothing",
            "json:tool",
            "tests.hostile.models:nothing",
            "ｒesnet18",
        ]
    ),
    st.text(max_size=12),
)
COMMANDS = st.sampled_from(["run", "run", "run", "count", "explain", "list", "rnu", "", "--help-me"])


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    words: list[str] = [draw(COMMANDS)]
    for _ in range(draw(st.integers(0, 3))):
        match draw(st.integers(0, 3)):
            case 0:
                words.append(draw(FLAGS))
            case 1:
                words.append(draw(ARGUMENTS))
            case _:
                name = draw(st.sampled_from(sorted(OPTIONS)))
                words += [name, draw(OPTIONS[name])]
    return [word.replace("\0", "") for word in words]  # no program can be given one


def would_run(*_: object, **__: object) -> NoReturn:
    raise ReconcileError(WOULD_RUN)


def test_command_lines(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is well with a run, it is not begun; a number that is shown is shown."""
    for name in ("begin", "cluster_at", "trace_spec"):
        monkeypatch.setattr(reconcile.cli, name, would_run)
    (place.folder / "config.yaml").write_text(f"models: ['{MODEL}']\ntools: [thop]\n", encoding="utf-8")

    @examples(900)
    @given(command_lines())
    def check(words: list[str]) -> None:
        place.call(*words)

    check()
    assert place.refused >= 700


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "tcp://",
        "tcp://127.0.0.1:1",
        "127.0.0.1:1",
        "tcp://127.0.0.1:99999999",
        "http://127.0.0.1:1",
        "tcp://[::1",
        "inproc://x",
        "ucx://127.0.0.1:1",
        "tls://127.0.0.1:1",
        "tcp://no.such.host.invalid:8786",
        "x" * 5000,
        "\udce9",
        "tcp://127.0.0.1:-1",
    ],
    ids=range(15),
)
def test_clusters_that_are_not_there(address: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile.run.cluster, "CONNECT_SECONDS", 0.3)
    outcome = place.call("run", MODEL, "--tools", "thop", "--cluster", address)
    assert outcome.status == 2


# --- stored files ---


@pytest.fixture
def finished(place: Place, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of two models of the zoo."""
    monkeypatch.setattr(reconcile.cli, "this_machine", backend())
    folder = place.folder / "finished"
    outcome = call(
        "run", "squeezenet1_1", "--input", "1x3x32x32", "--tools", "thop,torchinfo", "--jobs", "1", "--out", str(folder)
    )
    assert (outcome.status, outcome.err) == (0, "")
    return folder


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Path]:
    copy = folder.parent / "other" / "copy"
    shutil.copytree(folder, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy.parent)


def mutations(content: bytes) -> st.SearchStrategy[bytes]:
    """Bytes replaced, removed or inserted somewhere."""

    def mutated(places: list[tuple[int, int, bytes]]) -> bytes:
        changed = bytearray(content)
        for start, length, instead in places:
            at = start % (len(changed) + 1)
            changed[at : at + length] = instead
        return bytes(changed)

    piece = st.tuples(st.integers(0, 2**20), st.integers(0, 30), st.binary(max_size=8))
    return st.lists(piece, min_size=1, max_size=4).map(mutated)


def test_stored_plans(place: Place, finished: Path) -> None:
    content = (finished / "run.json").read_bytes()
    document = json.loads(content)
    keys = st.sampled_from([*StoredPlan.model_fields, "further", ""])
    numbers = st.sampled_from([0, -1, 10**30, 0.5, float("nan"), float("inf"), "1", True, None, [], {}, [[]], 1e-300])
    replaced = st.dictionaries(keys, st.one_of(numbers, VALUES), min_size=1, max_size=2).map(
        lambda new: {**document, **new}
    )
    removed = keys.map(lambda name: {key: value for key, value in document.items() if key != name})
    structures = st.one_of(replaced, replaced, removed, VALUES).map(lambda value: json.dumps(value).encode())

    @examples(500)
    @given(st.one_of(structures, mutations(content)))
    def check(changed: bytes) -> None:
        (finished / "run.json").write_bytes(changed)
        place.call("run", "--resume", str(finished), "--dry-run")

    check()
    assert place.refused >= 350


def test_stored_results_with_other_bytes(place: Place, finished: Path) -> None:
    """A damaged file is noticed by its digest: the cell is to be run again."""
    files = sorted((finished / "results" / "measurements").iterdir())
    contents = {file: file.read_bytes() for file in files}
    noticed = 0

    @examples(250)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal noticed
        file = data.draw(st.sampled_from(files))
        changed = data.draw(mutations(contents[file]))
        file.write_bytes(changed)
        outcome = place.call("run", "--resume", str(finished), "--dry-run")
        assert outcome.status == 0
        noticed += changed != contents[file]
        file.write_bytes(contents[file])

    check()
    assert noticed >= 200


def _with(value: object, name: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        rows = [{**row, name: value} for row in table.to_pylist()]
        return pa.Table.from_pylist(rows, table.schema)

    return change


def _without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def _changes(kind: str) -> Iterator[tuple[str, Callable[[pa.Table], pa.Table]]]:
    schema = SCHEMAS[kind]
    for field in schema:
        yield f"{field.name} null", _with(None, field.name)
        if pa.types.is_string(field.type):
            yield f"{field.name} other", _with("=another\x1b[2J", field.name)
        if pa.types.is_integer(field.type):
            yield f"{field.name} large", _with(2**62, field.name)
        if pa.types.is_floating(field.type):
            yield f"{field.name} nan", _with(float("nan"), field.name)
    yield "a column missing", _without(schema.names[-1])
    yield "no rows", lambda table: table.slice(0, 0)
    yield "twice", lambda table: pa.concat_tables([table, table])
    yield "no columns", lambda table: table.select([])
    yield "another schema", lambda _: pa.table({"a": [1]})
    yield "further column", lambda table: table.append_column("further", pa.array([1] * table.num_rows))


@pytest.mark.parametrize(
    "kind", ["measurements", "references", pytest.param("reconciliations", marks=pytest.mark.slow)]
)
def test_stored_results_with_other_values(
    kind: str, place: Place, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are whole, under the digest of what is in them: they are refused or used, and nothing falls over."""
    original = sorted((finished / "results" / kind).iterdir())[0]
    table = pq.read_table(original)
    number = 0
    for what, change in _changes(kind):
        with copied(finished) as folder:
            buffer = io.BytesIO()
            pq.write_table(change(table), buffer)
            content = buffer.getvalue()
            (folder / "results" / kind / original.name).unlink()
            key = original.stem.rpartition("-")[0]
            name = f"{key}-{sha256(content).hexdigest()[:16]}.parquet"
            (folder / "results" / kind / name).write_bytes(content)
            outcome = call("run", "--resume", str(folder))
            assert outcome.status in (0, 1), (what, outcome)
            assert (folder / "index.html").is_file(), what
            number += 1
    assert number >= 15
