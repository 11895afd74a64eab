"""The file of a backup: a zip with the rows of each table, and a manifest, which is written last.

A truncated zip has no directory, members have checksums, and a pipe can carry it.
"""

import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, Literal

from pydantic import BaseModel

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20  # bytes
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error)
# What reading a damaged zip raises; NotImplementedError is a RuntimeError.
_DAMAGE = (*_ZIP_ERRORS, EOFError, KeyError, ValueError, RuntimeError, OSError)


class UnusableBackup(Exception):
    """A file that cannot be restored. The text says why and what to do."""


class Rows(BaseModel):
    """A table in the file."""

    columns: list[str]
    rows: int


class BackupManifest(BaseModel):
    """What the file holds."""

    kind: Literal["exporter-hub backup"] = "exporter-hub backup"
    format: int = FORMAT
    made_at: datetime
    postgres: str
    needs: str  # for people: what else a restore needs
    migrations: list[tuple[str, str]]  # [[app, migration], …]: all that had been applied
    tables: dict[str, Rows]
    sequences: dict[str, int]  # {"table.column": the next number}


def member(table: str) -> str:
    """The name of the member that holds a table's rows, in COPY's text format."""
    return f"tables/{table}"


@contextmanager
def created(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Create a file atomically, readable by its owner alone.

    Raises `FileExistsError` without `overwrite`. A killed process leaves only a hidden `.part`.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            Path(name).replace(path)
        else:
            path.hardlink_to(name)  # fails when another has made it meanwhile
    finally:
        Path(name).unlink(missing_ok=True)


class Archive:
    """A backup that is read."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        """Read the manifest. Raises `UnusableBackup`."""
        self._name = name
        try:
            self._zip = zipfile.ZipFile(file)
            text = self._zip.read(MANIFEST)
        except _DAMAGE as fault:
            raise UnusableBackup(
                f"{name} is no backup of a hub, or was cut or damaged ({fault}). "
                "Take another file, one that `manage.py backup` has written to its end."
            ) from fault
        try:
            given = json.loads(text)
            if given["format"] > FORMAT:
                raise UnusableBackup(
                    f"{name} was written by a newer hub (format {given['format']}; this one "
                    f"reads {FORMAT}). Restore it with that version, or a newer one."
                )
            self.manifest = BackupManifest.model_validate(given)
        except (ValueError, TypeError, KeyError) as fault:
            raise UnusableBackup(
                f"{name} is no backup of a hub: its manifest cannot be read. "
                "Take another file, one that `manage.py backup` has written."
            ) from fault

    @property
    def size(self) -> int:
        """Bytes of all rows, unpacked."""
        return sum(info.file_size for info in self._zip.infolist())

    def open(self, table: str) -> IO[bytes]:
        """The rows of a table; call `check` before."""
        return self._zip.open(member(table))

    def check(self, done: Callable[[int], object]) -> None:
        """Read everything, telling `done` how many bytes; raises `UnusableBackup` for damage."""
        for table, expected in self.manifest.tables.items():
            rows = 0
            try:
                with self.open(table) as file:
                    while chunk := file.read(_CHUNK):
                        rows += chunk.count(b"\n")
                        done(len(chunk))
                if rows != expected.rows:
                    raise ValueError(f"{rows} rows")
            except _DAMAGE as fault:
                raise UnusableBackup(
                    f"{self._name} is damaged: the rows of {table} are not what was written. "
                    "Nothing was changed. Take another copy of it, or another backup."
                ) from fault
