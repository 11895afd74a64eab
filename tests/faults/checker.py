"""Checker: compare what readers got, and what is in Postgres, with the truth.

It has no side effects and is independent of the code under test: it uses no rule, model or query of
the hub.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.faults.check_packs import Floors, check_metrics, check_packs
from tests.faults.check_scrapes import check_scrapes
from tests.faults.findings import LOST, STUCK, WRONG, Finding
from tests.faults.ledger import Change, Ledger, Run
from tests.faults.readers import PAGES, Body, Read
from tests.faults.truth import EXPORTERS, KINDS, Commit, Map

NO_ANSWER = 0  # used as a status
_AGE_TOLERANCE = 1.0  # seconds
_PATIENCE = 5.0  # seconds within which a reader must get a response
_SLACK = 5.0  # seconds that housekeeping may take on a busy machine
_ALL = frozenset(EXPORTERS)


@dataclass(frozen=True)
class Window:
    """The time window of one fault.

    `allows`: statuses, including `NO_ANSWER`, that readers may get between `start` and `recovered`.
    `stops_housekeeping`: no run can be closed before `healed`.
    """

    fault: str
    start: float
    healed: float
    recovered: float
    allows: frozenset[int] = frozenset()
    stops_housekeeping: bool = False


@dataclass
class Evidence:
    """The input of the checker; `first` is the ledger before the first fault.

    `lag`: by how many seconds the map of one web process may be older than that of another.
    """

    commits: Sequence[Commit]
    reads: Sequence[Read]
    windows: Sequence[Window] = ()
    ledger: Ledger | None = None
    first: Ledger | None = None
    housekeeping_every: float = 2.0  # seconds
    lag: float = 0.0


def check(evidence: Evidence) -> list[Finding]:
    """Return everything that is wrong, lost or stuck, in chronological order."""
    snapshots = evidence.ledger.snapshots if evidence.ledger else {}
    reads, commits, windows = evidence.reads, evidence.commits, evidence.windows
    floors = Floors(reads, commits, snapshots)
    findings = [
        *check_maps(reads, commits, snapshots),
        *check_order(reads, evidence.lag),
        *check_answers(reads, windows),
        *check_packs(reads, commits, floors),
        *check_metrics(reads, commits, floors, evidence.lag),
        *check_scrapes(reads, commits, evidence.lag, lambda read: _allowed(read, windows, {503})),
    ]
    if evidence.ledger:
        findings += [
            *check_ends(evidence.ledger, windows, evidence.housekeeping_every),
            *check_counts(evidence.ledger),
            *(check_log(evidence.first, evidence.ledger) if evidence.first else ()),
            *check_kept(evidence.ledger, reads),
            *check_files(evidence.ledger),
        ]
    return sorted(findings, key=lambda finding: finding.at)


# --- what readers got -----------------------------------------------------------------------------


def check_maps(
    reads: Iterable[Read], commits: Sequence[Commit], snapshots: dict[int, str]
) -> list[Finding]:
    """Check that each map equals the truth of a commit: that of its snapshot, if it is known.

    Maps without a snapshot are left to `check_answers`.
    """
    findings, judged = [], set()
    for read in reads:
        body = read.body
        if body is None or body.run is None or id(body) in judged:
            continue
        judged.add(id(body))
        tree = snapshots.get(body.run)
        candidates = [c for c in commits if tree in (None, c.tree_sha)]
        fault = _fault_of(body, read.received, candidates, commits)
        if not fault and body.as_of is not None and body.as_of > read.received:
            fault = "has a time in the future"
        if fault:
            findings.append(Finding(WRONG, read.received, f"the map of run {body.run} {fault}"))
    return findings


def _fault_of(
    body: Body, received: float, candidates: Sequence[Commit], commits: Sequence[Commit]
) -> str:
    """Return what is wrong with a map, or "" if it is correct."""
    fitting = [commit for commit in candidates if _fits(body, commit)]
    if not fitting:
        return f"matches no commit{_nearest(body, candidates)}"
    if not _was_true(fitting, body.as_of, received):
        return "claims to be confirmed at a time when GitHub did not show that commit"
    for directory, as_of in body.stale.items():
        entry = body.contents.get(directory)
        if entry is None:
            return f"marks {directory} as stale but has no entry for it"
        alike = [c for c in commits if c.map.get(directory) == kinds_of(entry)]
        if not _is_unknown(entry) and not _was_true(alike, as_of, received):
            return f"has a stale entry for {directory} that was never true"
    return ""


def _fits(body: Body, commit: Commit) -> bool:
    return body.contents.keys() == commit.map.keys() and all(
        kinds_of(entry) == commit.map[directory]
        for directory, entry in body.contents.items()
        if directory not in body.stale
    )


def _nearest(body: Body, candidates: Sequence[Commit]) -> str:
    """Where it differs from the commit that it is most like."""

    def differing(commit: Commit) -> list[str]:
        return [
            directory
            for directory in sorted(body.contents.keys() | commit.map.keys())
            if directory not in body.stale
            and (
                directory not in body.contents
                or kinds_of(body.contents[directory]) != commit.map.get(directory)
            )
        ]

    nearest = min(candidates, key=lambda commit: len(differing(commit)), default=None)
    if nearest is None:
        return ", nor is its tree"
    return f"; it is nearest to number {nearest.number}, but for {differing(nearest)}"


def _was_true(commits: Iterable[Commit], as_of: float | None, received: float) -> bool:
    """Return whether GitHub may have shown one of the commits at `as_of` and before `received`.

    `as_of` is taken before the request to GitHub, so a commit may be newer.
    """
    return any(
        (as_of is None or commit.visible_until >= as_of) and commit.visible_from <= received
        for commit in commits
    )


def kinds_of(entry: dict[str, bool | None]) -> frozenset[str]:
    """Return the kinds that are present according to an entry, in lower case if unknown."""
    unknown = {kind.lower() for kind in KINDS if entry[kind] is None}
    return frozenset({kind for kind in KINDS if entry[kind]} | unknown)


def _present(entry: dict[str, bool | None]) -> frozenset[str]:
    return frozenset(filter(str.isupper, kinds_of(entry)))


def _has_unknown(entry: dict[str, bool | None]) -> bool:
    return any(entry[kind] is None for kind in KINDS)


def _is_unknown(entry: dict[str, bool | None]) -> bool:
    return all(entry[kind] is None for kind in KINDS)


def check_order(reads: Iterable[Read], lag: float = 0.0) -> list[Finding]:
    """Check for each reader that maps never get older and that known entries stay known.

    With a `lag`, another process may serve an older map for as long, or while Postgres is away.
    """
    findings = []
    last: dict[str, Read] = {}  # the first read of the newest map
    known: set[str] = set()
    for read in reads:
        body = read.body
        if body is None:
            continue
        findings += _age_of_header(read, body)
        before = last.get(read.reader)
        if before and before.body is body:
            continue
        backwards = list(_backwards(read, before.body, body)) if before and before.body else []
        if backwards and before and lag and _may_lag(read, body, before.received + lag):
            continue
        findings += backwards
        last[read.reader] = read
        forgotten = {d for d in known & body.contents.keys() if _is_unknown(body.contents[d])}
        if forgotten:
            what = f"{sorted(forgotten)} were known and are now unknown"
            findings.append(Finding(LOST, read.received, what))
        known |= {d for d, entry in body.contents.items() if not _has_unknown(entry)}
    return findings


def _may_lag(read: Read, body: Body, until: float) -> bool:
    return read.sent <= until or body.reason == "no_database"


def _backwards(read: Read, before: Body, body: Body) -> Iterable[Finding]:
    if before.as_of is not None and (
        body.as_of is None or body.as_of < before.as_of - _AGE_TOLERANCE
    ):
        back = "to none" if body.as_of is None else f"by {before.as_of - body.as_of:.0f} s"
        yield Finding(WRONG, read.received, f"the map's age went backwards {back}")
    if before.run is not None and body.run is not None and body.run < before.run:
        what = f"run {body.run} was served after run {before.run}"
        yield Finding(WRONG, read.received, what)


def _age_of_header(read: Read, body: Body) -> Iterable[Finding]:
    """Check the age header. It and the map's time are in whole seconds, so allow two seconds."""
    if body.as_of is None or read.age is None:
        return
    youngest, oldest = read.sent - body.as_of - 2, read.received - body.as_of
    if not youngest - _AGE_TOLERANCE <= read.age <= max(0, oldest) + _AGE_TOLERANCE:
        what = f"the age header is {read.age} s instead of {youngest:.0f} to {oldest:.0f} s"
        yield Finding(WRONG, read.received, what)


