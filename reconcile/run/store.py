"""Finished results as files: each written whole or not at all, found by its key, and proved by its digest.

A file is named ``KEY-DIGEST.parquet``. The key says what determined the result, the digest is that of the bytes. A run
has a store of its own; what is in those of earlier runs beside it is taken over instead of being computed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from secrets import token_hex

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.errors import ReconcileError

SUFFIX = ".parquet"
DAMAGED = "damaged"

Report = Callable[[str], None]
"""Told in one sentence what was found damaged."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One result: its table, and the digest of its file's content."""

    table: pa.Table
    digest: str
    content: bytes


class Store:
    """The files of one kind in the folder of one run."""

    def __init__(self, folder: Path, schema: pa.Schema, earlier: Sequence[Path], report: Report) -> None:
        """Write tables of one schema into ``folder``; look into those of ``earlier`` runs too, in this order."""
        self._folder, self._schema, self._earlier, self._report = folder, schema, earlier, report
        self._files = _files_by_key(folder)
        self._earlier_files: dict[str, list[Path]] | None = None

    def read(self, key: str) -> Stored | None:
        """Return a result that this run has, or None. A damaged file is set aside."""
        path = self._files.get(key)
        if path is None:
            return None
        stored = _read(path, self._schema)
        if stored is None:
            del self._files[key]
            self._set_aside(path)
        return stored

    def take_over(self, key: str, wanted: Callable[[Stored], bool]) -> Stored | None:
        """Return a result of an earlier run, now this run's too; None where there is none that is wanted."""
        for path in list(self._found_earlier().get(key, ())):
            stored = _read(path, self._schema)
            if stored is None:
                self._found_earlier()[key].remove(path)  # said once
                self._report(f"{path} is damaged: it is not used.")
            elif wanted(stored):
                self._files[key] = _write_whole(self._folder, path.name, stored.content)
                return stored
        return None

    def has(self, key: str, wanted: Callable[[Stored], bool]) -> bool:
        """Whether a result is there, in this run or, if it is wanted, in an earlier one. Changes nothing."""
        own = self._files.get(key)
        if own is not None and _read(own, self._schema) is not None:
            return True
        found = (_read(path, self._schema) for path in self._found_earlier().get(key, ()))
        return any(stored is not None and wanted(stored) for stored in found)

    def write(self, key: str, table: pa.Table) -> Stored:
        """Keep a result, in the file system too when this returns.

        Raises:
            ReconcileError: It cannot be written; nothing of it is left.
        """
        buffer = BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        content = buffer.getvalue()
        digest = _digest(content)
        self._files[key] = _write_whole(self._folder, f"{key}-{digest}{SUFFIX}", content)
        return Stored(table, digest, content)

    def discard(self, key: str) -> None:
        """Set a result aside that turned out to be wrong."""
        path = self._files.pop(key, None)
        if path is not None:
            _move_aside(path)

    def refuse(self, key: str) -> None:
        """Set a result aside whose file is whole, but holds what no result can be."""
        path = self._files.pop(key, None)
        if path is not None:
            self._set_aside(path)

    def _set_aside(self, path: Path) -> None:
        moved = _move_aside(path)
        self._report(f"{path} is damaged: it is set aside as {moved} and computed again.")

    def _found_earlier(self) -> Mapping[str, list[Path]]:
        if self._earlier_files is None:
            self._earlier_files = {}
            for folder in self._earlier:
                for key, path in _files_by_key(folder).items():
                    self._earlier_files.setdefault(key, []).append(path)
        return self._earlier_files


def tables(folder: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield every undamaged result in a folder."""
    for path in _files_by_key(folder).values():
        stored = _read(path, schema)
        if stored is not None:
            yield stored.table


def _files_by_key(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    with suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            key, separator, _ = entry.name.removesuffix(SUFFIX).rpartition("-")
            if separator and entry.name.endswith(SUFFIX):
                found[key] = Path(entry.path)
    return found


def _read(path: Path, schema: pa.Schema) -> Stored | None:
    """Read a file; None if its bytes are not those that its name promises, or it holds no table of the schema."""
    try:
        content = path.read_bytes()
        expected = path.stem.rpartition("-")[2]
        if _digest(content) != expected:
            return None
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except (OSError, pa.ArrowException):
        return None
    return Stored(table, expected, content) if table.schema.equals(schema) and table.num_rows else None


def _write_whole(folder: Path, name: str, content: bytes) -> Path:
    temporary = folder / f".{name}.{token_hex(4)}"
    try:
        for place in (folder.parent, folder):  # the run's own folder is not made again if it is gone
            place.mkdir(exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(folder / name)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ReconcileError(
            f"{folder / name} cannot be written: {error.strerror or error}; what was finished before is kept, and "
            "--resume goes on from there."
        ) from error
    return folder / name


def _move_aside(path: Path) -> Path:
    target = path.parent / DAMAGED / path.name
    with suppress(OSError):
        target.parent.mkdir(exist_ok=True)
        path.replace(target)
    return target


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]
