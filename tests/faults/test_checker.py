"""The checker's own rules, each with what it lets pass and what it finds."""

from dataclasses import replace

import pytest

from hub.github.git_objects import blob_sha
from tests.faults import checker
from tests.faults.checker import NO_ANSWER, Window
from tests.faults.findings import LOST, STUCK, WRONG, Finding
from tests.faults.ledger import Change, Ledger, Run
from tests.faults.readers import Body, Read
from tests.faults.truth import Commit, Map

NAMES = ("Alpha", "Beta", "Gamma")


def truth(**kinds: str) -> Map:
    return {name: frozenset(kinds.get(name, "")) for name in NAMES}


FIRST = Commit(0, "tree 0", truth(Alpha="I"), visible_from=100, visible_until=200)
SECOND = Commit(1, "tree 1", truth(Alpha="IA"), visible_from=200, visible_until=300)
THIRD = Commit(2, "tree 2", truth(Alpha="IA", Beta="G"), visible_from=300)
COMMITS = [FIRST, SECOND, THIRD]


def body(commit: Commit, *, as_of: float | None, run: int = 1, state: str = "fresh") -> Body:
    contents = {name: {kind: kind in kinds for kind in "IAG"} for name, kinds in commit.map.items()}
    return Body(state, None, as_of, run, contents, {})


def with_entry(said: Body, name: str, **kinds: bool | None) -> Body:
    entry = {"I": None, "A": None, "G": None, **kinds}
    return replace(said, contents={**said.contents, name: entry})


def read(said: Body, at: float, **facts: object) -> Read:
    return replace(Read("map", at, at + 0.1, 200, body=said), **facts)  # type: ignore[arg-type]


def says(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.verdict, finding.what) for finding in findings]


# --- maps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (body(SECOND, as_of=250), None),
        (body(SECOND, as_of=290, state="stale"), None),
        (body(SECOND, as_of=301), "claims to be confirmed at a time when GitHub did not show"),
        (with_entry(body(SECOND, as_of=250), "Beta", I=True), "matches no commit"),
        (with_entry(body(SECOND, as_of=250), "Delta", I=True), "matches no commit"),
        (with_entry(body(SECOND, as_of=250), "Alpha"), "matches no commit"),
        (replace(body(SECOND, as_of=250), contents={}), "matches no commit"),
        (body(THIRD, as_of=999), "has a time in the future"),
    ],
)
def test_a_map_is_that_of_a_commit(said: Body, fault: str | None) -> None:
    found = checker.check_maps([read(said, 400)], COMMITS, {})
    assert [finding.verdict for finding in found] == ([WRONG] if fault else [])
    assert not fault or fault in found[0].what


def test_a_map_is_that_of_its_own_snapshot() -> None:
    reads = [read(body(SECOND, as_of=250), 400)]
    assert not checker.check_maps(reads, COMMITS, {1: "tree 1"})
    assert checker.check_maps(reads, COMMITS, {1: "tree 0"})


def test_a_commit_is_not_served_before_github_has_it() -> None:
    assert checker.check_maps([read(body(THIRD, as_of=250), 260)], COMMITS, {})


@pytest.mark.parametrize(
    ("entry", "as_of", "is_true"),
    [
        ({"I": True, "A": False, "G": False}, 150, True),  # as in the first commit
        ({"I": True, "A": False, "G": False}, 250, False),  # it was another one by then
        ({"I": False, "A": False, "G": True}, 150, False),  # it never was
        ({"I": None, "A": None, "G": None}, None, True),  # nothing is claimed
    ],
)
def test_a_stale_entry_was_true_once(
    entry: dict[str, bool | None], as_of: float | None, is_true: bool
) -> None:
    said = replace(with_entry(body(THIRD, as_of=310), "Alpha", **entry), stale={"Alpha": as_of})
    assert (not checker.check_maps([read(said, 400)], COMMITS, {})) == is_true


# --- order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "found"),
    [
        (body(THIRD, as_of=310, run=2), []),
        (body(SECOND, as_of=249.5), []),
        (body(FIRST, as_of=190), [(WRONG, "the map's age went backwards by 60 s")]),
        (body(THIRD, as_of=None), [(WRONG, "the map's age went backwards to none")]),
        (body(SECOND, as_of=250, run=0), [(WRONG, "run 0 was served after run 1")]),
        (
            with_entry(body(SECOND, as_of=250), "Beta"),
            [(LOST, "['Beta'] were known and are now unknown")],
        ),
    ],
)
def test_maps_grow_no_older(later: Body, found: list[tuple[str, str]]) -> None:
    reads = [read(body(SECOND, as_of=250), 300), read(later, 400)]
    assert says(checker.check_order(reads)) == found