def check_answers(reads: Iterable[Read], windows: Sequence[Window]) -> list[Finding]:
    """Check responses after the first snapshot: only allowed errors, nothing empty, no delay."""
    findings = []
    served_since = None
    for read in reads:
        if served_since is None and read.body is not None and read.body.run is not None:
            served_since = read.received
        # A request that was sent earlier may be answered without the snapshot.
        if served_since is None or (read.body is None and read.sent < served_since):
            continue
        if read.status != 200 or read.error:
            if not _allowed(read, windows, {read.status}):
                what = f"{read.reader}: {read.error or read.status}"
                findings.append(Finding(LOST, read.received, what))
        elif read.received - read.sent > _PATIENCE and not _allowed(read, windows):
            what = f"{read.reader}: response after {read.received - read.sent:.1f} s"
            findings.append(Finding(STUCK, read.received, what))
        elif read.body is not None and (read.body.run is None or not read.body.contents):
            findings.append(Finding(LOST, read.received, "an empty map"))
        elif read.body is None and read.reader in PAGES and not _names_enough(read):
            findings.append(Finding(LOST, read.received, f"{read.reader}: an empty page"))
    return findings


def _names_enough(read: Read) -> bool:
    return read.shows >= (_ALL if read.reader == "list" else frozenset(EXPORTERS[:1]))


