"""The file of a backup: a zip with the rows of each table, and a manifest, which is written last.

A zip, for its directory stands at its end, so a file that was cut has none; every member has its
checksum; it can be written to a pipe; and every system can look into it.
"""

import json
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, Literal, Self

from pydantic import BaseModel, ValidationError

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20  # bytes


class UnusableBackup(Exception):
    """A file that cannot be restored. The text says why and what to do."""


class Rows(BaseModel):
    """What the file holds of one table."""

    columns: list[str]
    rows: int


class Manifest(BaseModel):
    """What the file says of itself."""

    kind: Literal["exporter-hub backup"] = "exporter-hub backup"
    format: int = FORMAT
    made_at: datetime
    postgres: str
    # For whoever finds the file: what else a restore needs.
    needs: str
    # [[app, migration], …]: all that had been applied.
    migrations: list[tuple[str, str]]
    tables: dict[str, Rows]
    # {"table.column": the next number}
    sequences: dict[str, int]


def member(table: str) -> str:
    """The name of the member that holds a table's rows, in COPY's text format."""
    return f"tables/{table}"


@contextmanager
def created(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file, readable by its owner alone, that is there whole or not at all.

    Raises `FileExistsError` when there is one and `overwrite` was not said. A process that is
    killed leaves a hidden `.part` beside it, and nothing under its name.
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


class Writer:
    """Writes the file of a backup. Left without `finish`, what it wrote is none."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # unfinished, for the reason that is being told already
            self._zip.close()

    def table(self, table: str) -> IO[bytes]:
        """Where to write the rows of a table; close it before the next."""
        # Its size is not known yet, and may be beyond what a zip takes without being told.
        return self._zip.open(member(table), "w", force_zip64=True)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the directory."""
        self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=1))
        self._zip.close()


class Archive:
    """A file that may be a backup; its manifest is read at once, its rows when asked for."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        """Raises `UnusableBackup` for what is no backup, was cut, or is of a newer hub's format."""
        self._name = name
        try:
            self._zip = zipfile.ZipFile(file)
            text = self._zip.read(MANIFEST)
        except _DAMAGE as fault:
            raise UnusableBackup(
                f"{name} is no backup of a hub, or was cut or damaged ({fault}). "
                "Take another file, one that `manage.py backup` has written to its end."
            ) from fault
        self.manifest = self._read_manifest(text)

    def _read_manifest(self, text: bytes) -> Manifest:
        try:
            given = json.loads(text)
            if given["format"] > FORMAT:
                raise UnusableBackup(
                    f"{self._name} was written by a newer hub (format {given['format']}; this one "
                    f"reads {FORMAT}). Restore it with that version, or a newer one."
                )
            return Manifest.model_validate(given)
        except (ValueError, TypeError, KeyError, ValidationError) as fault:
            raise UnusableBackup(
                f"{self._name} is no backup of a hub: its manifest cannot be read. "
                "Take another file, one that `manage.py backup` has written."
            ) from fault

    @property
    def size(self) -> int:
        """Bytes of all rows, unpacked."""
        return sum(info.file_size for info in self._zip.infolist())

    def open(self, table: str) -> IO[bytes]:
        """The rows of a table. Call `check` first: reading damaged ones raises whatever it may."""
        return self._zip.open(member(table))

    def check(self, done: Callable[[int], object]) -> None:
        """Read everything, telling `done` how many bytes; raises `UnusableBackup` for damage."""
        for table, said in self.manifest.tables.items():
            rows = 0
            try:
                with self.open(table) as file:
                    while chunk := file.read(_CHUNK):
                        rows += chunk.count(b"\n")
                        done(len(chunk))
            except _DAMAGE as fault:
                raise self._damaged(table) from fault
            if rows != said.rows:
                raise self._damaged(table)

    def _damaged(self, table: str) -> UnusableBackup:
        return UnusableBackup(
            f"{self._name} is damaged: the rows of {table} are not what was written. "
            "Nothing was changed. Take another copy of it, or another backup."
        )


# What reading a zip raises when its bytes are not what was written.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