OLDER = body(FIRST, as_of=190, run=0)


@pytest.mark.parametrize(
    ("older", "at", "is_found"),
    [
        (OLDER, 300.9, False),
        (OLDER, 301.5, True),
        (with_entry(OLDER, "Beta"), 300.9, False),  # unknown in the older map
        (replace(OLDER, state="stale", reason="no_database"), 400, False),
    ],
)
def test_another_process_may_serve_an_older_map_for_a_second(
    older: Body, at: float, is_found: bool
) -> None:
    newer = read(body(SECOND, as_of=250), 300)
    reads = [newer, replace(newer, sent=300.5, received=300.5), read(older, at)]
    assert bool(checker.check_order(reads, lag=0.9)) == is_found
    assert checker.check_order(reads)


@pytest.mark.parametrize("age", [149, 150])
def test_the_header_says_the_maps_age(age: int) -> None:
    assert not checker.check_order([read(body(SECOND, as_of=250), 400, age=age)])


@pytest.mark.parametrize("age", [0, 140, 155])
def test_another_age_in_the_header_is_wrong(age: int) -> None:
    found = checker.check_order([read(body(SECOND, as_of=250), 400, age=age)])
    assert [finding.verdict for finding in found] == [WRONG]


# --- answers --------------------------------------------------------------------------------------

SERVED = read(body(SECOND, as_of=250), 300)
EMPTY = read(Body("empty", None, None, None, {}, {}), 400)  # type: ignore[arg-type]
REFUSED = Read("list", 400, 401, 0, "ConnectionRefusedError")
AWAY = Read("list", 400, 401, 503)
NO_MAP = (LOST, "map: invalid answer: ValueError")
PAGE = Read("list", 400, 401, 200, shows=frozenset(NAMES))


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (PAGE, []),
        (EMPTY, [(LOST, "an empty map")]),
        (REFUSED, [(LOST, "list: ConnectionRefusedError")]),
        (AWAY, [(LOST, "list: 503")]),
        (replace(PAGE, shows=frozenset()), [(LOST, "list: an empty page")]),
        (Read("map", 400, 401, 200, "invalid answer: ValueError"), [NO_MAP]),
        (replace(PAGE, received=410.0), [(STUCK, "list: response after 10.0 s")]),
    ],
)
def test_readers_get_answers_once_there_is_a_snapshot(
    bad: Read, found: list[tuple[str, str]]
) -> None:
    assert not checker.check_answers([bad], [])
    assert says(checker.check_answers([SERVED, bad], [])) == found


@pytest.mark.parametrize("allowed", [NO_ANSWER, 503])
@pytest.mark.parametrize("bad", [REFUSED, AWAY])
@pytest.mark.parametrize("start", [395, 402])
def test_a_fault_allows_what_it_says_while_it_lasts(allowed: int, bad: Read, start: int) -> None:
    window = Window("a fault", start, start + 5, start + 9, frozenset({allowed}))
    is_allowed = bad.status == allowed and start == 395
    assert (not checker.check_answers([SERVED, bad], [window])) == is_allowed


def test_a_fault_that_allows_an_error_allows_a_late_response() -> None:
    late = replace(PAGE, received=410.0)
    allowed = Window("a fault", 395, 400, 409, frozenset({503}))
    assert not checker.check_answers([SERVED, late], [allowed])
    assert checker.check_answers([SERVED, late], [replace(allowed, allows=frozenset())])


# --- Postgres -------------------------------------------------------------------------------------

RUNS = [
    Run(1, "published", 200, 205, 201, "tree 1"),
    Run(2, "unchanged", 210, 215, 211, "tree 1"),
    Run(3, "published", 300, 305, 301, "tree 2"),
]
LEDGER = Ledger(
    now=400,
    runs=RUNS,
    facts_runs=[],
    snapshots={1: "tree 1", 3: "tree 2"},
    changes=[Change(7, 3, "Beta", "G", "gained")],
    lookups=[(1, "Alpha", "found"), (3, "Beta", "found")],
    rows={n: {k: k in kinds for k in "IAG"} for n, kinds in THIRD.map.items()},
    stale=frozenset(),
    served_run=3,
    files={blob_sha(b"Hello World\n"): b"Hello World\n"},
)


