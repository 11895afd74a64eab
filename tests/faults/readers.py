"""Readers: send requests continuously and record the responses with their times."""

import hashlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.truth import EXPORTERS

GIVE_UP = 10.0  # seconds
BREATH = 0.01  # seconds
_AFTER_ERROR = 0.05  # seconds
PAGES = {
    "map": "/api/v1/contents",
    "list": "/",
    "exporter": f"/exporters/{EXPORTERS[0].lower()}",
}


@dataclass(frozen=True)
class Body:
    """A response of the contents API; times are seconds since the epoch or None."""

    state: str
    reason: str | None
    as_of: float | None
    run: int | None
    # directory → {"I": …, "A": …, "G": …}, each true, false or null
    contents: dict[str, dict[str, bool | None]]
    stale: dict[str, float | None]  # directory → its own as_of


@dataclass(frozen=True)
class Read:
    """One request. `status` is 0 if there was no response; `error` then says why."""

    reader: str
    sent: float  # seconds since the epoch
    received: float
    status: int
    error: str = ""
    age: int | None = None  # of the header
    body: Body | None = None  # of the map
    shows: frozenset[str] = frozenset()  # of a page: the exporters on it


def parse(raw: bytes) -> Body:
    """Parse the map's JSON. Raises `ValueError`, `KeyError` or `TypeError` if it is invalid."""
    data = json.loads(raw)
    return Body(
        state=data["state"],
        reason=data["reason"],
        as_of=_seconds(data["as_of"]),
        run=data["run"],
        contents={
            name: {kind: entry[kind] for kind in "IAG"} for name, entry in data["contents"].items()
        },
        stale={name: _seconds(entry["as_of"]) for name, entry in data["stale"].items()},
    )


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


@dataclass
class Readers:
    """One reader thread for each page of `PAGES`.

    Each waits for `breath` seconds between requests, to leave CPU time to the other parts.
    """

    port: int
    breath: float = BREATH
    reads: list[Read] = field(default_factory=list)  # appended as they end
    newest: dict[str, Read] = field(default_factory=dict)
    _bodies: dict[str, Body] = field(default_factory=dict, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)

    def start(self) -> None:
        """Start reading."""
        for reader in PAGES:
            thread = threading.Thread(target=self._read_on, args=(reader,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read_on(self, reader: str) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.wait(self.breath):
            sent = time.time()
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GIVE_UP)
            try:
                connection.request("GET", PAGES[reader])
                answer = connection.getresponse()
                raw = answer.read()
                read = self._read(reader, sent, answer, raw)
            except (OSError, http.client.HTTPException) as error:
                read = Read(reader, sent, time.time(), 0, type(error).__name__)
                connection.close()
                connection = None
                self._stop.wait(_AFTER_ERROR)
            self.reads.append(read)
            self.newest[reader] = read

    def _read(self, reader: str, sent: float, answer: http.client.HTTPResponse, raw: bytes) -> Read:
        received = time.time()
        facts: dict[str, Any] = {}
        if answer.status == 200 and reader == "map":
            age = answer.headers.get("Hub-Snapshot-Age")
            try:
                facts = {"body": self._body(raw), "age": None if age is None else int(age)}
            except (ValueError, KeyError, TypeError) as error:
                facts = {"error": f"not a map: {type(error).__name__}"}
        elif answer.status == 200:
            facts = {"shows": frozenset(name for name in EXPORTERS if name.encode() in raw)}
        return Read(reader, sent, received, answer.status, **facts)

    def _body(self, raw: bytes) -> Body:
        """Return the parsed map; equal bytes give the same object."""
        digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        if digest not in self._bodies:
            self._bodies[digest] = parse(raw)
        return self._bodies[digest]