def _allowed(
    read: Read, windows: Sequence[Window], statuses: Collection[int] | None = None
) -> bool:
    """Return whether a fault allows one of the statuses, or any error; then it allows delays too.

    A late answer is better than the error that the fault allows.
    """
    return any(
        (window.allows if statuses is None else not window.allows.isdisjoint(statuses))
        and window.start <= read.received
        and read.sent <= window.recovered
        for window in windows
    )


# --- what Postgres holds --------------------------------------------------------------------------


def check_ends(
    ledger: Ledger, windows: Sequence[Window], housekeeping_every: float
) -> list[Finding]:
    """Check that each run finished, at the latest by the housekeeping after its deadline."""
    findings = []
    for name, runs in (("run", ledger.runs), ("facts run", ledger.facts_runs)):
        for run in runs:
            latest = _latest_end(run, windows, ledger.now) + housekeeping_every + _SLACK
            ended = run.finished
            if (ledger.now if ended is None else ended) > latest:
                late = "is open" if ended is None else "ended"
                what = (
                    f"{name} {run.number} ({run.status}) {late} "
                    f"{(ended or ledger.now) - run.deadline:.1f} s past its deadline"
                )
                findings.append(Finding(STUCK, run.deadline, what))
    return findings


def _latest_end(run: Run, windows: Sequence[Window], now: float) -> float:
    """Return when housekeeping could first close the run: at its deadline or after a fault."""
    latest = run.deadline
    for window in sorted(windows, key=lambda window: window.start):
        if window.stops_housekeeping and window.start <= latest + _SLACK and window.healed > latest:
            latest = min(window.healed, now)
    return latest


def check_counts(ledger: Ledger) -> list[Finding]:
    """Check for one lookup per run and directory, and one snapshot per published run."""
    twice = [
        Finding(WRONG, ledger.now, f"run {run} has {times} outcomes for {directory}")
        for (run, directory), times in Counter(
            (run, directory) for run, directory, _ in ledger.lookups
        ).items()
        if times > 1
    ]
    published = {run.number for run in ledger.runs if run.status == "published"}
    odd = [
        Finding(LOST, ledger.now, f"run {run} was published and has no snapshot")
        for run in sorted(published - ledger.snapshots.keys())
    ] + [
        Finding(WRONG, ledger.now, f"run {run} has a snapshot and was not published")
        for run in sorted(ledger.snapshots.keys() - published)
    ]
    newest = max(ledger.snapshots, default=None)
    if ledger.served_run != newest:
        what = f"run {ledger.served_run} is served, run {newest} is the newest"
        odd.append(Finding(WRONG, ledger.now, what))
    return twice + odd


def check_log(first: Ledger, ledger: Ledger) -> list[Finding]:
    """Check that the first map plus the change log since then gives the current map."""
    before = {name: _present(entry) for name, entry in first.rows.items()}
    last = max((change.number for change in first.changes), default=0)
    since = [change for change in ledger.changes if change.number > last]
    findings, added = _add_up(before, since, ledger.now)
    rows = {name: _present(entry) for name, entry in ledger.rows.items()}
    if added != rows:
        differing = sorted(n for n in added.keys() | rows.keys() if added.get(n) != rows.get(n))
        what = f"the change log does not add up to the map: {differing}"
        findings.append(Finding(WRONG, ledger.now, what))
    return findings


def _add_up(before: Map, changes: Iterable[Change], now: float) -> tuple[list[Finding], Map]:
    findings = []
    added = {name: set(kinds) for name, kinds in before.items()}
    for change in changes:
        if change.what not in ("gained", "lost"):
            continue  # changes of usability: all of the writer's files are usable
        gains = change.what == "gained"
        if change.kind == "directory":
            was_there = change.directory in added
            if gains:
                added.setdefault(change.directory, set())
            else:
                added.pop(change.directory, None)
        else:
            kinds = added.get(change.directory, set())
            was_there = change.kind in kinds
            (kinds.add if gains else kinds.discard)(change.kind)
        if was_there == gains and not (not gains and change.directory not in added):
            what = f"{change.directory} {change.what} {change.kind} in run {change.run}, again"
            findings.append(Finding(WRONG, now, what))
    return findings, {name: frozenset(kinds) for name, kinds in added.items()}


def check_kept(ledger: Ledger, reads: Iterable[Read]) -> list[Finding]:
    """Check that every snapshot that a reader got still exists."""
    seen: Collection[int] = {read.body.run for read in reads if read.body and read.body.run}
    return [
        Finding(LOST, ledger.now, f"readers got the snapshot of run {run}, which no longer exists")
        for run in sorted(set(seen) - ledger.snapshots.keys())
    ]


def check_files(ledger: Ledger) -> list[Finding]:
    """Check that every stored file hashes to the SHA under which it is stored."""
    return [
        Finding(WRONG, ledger.now, f"the stored content of file {sha} does not hash to its SHA")
        for sha, data in ledger.files.items()
        if hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()
        != sha
    ]
