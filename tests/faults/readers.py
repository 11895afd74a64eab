"""Readers: send requests continuously and record the responses with their times."""

import hashlib
import http.client
import json
import threading
import time
import zipfile
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from tests.faults.answers import Pack, Scrape, metrics_in, parse_pack, parse_scrape
from tests.faults.truth import EXPORTERS, PACKED

GIVE_UP = 10.0  # seconds
BREATH = 0.01  # seconds
_EXPENSIVE_BREATH = 0.4  # seconds, of readers whose requests take more CPU time
_AFTER_ERROR = 0.05  # seconds
_REQUESTS_PER_CONNECTION = 25  # then another web process may accept the next one
_INVALID = (ValueError, KeyError, TypeError, yaml.YAMLError, zipfile.BadZipFile)
_EXPORTER = f"/exporters/{PACKED.lower()}"
_CHOSEN = "&".join(f"exporter={name.lower()}" for name in EXPORTERS)
PAGES = {"map": "/api/v1/contents", "list": "/", "exporter": _EXPORTER}
PACKS = {
    "manifest": f"{_EXPORTER}/pack.yaml",
    "pinned": f"{_EXPORTER}/pack.yaml?tree=",
    "archive": f"/packs.zip?{_CHOSEN}",
}
METRICS = {"metrics": f"/api/v1{_EXPORTER}/metrics", "tab": f"{_EXPORTER}/metrics"}
SCRAPE = {"scrape": "/metrics"}
READERS = {**PAGES, **PACKS, **METRICS, **SCRAPE}


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
    pack: Pack | None = None
    pin: str = ""  # the tree that the address of a pack names
    metrics: frozenset[str] | None = None  # of an exporter
    scrape: Scrape | None = None


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
    """One reader thread for each address of `READERS`.

    Each waits for `breath` seconds between requests, to leave CPU time to the other parts. `port`
    is that of web, `metrics_port` that of its metrics.
    """

    port: int
    metrics_port: int
    breath: float = BREATH
    reads: list[Read] = field(default_factory=list)  # appended as they end
    newest: dict[str, Read] = field(default_factory=dict)
    _bodies: dict[str, Body] = field(default_factory=dict, repr=False)
    _packs: dict[str, Pack] = field(default_factory=dict, repr=False)
    _pins: list[str] = field(default_factory=list, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)

    def start(self) -> None:
        """Start reading."""
        for reader in READERS:
            thread = threading.Thread(target=self._read_on, args=(reader,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read_on(self, reader: str) -> None:
        port = self.metrics_port if reader in SCRAPE else self.port
        breath = self.breath if reader in PAGES else max(self.breath, _EXPENSIVE_BREATH)
        connection: http.client.HTTPConnection | None = None
        number = 0
        while not self._stop.wait(breath):
            number += 1
            pin = self._pin(number) if reader == "pinned" else ""
            if reader == "pinned" and not pin:
                continue  # no manifest was read yet
            sent = time.time()
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP)
            try:
                connection.request("GET", READERS[reader] + pin)
                answer = connection.getresponse()
                raw = answer.read()
                read = self._read(reader, sent, answer, raw, pin)
                if number % _REQUESTS_PER_CONNECTION == 0:
                    connection.close()
            except (OSError, http.client.HTTPException) as error:
                read = Read(reader, sent, time.time(), 0, type(error).__name__)
                connection.close()
                connection = None
                self._stop.wait(_AFTER_ERROR)
            self.reads.append(read)
            self.newest[reader] = read

    def _pin(self, number: int) -> str:
        """Return one of the trees of which the manifest was read: all of them in turn."""
        return self._pins[number % len(self._pins)] if self._pins else ""

    def _read(
        self, reader: str, sent: float, answer: http.client.HTTPResponse, raw: bytes, pin: str
    ) -> Read:
        received = time.time()
        facts: dict[str, Any] = {}
        if answer.status == 200:
            try:
                facts = self._facts(reader, answer, raw)
            except _INVALID as error:
                facts = {"error": f"invalid answer: {type(error).__name__}"}
        return Read(reader, sent, received, answer.status, pin=pin, **facts)

    def _facts(self, reader: str, answer: http.client.HTTPResponse, raw: bytes) -> dict[str, Any]:
        """Return what a good answer says, as fields of `Read`."""
        if reader == "map":
            age = answer.headers.get("Hub-Snapshot-Age")
            return {"body": self._body(raw), "age": None if age is None else int(age)}
        if reader in PACKS:
            return {"pack": self._pack(raw)}
        if reader in METRICS:
            return {"metrics": metrics_in(raw)}
        if reader in SCRAPE:
            return {"scrape": parse_scrape(raw)}
        return {"shows": frozenset(name for name in EXPORTERS if name.encode() in raw)}

    def _body(self, raw: bytes) -> Body:
        """Return the parsed map; equal bytes give the same object."""
        digest = _digest(raw)
        if digest not in self._bodies:
            self._bodies[digest] = parse(raw)
        return self._bodies[digest]

    def _pack(self, raw: bytes) -> Pack:
        digest = _digest(raw)
        if digest not in self._packs:
            pack = self._packs[digest] = parse_pack(raw, digest)
            trees = dict(pack.trees)
            if len(trees) == 1 and trees[PACKED] not in self._pins:
                self._pins.append(trees[PACKED])
        return self._packs[digest]


def _digest(raw: bytes) -> str:
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()
