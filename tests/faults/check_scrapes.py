"""Check the hub's own metrics: possible values, which agree with what readers get."""

from collections.abc import Callable, Iterable, Sequence

from tests.faults.answers import Scrape
from tests.faults.findings import LOST, WRONG, Finding
from tests.faults.readers import Body, Read
from tests.faults.truth import Commit

_ROUNDING = 1.0  # seconds; the map's time is in whole seconds


def check_scrapes(
    reads: Sequence[Read],
    commits: Sequence[Commit],
    lag: float,
    may_lack_state: Callable[[Read], bool],
) -> list[Finding]:
    """Check all scrapes. `lag`: by how many seconds a reader may get a map later.

    `may_lack_state`: whether a fault lets a scrape not have the state that is in Postgres.
    """
    findings = []
    last: Scrape | None = None  # with the state
    confirmed = 0.0  # of the newest scrape that was received
    confirmed_at = 0.0  # when it was received
    newest: Body | None = None
    newest_at = 0.0
    for read in reads:
        faults: list[tuple[str, str]] = []
        if body := read.body:
            faults = list(_of_map(read, body, confirmed, confirmed_at + lag))
            newest, newest_at = body, read.received
        elif scrape := read.scrape:
            if scrape.impossible:
                faults.append((WRONG, f"impossible values of {', '.join(scrape.impossible)}"))
            if not scrape.has_state and not may_lack_state(read):
                faults.append((LOST, "no state from Postgres"))
            if scrape.has_state:
                faults += _of_state(read, scrape, commits)
                faults += _backwards(last, scrape) if last else ()
                if newest and newest_at <= read.sent:
                    faults += _older_than_map(scrape, newest)
                last = scrape
                confirmed, confirmed_at = scrape.confirmed or 0.0, read.received
        findings += [
            Finding(verdict, read.received, f"{read.reader}: {what}") for verdict, what in faults
        ]
    return findings


def _of_map(read: Read, body: Body, confirmed: float, since: float) -> Iterable[tuple[str, str]]:
    """Check the map of a reader who sent the request after the scrape, by more than the lag."""
    if body.as_of is None or body.reason == "no_database":  # the last copy of a process
        return
    if read.sent > since and body.as_of < confirmed - _ROUNDING:
        yield WRONG, f"the map is {confirmed - body.as_of:.0f} s older than /metrics says"


def _of_state(read: Read, scrape: Scrape, commits: Sequence[Commit]) -> Iterable[tuple[str, str]]:
    if scrape.states != 1:
        yield WRONG, f"the map has {scrape.states:.0f} states"
    sizes = (len(each.map) for each in commits if each.visible_from <= read.received)
    if scrape.directories and scrape.directories not in sizes:
        yield WRONG, f"{scrape.directories:.0f} directories, as in no commit"
    for name, time in (("confirmed", scrape.confirmed), ("published", scrape.published)):
        if time is not None and time > read.received:
            yield WRONG, f"the map is {name} in the future"


def _backwards(last: Scrape, scrape: Scrape) -> Iterable[tuple[str, str]]:
    for name, total in last.totals.items():
        if scrape.totals[name] < total:
            yield LOST, f"{name} decreased from {total:.0f} to {scrape.totals[name]:.0f}"
    for name, before, now in (
        ("confirmation", last.confirmed, scrape.confirmed),
        ("publication", last.published, scrape.published),
    ):
        if before is not None and (now is None or now < before - _ROUNDING):
            yield WRONG, f"the time of the {name} went backwards"


def _older_than_map(scrape: Scrape, newest: Body) -> Iterable[tuple[str, str]]:
    if newest.as_of is not None and (scrape.confirmed or 0.0) < newest.as_of:
        yield WRONG, "the time of the confirmation is older than that of a map that a reader got"
