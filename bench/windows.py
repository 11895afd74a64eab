"""A first refresh that needs more requests than GitHub allows in an hour, with the clock sped up.

The fake GitHub keeps GitHub's limits, 5,000 requests an hour and 900 points a minute, and its hour
lasts a minute. Ticks come as often; all else is as it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Part, size
from bench.hub import Hub
from bench.repository import GitHub, directory
from bench.stage import Stage

DIRECTORIES = 10_000
_HOUR = 60  # seconds
_SPEED = 3600 // _HOUR
_REQUESTS_AN_HOUR, _POINTS_A_MINUTE = 5_000, 900
_TICK = 5  # seconds between refreshes
_BUDGET = 810  # points a minute, as the hub's own settings have it
_NEEDED = 2 * DIRECTORIES + 2  # a tree and a file of each, and two trees above


def measure(quick: bool, say: Callable[[str], None]) -> list[Part]:
    """The table of windows; nothing in the quick form, for it takes five minutes."""
    if quick:
        return []
    with Stage() as stage:
        stage.env["GITHUB_POINTS_PER_MINUTE"] = str(_BUDGET * _SPEED)
        github = GitHub(
            stage,
            _fill(stage.folder / "repository"),
            f"--rate-limit={_REQUESTS_AN_HOUR}",
            f"--points-per-minute={_POINTS_A_MINUTE}",
            f"--hour={_HOUR}",
        )
        hub = Hub(stage)
        try:
            hub.start_worker()
            return [_part(_refresh_until_complete(hub, say))]
        finally:
            hub.close()
            github.stop()


def _fill(folder: Path) -> Path:
    for number in range(DIRECTORIES):
        home = folder / "contents" / directory(number)
        home.mkdir(parents=True)
        (home / "alerts.yaml").write_text(
            f"groups:\n- name: g\n  rules:\n  - alert: Down{number}\n    expr: up == 0\n"
        )
    return folder


@dataclass(frozen=True)
class _Moment:
    """How things stood after a run. `hours` are the sped-up clock's, since the first run began."""

    hours: float
    status: str
    reason: str
    requests: int  # asked so far, by all runs
    learned: int  # directories whose tree is judged
    served: int  # directories of which readers are told what they hold


def _refresh_until_complete(hub: Hub, say: Callable[[str], None]) -> list[_Moment]:
    """Tick until readers know every directory; a moment for each run that changed something."""
    moments: list[_Moment] = []
    started = time.monotonic()
    while not moments or moments[-1].served < DIRECTORIES:
        assert time.monotonic() - started < 20 * _HOUR, "the first refresh does not end"
        tick = time.monotonic()
        status, reason = hub.tick()
        moment = _look(hub, (time.monotonic() - started) / _HOUR, status, reason)
        if moments:
            assert moment.served >= moments[-1].served, "readers lost what they had been told"
        if not moments or moment.learned > moments[-1].learned:
            say(f"  hour {moment.hours:.1f}: {moment.learned:,} directories, {status} {reason}")
            moments.append(moment)
        time.sleep(max(0.0, _TICK - (time.monotonic() - tick)))  # until beat's next one
    return moments


def _look(hub: Hub, hours: float, status: str, reason: str) -> _Moment:
    requests, learned, served = hub.query(
        "SELECT (SELECT coalesce(sum(requests), 0) FROM hub_refreshrun)"
        " + (SELECT coalesce(sum(requests), 0) FROM hub_lookup),"
        " (SELECT count(*) FROM hub_contenttree WHERE judgement IS NOT NULL),"
        " (SELECT count(*) FROM hub_exportercontents WHERE tree_sha <> '')"
    )[0]
    return _Moment(hours, status, reason, int(requests), learned, served)


def _part(moments: list[_Moment]) -> Part:
    last = moments[-1]
    return Part(
        title=f"A first refresh of {DIRECTORIES:,} directories across hours",
        words=(
            f"One token, {_REQUESTS_AN_HOUR:,} requests an hour and {_POINTS_A_MINUTE} points a "
            f"minute, an hour lasting {_HOUR} s. It needs {_NEEDED:,} requests at least. Each line "
            "is a run that learned something; what it could not ask for waits for the next hour, "
            "and readers are told what is known by then."
        ),
        columns=("hour", "run", "why not all", "requests", "learned", "readers know"),
        rows=tuple(
            (
                f"{moment.hours:.1f}",
                moment.status,
                moment.reason,
                f"{moment.requests:,}",
                f"{moment.learned:,}",
                f"{moment.served:,}",
            )
            for moment in moments
        ),
        figures=(
            size(
                f"windows_requests_vs_needed_{DIRECTORIES}",
                "requests asked in all hours together, against what is needed at least",
                [last.requests / _NEEDED],
                at_most=1.05,
            ),
            size(
                f"windows_hours_{DIRECTORIES}",
                f"hours until readers know all, with one token ({_NEEDED:,} requests)",
                [last.hours],
            ),
        ),
        raw={"moments": [vars(moment) for moment in moments]},
    )
