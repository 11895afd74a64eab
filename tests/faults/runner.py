"""Inject faults one after the other, wait for each recovery, and run the checker."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg2

from tests.common.waiting import wait_until
from tests.faults.checker import Evidence, Window, check, kinds_of
from tests.faults.findings import STUCK, Finding
from tests.faults.kinds import Kind
from tests.faults.ledger import Ledger
from tests.faults.readers import BREATH, READERS, Read, Readers
from tests.faults.stage import COMMIT_EVERY, HOUSEKEEPING_EVERY, Stage


@dataclass
class Injection:
    """One injected fault and its result."""

    kind: Kind
    window: Window
    requests: int  # of readers
    errors: int  # failed requests, including allowed ones
    recovery: float | None  # seconds from the repair to the newest commit; None: no recovery
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Suite:
    """A stage with active readers and a writer, and the faults injected so far."""

    stage: Stage
    readers: Readers
    first: Ledger | None = None  # before the first fault
    injections: list[Injection] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def inject(self, kind: Kind) -> Injection:
        """Inject a fault, repair it, wait for the recovery, and check the responses since then."""
        self.stage.proxies.close_lost()
        first = len(self.readers.reads)
        start = time.time()
        stuck = None
        acting = kind.act(self.stage)
        try:
            next(acting)
            repaired = time.time()
            next(acting, None)
        except (AssertionError, OSError, psycopg2.Error) as error:
            acting.close()
            repaired = time.time()
            stuck = Finding(STUCK, repaired, f"{kind.name}: {error}")
            self.stage.restore_all()  # the next fault needs a complete hub
        healed = time.time()
        recovery = None
        if not stuck:
            try:
                self.await_recovery(kind.within)
                recovery = time.time() - repaired
            except AssertionError as error:
                stuck = Finding(STUCK, time.time(), f"{kind.name}: {error}")
        window = Window(kind.name, start, healed, time.time(), kind.allows, kind.stops_housekeeping)
        reads = self.readers.reads[first:]
        injection = Injection(
            kind,
            window,
            requests=len(reads),
            errors=sum(read.status != 200 or bool(read.error) for read in reads),
            recovery=recovery,
        )
        self.injections.append(injection)
        if stuck:
            self._add(stuck)
        self.check(since=first)
        return injection

    def await_recovery(self, within: float) -> None:
        """Commit, and wait until readers get that commit or a later one as fresh."""
        commit = self.stage.writer.change()

        def served() -> bool:
            read = self.readers.newest.get("map")
            return read is not None and self._is_fresh(read, commit.number)

        wait_until(served, "the newest commit to be served as fresh", seconds=within)

    def _is_fresh(self, read: Read, number: int) -> bool:
        body = read.body
        if body is None or body.state != "fresh" or body.stale:
            return False
        shown = {name: kinds_of(entry) for name, entry in body.contents.items()}
        commits = self.stage.writer.truth.commits
        newest = next((c for c in commits[number:] if c.map == shown), None)
        # A commit may not change the map, so compare the map's time too.
        return newest is not None and (body.as_of or 0) + 1 >= commits[number].visible_from

    def check(self, since: int = 0) -> None:
        """Run the checker on the requests from number `since` on and on all data in Postgres."""
        reads = self.readers.reads
        evidence = Evidence(
            commits=list(self.stage.writer.truth.commits),
            reads=[*_last_of_each(reads[:since]), *reads[since:]],
            windows=[injection.window for injection in self.injections],
            ledger=self.stage.ledger(),
            first=self.first,
            housekeeping_every=HOUSEKEEPING_EVERY,
            lag=self.stage.lag,
        )
        for finding in check(evidence):
            self._add(finding)

    def _add(self, finding: Finding) -> None:
        if any(finding.what == known.what for known in self.findings):
            return
        self.findings.append(finding)
        before = [i for i in self.injections if i.window.start <= finding.at]
        if before:
            before[-1].findings.append(finding)

    @property
    def verdicts(self) -> Counter[str]:
        """The number of findings by verdict."""
        return Counter(finding.verdict for finding in self.findings)


def _last_of_each(reads: list[Read]) -> list[Read]:
    """Return the last successful request of each reader, to compare the next ones with it."""
    last: dict[str, Read] = {}
    for read in reversed(reads):
        if read.status == 200 and read.reader not in last:
            last[read.reader] = read
        if len(last) == len(READERS):
            break
    return sorted(last.values(), key=lambda read: read.received)


@contextmanager
def on_stage(stage: Stage, *, breath: float = BREATH) -> Iterator[Suite]:
    """Start a suite on a running stage once it has a snapshot. `breath`: see `Readers`."""
    readers = Readers(stage.ports["web"], stage.ports["metrics"], breath)
    readers.start()
    suite = Suite(stage, readers)
    try:
        suite.await_recovery(60)
        suite.first = stage.ledger()
        stage.writer.start(COMMIT_EVERY)
        yield suite
    finally:
        stage.writer.stop()
        readers.stop()


def plan(
    kinds: dict[str, Kind], *, seed: int, short: bool = False, times: int | None = None
) -> list[Kind]:
    """Return the faults to inject, in random order.

    Each kind occurs `times` times, by default as often as it defines. With `short`, each short kind
    occurs once.
    """
    selected = [kind for kind in kinds.values() if kind.short or not short]
    planned = [kind for kind in selected for _ in range(1 if short else times or kind.times)]
    random.Random(seed).shuffle(planned)
    return planned
