"""The format of a backup file: a zip with one member per table and a manifest, written last.

A zip has checksums, cannot be opened if it is truncated, and can be written to a pipe.
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
_CHUNK_SIZE = 1 << 20  # bytes
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error)
# Exceptions from reading a damaged zip. NotImplementedError is a RuntimeError.
_DAMAGED = (*_ZIP_ERRORS, EOFError, KeyError, ValueError, RuntimeError, OSError)


class UnusableBackup(Exception):
    """The file cannot be restored. The message says why and what to do."""


class TableRows(BaseModel):
    """A table in the backup: its columns and its number of rows."""

    columns: list[str]
    rows: int


class BackupManifest(BaseModel):
    """Description of the backup."""

    kind: Literal["exporter-hub backup"] = "exporter-hub backup"
    format: int = FORMAT
    made_at: datetime
    postgres: str
    needs: str  # message to the user: what else a restore needs
    migrations: list[tuple[str, str]]  # applied migrations: [[app, name], …]
    tables: dict[str, TableRows]
    sequences: dict[str, int]  # {"table.column": next value}


def member_name(table: str) -> str:
    """Return the name of the zip member with a table's rows, in COPY's text format."""
    return f"tables/{table}"


@contextmanager
def atomic_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Create a file atomically, with mode 0600.

    A killed process leaves only a hidden `.part` file. Raises `FileExistsError` unless `overwrite`.
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
            path.hardlink_to(name)  # fails if another process has created the file meanwhile
    finally:
        Path(name).unlink(missing_ok=True)


class Archive:
    """A backup that is opened for reading."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        """Read the manifest. Raises `UnusableBackup`."""
        self._name = name
        try:
            self._zip = zipfile.ZipFile(file)
            text = self._zip.read(MANIFEST)
        except _DAMAGED as error:
            raise UnusableBackup(
                f"{name} is not a backup of a hub, or is truncated or damaged ({error}). "
                "Use a complete file from `manage.py backup`."
            ) from error
        try:
            manifest = json.loads(text)
            if manifest["format"] > FORMAT:
                raise UnusableBackup(
                    f"{name} was written by a newer hub (format {manifest['format']}; this hub "
                    f"reads up to {FORMAT}). Restore it with that version or a newer one."
                )
            self.manifest = BackupManifest.model_validate(manifest)
        except (ValueError, TypeError, KeyError) as error:
            raise UnusableBackup(
                f"{name} is not a backup of a hub: its manifest is invalid. "
                "Use a file from `manage.py backup`."
            ) from error

    @property
    def size(self) -> int:
        """The uncompressed size of all members, in bytes."""
        return sum(info.file_size for info in self._zip.infolist())

    def open(self, table: str) -> IO[bytes]:
        """Open the rows of a table. Call `check` first."""
        return self._zip.open(member_name(table))

    def check(self, progress: Callable[[int], object]) -> None:
        """Read all rows; report the bytes to `progress`. Raises `UnusableBackup` for damage."""
        for table, expected in self.manifest.tables.items():
            rows = 0
            try:
                with self.open(table) as file:
                    while chunk := file.read(_CHUNK_SIZE):
                        rows += chunk.count(b"\n")
                        progress(len(chunk))
                if rows != expected.rows:
                    raise ValueError(f"{rows} rows")
            except _DAMAGED as error:
                raise UnusableBackup(
                    f"{self._name} is damaged: the rows of {table} are incomplete or changed. "
                    "Nothing was changed. Use another copy of the file or another backup."
                ) from error
