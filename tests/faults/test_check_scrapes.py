"""The checks of the hub's own metrics, each with what it lets pass and what it finds."""

from dataclasses import replace

import pytest

from tests.faults.answers import Scrape, parse_scrape
from tests.faults.check_scrapes import check_scrapes
from tests.faults.readers import Body, Read
from tests.faults.truth import Commit

RUNS, LOOKUPS = "exporterhub_runs_total", "exporterhub_lookups_total"
COMMITS = [Commit(0, "root", {"Alpha": frozenset()}, visible_from=100)]
GOOD = Scrape((), True, 1, 1, confirmed=200, published=150, totals={RUNS: 5, LOOKUPS: 9})
TEXT = """# HELP exporterhub_database_up Whether …
exporterhub_database_up 1.0
exporterhub_map_state{state="fresh"} 1.0
exporterhub_map_state{state="stale"} 0.0
exporterhub_directories{state="fresh"} 1.0
exporterhub_map_confirmed_timestamp_seconds 200.0
exporterhub_snapshot_timestamp_seconds 150.0
exporterhub_runs_total{run="refresh",trigger="beat"} 2.0
exporterhub_runs_total{run="facts",trigger="beat"} 3.0
exporterhub_lookups_total{run="refresh"} 9.0
"""


def scrape(said: Scrape, at: float) -> Read:
    return Read("scrape", at, at + 0.1, 200, scrape=said)


def map_of(as_of: float, at: float, reason: str | None = None) -> Read:
    return Read("map", at, at, 200, body=Body("fresh", reason, as_of, 1, {}, {}))


def faults(*reads: Read, may_lack_state: bool = False) -> list[str]:
    found = check_scrapes(reads, COMMITS, 1.0, lambda _: may_lack_state)
    return [finding.what for finding in found]


@pytest.mark.parametrize(
    ("reads", "fault"),
    [
        ([scrape(GOOD, 250), scrape(replace(GOOD, confirmed=240), 260)], None),
        ([scrape(replace(GOOD, impossible=("a",)), 250)], "impossible values of a"),
        ([scrape(replace(GOOD, has_state=False), 250)], "no state from Postgres"),
        ([scrape(replace(GOOD, states=0), 250)], "0 states"),
        ([scrape(replace(GOOD, directories=2), 250)], "2 directories, as in no commit"),
        ([scrape(replace(GOOD, confirmed=300), 250)], "confirmed in the future"),
        ([scrape(GOOD, 250), scrape(replace(GOOD, confirmed=190), 260)], "confirmation went back"),
        ([scrape(GOOD, 250), scrape(replace(GOOD, published=None), 260)], "publication went back"),
        (
            [scrape(GOOD, 250), scrape(replace(GOOD, totals={RUNS: 4, LOOKUPS: 9}), 260)],
            f"{RUNS} decreased from 5 to 4",
        ),
        ([map_of(199, 240), scrape(GOOD, 250)], None),
        ([map_of(210, 240), scrape(GOOD, 250)], "is older than that of a map"),
        ([scrape(GOOD, 250), map_of(199.5, 252)], None),  # in whole seconds
        ([scrape(GOOD, 250), map_of(190, 250.5)], None),  # the copy of another process
        ([scrape(GOOD, 250), map_of(190, 252)], "10 s older than /metrics says"),
        ([scrape(GOOD, 250), map_of(190, 252, "no_database")], None),
    ],
)
def test_a_scrape_agrees_with_the_map(reads: list[Read], fault: str | None) -> None:
    found = faults(*reads)
    assert len(found) == (1 if fault else 0)
    assert not fault or fault in found[0]


def test_a_fault_of_postgres_may_take_the_state_away() -> None:
    assert not faults(scrape(replace(GOOD, has_state=False), 250), may_lack_state=True)


def test_a_scrape_is_parsed() -> None:
    assert parse_scrape(TEXT.encode()) == GOOD
    bad = parse_scrape(f'{TEXT}a 2\nb{{c="d e"}} -1.0\nf NaN\n'.encode())
    assert bad.impossible == ('b{c="d e"}', "f")
