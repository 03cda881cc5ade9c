"""Results as files: whole or not at all, proved by their digests, and what is damaged is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcile.errors import ReconcileError
from reconcile.run.store import Store, tables

SCHEMA = pa.schema({"run_id": pa.string(), "number": pa.int64()})
KEY, OTHER = "a" * 32, "b" * 32


def table(number: int, run_id: str = "run") -> pa.Table:
    return pa.Table.from_pylist([{"run_id": run_id, "number": number}], SCHEMA)


def number_in(store: Store, key: str = KEY) -> int | None:
    stored = store.read(key)
    return None if stored is None else stored.table.column("number")[0].as_py()


class Place:
    """The stores of a run and of earlier ones beside it, with what they report."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reported: list[str] = []

    def store(self, name: str = "run", *earlier: str) -> Store:
        places = [self.path / other for other in earlier]
        return Store(self.path / name, SCHEMA, places, self.reported.append)

    def files(self, name: str = "run") -> list[Path]:
        return sorted((self.path / name).glob("*.parquet"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def encoded(content: pa.Table) -> bytes:
    buffer = BytesIO()
    pq.write_table(content, buffer)
    return buffer.getvalue()


def put(folder: Path, content: bytes, key: str = KEY) -> Path:
    """A file whose name promises what it holds."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{key}-{sha256(content).hexdigest()[:16]}.parquet"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read(place: Place) -> None:
    store = place.store()
    written = store.write(KEY, table(3))
    store.write(OTHER, table(4))
    for reader in (store, place.store()):
        assert (number_in(reader), number_in(reader, OTHER), number_in(reader, "c" * 32)) == (3, 4, None)
    (path, _) = place.files()
    assert path.name == f"{KEY}-{written.digest}.parquet"
    assert sha256(path.read_bytes()).hexdigest().startswith(written.digest)
    assert sorted(found.column("number")[0].as_py() for found in tables(place.path / "run", SCHEMA)) == [3, 4]
    assert {entry.suffix for entry in (place.path / "run").iterdir()} == {".parquet"}
    assert place.reported == []


def test_a_folder_that_is_not_there_is_empty(place: Place) -> None:
    assert number_in(place.store("run", "nowhere")) is None
    assert place.store("run", "nowhere").take_over(KEY, lambda _: True) is None
    assert list(tables(place.path / "nowhere", SCHEMA)) == []
    assert list(place.path.iterdir()) == []


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "first byte": lambda path: flip(path, 0),
    "a byte in the middle": lambda path: flip(path, path.stat().st_size // 2),
    "last byte": lambda path: flip(path, -1),
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
    "empty": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "something else": lambda path: path.write_text("not Parquet"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}

FORGERIES = {
    "not Parquet": b"something else",
    "nothing": b"",
    "another column": encoded(pa.table({"something": [1]})),
    "a column more": encoded(table(3).append_column("more", [[1]])),
    "another type": encoded(pa.table({"run_id": ["run"], "number": ["three"]})),
    "no rows": encoded(SCHEMA.empty_table()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_set_aside(place: Place, damage: Callable[[Path], object]) -> None:
    place.store().write(KEY, table(3))
    place.store().write(OTHER, table(4))
    path = place.files()[0]
    damage(path)
    store = place.store()
    assert number_in(store) is None
    moved = path.parent / "damaged" / path.name
    assert place.reported == [f"{path} is damaged: it is set aside as {moved} and computed again."]
    assert moved.exists()
    assert not path.exists()
    assert number_in(store) is None  # and is not reported again
    store.write(KEY, table(3))
    for reader in (store, place.store()):
        assert (number_in(reader), number_in(reader, OTHER)) == (3, 4)
    assert len(place.reported) == 1


@pytest.mark.parametrize("content", FORGERIES.values(), ids=FORGERIES)
def test_a_file_that_is_whole_and_holds_something_else(place: Place, content: bytes) -> None:
    path = put(place.path / "run", content)
    assert number_in(place.store()) is None
    assert [sentence.startswith(f"{path} is damaged: it is set aside") for sentence in place.reported] == [True]
    put(place.path / "earlier", content)
    assert place.store("run", "earlier").take_over(KEY, lambda _: True) is None
    assert place.reported[1:] == [f"{place.path / 'earlier' / path.name} is damaged: it is not used."]
    assert list(tables(place.path / "earlier", SCHEMA)) == []
    assert not place.store("run", "earlier").has(KEY, lambda _: True)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_in_an_earlier_run_is_left_there(place: Place, damage: Callable[[Path], object]) -> None:
    place.store("earlier").write(KEY, table(3))
    (path,) = place.files("earlier")
    damage(path)
    store = place.store("run", "earlier")
    assert not store.has(KEY, lambda _: True)
    assert place.reported == []  # to look changes nothing
    assert store.take_over(KEY, lambda _: True) is None
    assert place.reported == [f"{path} is damaged: it is not used."]
    assert place.files("earlier") == [path]
    assert list((place.path / "earlier").iterdir()) == [path]


def test_the_next_earlier_run_is_asked_where_one_is_damaged(place: Place) -> None:
    place.store("latest").write(KEY, table(1))
    place.store("oldest").write(KEY, table(2))
    flip(place.files("latest")[0], 100)
    stored = place.store("run", "latest", "oldest").take_over(KEY, lambda _: True)
    assert stored is not None
    assert stored.table.column("number")[0].as_py() == 2
    assert len(place.reported) == 1


def test_an_earlier_run_that_is_removed_meanwhile_is_no_error(place: Place) -> None:
    place.store("earlier").write(KEY, table(1))
    store = place.store("run", "earlier")
    assert store.has(KEY, lambda _: True)
    place.files("earlier")[0].unlink()
    assert store.take_over(KEY, lambda _: True) is None
    assert number_in(store) is None


def test_what_an_earlier_run_has_becomes_this_runs_own(place: Place) -> None:
    place.store("earlier").write(KEY, table(3, "earlier"))
    (source,) = place.files("earlier")
    before = (source.stat().st_ino, source.stat().st_mtime_ns)
    store = place.store("run", "earlier")
    assert number_in(store) is None  # until it is taken over
    assert store.take_over(KEY, lambda _: False) is None
    assert place.files() == []
    assert store.take_over(KEY, lambda _: True) is not None
    assert number_in(store) == 3
    (copy,) = place.files()
    assert (copy.name, copy.read_bytes()) == (source.name, source.read_bytes())
    assert copy.stat().st_ino != source.stat().st_ino  # what becomes of one is nothing to the other
    assert (source.stat().st_ino, source.stat().st_mtime_ns) == before
    assert number_in(place.store()) == 3


def test_what_a_killed_program_left_half_written_is_nothing(place: Place) -> None:
    place.store().write(KEY, table(3))
    content = place.files()[0].read_bytes()
    for part in (0, 10, len(content)):
        (place.path / "run" / f".{OTHER}-{'0' * 16}.parquet.0000{part:04x}").write_bytes(content[:part])
    for name in ("notes.txt", "-.parquet", ".parquet", "nodash.parquet"):
        (place.path / "run" / name).write_text("mine")
    store = place.store()
    assert (number_in(store), number_in(store, OTHER)) == (3, None)
    assert place.reported == []


def test_a_program_killed_while_it_writes_leaves_whole_files(place: Place) -> None:
    """Whatever its name promises is there."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom reconcile.run.store import Store\n"
        "from tests.run.test_store import SCHEMA, table\n"
        "store = Store(Path(sys.argv[1]), SCHEMA, [], print)\nprint('ready', flush=True)\n"
        "for number in range(10**9):\n    store.write(f'{number % 7:032x}', table(number))\n"
    )
    found = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(place.path / "run")], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            while len(place.files()) < found + 20:
                assert process.poll() is None
            process.kill()
        found = len(place.files())
    assert len(list(tables(place.path / "run", SCHEMA))) == 7
    store = place.store()
    assert all(number_in(store, f"{number:032x}") is not None for number in range(7))
    assert place.reported == []


def test_two_stores_that_write_one_key(place: Place) -> None:
    first, second = place.store(), place.store()

    def write(store: Store, offset: int) -> None:
        for number in range(30):
            store.write(KEY, table(number + offset))

    threads = [threading.Thread(target=write, args=pair) for pair in ((first, 0), (second, 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (number_in(first), number_in(second)) == (29, 29)
    assert number_in(place.store()) in range(30)
    assert place.reported == []
    assert len(place.files()) == 30  # the same bytes have the same name


def test_what_is_discarded_is_kept_aside(place: Place) -> None:
    store = place.store()
    store.write(KEY, table(3))
    store.discard(KEY)
    store.discard(OTHER)  # nothing
    assert number_in(store) is None
    assert number_in(place.store()) is None
    assert place.store("next", "run").take_over(KEY, lambda _: True) is None
    assert len(list((place.path / "run" / "damaged").iterdir())) == 1
    assert place.reported == []


def test_what_cannot_be_written_is_one_sentence(place: Place) -> None:
    (place.path / "run").write_text("a file")
    with pytest.raises(ReconcileError, match="cannot be written") as refused:
        place.store().write(KEY, table(3))
    assert "--resume" in str(refused.value)
    assert "\n" not in str(refused.value)