BEFORE = replace(
    LEDGER,
    changes=[Change(6, 1, "Gamma", "A", "gained"), Change(5, 1, "Gamma", "A", "lost")],
    rows={n: {k: k in kinds for k in "IAG"} for n, kinds in SECOND.map.items()},
)


def test_a_sound_ledger_has_nothing_to_find() -> None:
    evidence = checker.Evidence(COMMITS, [SERVED, PAGE], (), LEDGER, BEFORE)
    assert not checker.check(evidence)


@pytest.mark.parametrize(
    ("finished", "now", "windows", "is_stuck"),
    [
        (306, 400, [], False),
        (320, 400, [], True),
        (None, 306, [], False),
        (None, 400, [], True),
        (320, 400, [Window("beat", 302, 318, 325, stops_housekeeping=True)], False),
        (340, 400, [Window("beat", 302, 318, 325, stops_housekeeping=True)], True),
        (320, 400, [Window("web", 302, 318, 325)], True),
        (320, 400, [Window("beat", 330, 340, 345, stops_housekeeping=True)], True),
    ],
)
def test_a_run_ends_by_the_next_housekeeping_after_its_deadline(
    finished: float | None, now: float, windows: list[Window], is_stuck: bool
) -> None:
    run = replace(RUNS[2], finished=finished)
    ledger = replace(LEDGER, runs=[run], now=now)
    found = checker.check_ends(ledger, windows, housekeeping_every=1)
    assert [finding.verdict for finding in found] == ([STUCK] if is_stuck else [])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            {"lookups": [(1, "Alpha", "found"), (1, "Alpha", "failed")]},
            (WRONG, "run 1 has 2 outcomes for Alpha"),
        ),
        ({"snapshots": {3: "tree 2"}}, (LOST, "run 1 was published and has no snapshot")),
        (
            {"snapshots": {1: "tree 1", 2: "tree 1", 3: "tree 2"}},
            (WRONG, "run 2 has a snapshot and was not published"),
        ),
        ({"served_run": 1}, (WRONG, "run 1 is served, run 3 is the newest")),
    ],
)
def test_nothing_counts_twice(change: dict[str, object], found: tuple[str, str]) -> None:
    ledger = replace(LEDGER, **change)  # type: ignore[arg-type]
    assert found in says(checker.check_counts(ledger))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ([], "the change log does not add up to the map: ['Beta']"),
        (LEDGER.changes * 2, "Beta gained G in run 3, again"),
        (
            [*LEDGER.changes, Change(8, 3, "Alpha", "directory", "gained")],
            "Alpha gained directory in run 3, again",
        ),
        (
            [*LEDGER.changes, Change(8, 3, "Alpha", "directory", "lost")],
            "the change log does not add up to the map: ['Alpha']",
        ),
        (
            [*LEDGER.changes, Change(8, 3, "Gamma", "A", "lost")],
            "Gamma lost A in run 3, again",
        ),
    ],
)
def test_the_change_log_adds_up(changes: list[Change], found: str) -> None:
    ledger = replace(LEDGER, changes=changes)
    assert found in [finding.what for finding in checker.check_log(BEFORE, ledger)]


def test_a_directory_may_go_with_what_it_held() -> None:
    rows = {name: entry for name, entry in LEDGER.rows.items() if name != "Alpha"}
    gone = [
        Change(8, 3, "Alpha", "directory", "lost"),
        *(Change(9, 3, "Alpha", kind, "lost") for kind in "IA"),
    ]
    ledger = replace(LEDGER, rows=rows, changes=[*LEDGER.changes, *gone])
    assert not checker.check_log(BEFORE, ledger)


def test_a_snapshot_that_readers_got_is_kept() -> None:
    seen = [read(body(SECOND, as_of=250, run=2), 300)]
    assert says(checker.check_kept(LEDGER, seen)) == [
        (LOST, "readers got the snapshot of run 2, which no longer exists")
    ]


def test_a_stored_file_hashes_to_its_sha() -> None:
    [sha] = LEDGER.files
    ledger = replace(LEDGER, files={sha: b"Hello World"})
    found = says(checker.check_files(ledger))
    assert found == [(WRONG, f"the stored content of file {sha} does not hash to its SHA")]
