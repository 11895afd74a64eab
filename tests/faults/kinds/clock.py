"""Faults of beat's clock. All other processes, and the checker, use the correct time."""

import itertools
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.common.waiting import wait_until
from tests.faults.kinds import kind
from tests.faults.kinds.workers import LOOKUPS_HELD
from tests.faults.parts import Part
from tests.faults.stage import Stage

_DAY = timedelta(days=1)
_ZONE = "Europe/Berlin"
_SPRING = 3  # month
_SEND = "Sending due task Refresh contents"
_HOUSEKEEPING = "Sending due task Housekeeping"


class _Clock:
    """The clock of another process; `tests.faults.clocked` reads its offset from the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def set(self, ahead: timedelta) -> None:
        """Set the clock ahead of the correct time."""
        new = self.file.with_name(f"{self.file.name}.new")
        new.write_text(f"{ahead.total_seconds():.3f}\n")
        new.replace(self.file)


@contextmanager
def _beat_with(stage: Stage, ahead: timedelta) -> Iterator[tuple[Part, _Clock]]:
    """Replace the stage's beat by one with a separate clock, and restore it afterwards.

    The replacement is terminated cleanly, so that it stores when it last sent each task, by its
    own clock.
    """
    stage.parts["beat"].kill()
    clock = _Clock(stage.folder / "clock")
    clock.set(ahead)
    beat = stage.make_beat("beat with a separate clock")
    beat.command = ["tests.faults.clocked", str(clock.file), *beat.command]
    beat.start()
    try:
        beat.wait()
        yield beat, clock
    finally:
        beat.stop()
        stage.restart("beat")


def _wait_for_tick(beat: Part, what: str = _SEND) -> None:
    """Wait until this beat has sent the task once more."""
    before = beat.output().count(what)
    wait_until(lambda: beat.output().count(what) > before, f"beat: {what}")


@kind(
    "beat's clock a day ahead, corrected at its restart",
    times=1,
    stops_housekeeping=True,
)
def restarted_after_a_day(stage: Stage) -> Generator[None]:
    with _beat_with(stage, _DAY) as (beat, _):
        before = stage.newest_run()
        _wait_for_tick(beat)
        stage.wait_for_end(before)
        yield
    _wait_for_tick(stage.parts["beat"])


@kind("beat's clock set back by a day while beat runs", times=1, stops_housekeeping=True)
def set_back(stage: Stage) -> Generator[None]:
    with _beat_with(stage, _DAY) as (beat, clock):
        _wait_for_tick(beat)
        clock.set(timedelta(0))
        _wait_for_tick(beat)
        before = stage.newest_run()
        stage.wait_for_end(before)
        yield


def _next_changes() -> Iterator[datetime]:
    """Yield the next times at which daylight saving time starts or ends in the zone."""
    zone = ZoneInfo(_ZONE)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    while True:
        after = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield after
        hour = after


_changes = itertools.cycle(itertools.islice(_next_changes(), 2))


@kind("run across a DST change", times=1, stops_housekeeping=True)
def dst_change(stage: Stage) -> Generator[None]:
    """Daylight saving time starts or ends while a run is open."""
    change = next(_changes)
    with _beat_with(stage, _until(change, 60)) as (beat, clock):
        _wait_for_tick(beat)
        yield from _across(stage, beat, clock, change)


@kind(
    "run across a DST change, scheduled by a crontab in that time zone",
    times=1,
    stops_housekeeping=True,
)
def dst_change_by_crontab(stage: Stage) -> Generator[None]:
    """Daylight saving time starts: the minute after 1:59 is 3:00.

    The end is not tested, because Celery's crontab skips the hour that occurs twice.
    """
    change = next(c for c in _next_changes() if c.month == _SPRING)
    # The schedule is restored before beat restarts: beat would miss a change during its start for
    # minutes.
    with _beat_with(stage, _until(change, 45)) as (beat, clock), _crontab_schedule(stage):
        _wait_for_tick(beat, _HOUSEKEEPING)
        yield from _across(stage, beat, clock, change)


def _across(stage: Stage, beat: Part, clock: _Clock, change: datetime) -> Generator[None]:
    stage.wait_for_rest()
    with stage.locked(LOOKUPS_HELD):
        stage.writer.change(directories=6)
        stage.tick()
        stage.wait_for_blocked("hub_contenttree")
        run = stage.newest_run()
        clock.set(_until(change, 1))
        moment = f"{change:%Y-%m-%dT%H:%M}"
        wait_until(
            lambda: any(_SEND in line for line in beat.output().splitlines() if moment in line),
            f"beat to send a refresh at {moment}",
        )
    stage.wait_for_end(run - 1)
    yield


def _until(moment: datetime, seconds: float) -> timedelta:
    """Return the offset of a clock that reaches `moment` in `seconds`."""
    return moment - timedelta(seconds=seconds) - datetime.now(UTC)


@contextmanager
def _crontab_schedule(stage: Stage) -> Iterator[None]:
    """Schedule the refresh every minute by a crontab in the zone, instead of every second."""
    task = "tasks.refresh.start_scheduled_refresh"
    changed = "UPDATE django_celery_beat_periodictasks SET last_update = clock_timestamp()"
    interval, expires = stage.query(
        "SELECT interval_id, expire_seconds FROM django_celery_beat_periodictask WHERE task = %s",
        [task],
    )[0]
    stage.execute(
        "WITH minutes AS (INSERT INTO django_celery_beat_crontabschedule"
        " (minute, hour, day_of_month, month_of_year, day_of_week, timezone)"
        " VALUES ('*', '*', '*', '*', '*', %s) RETURNING id)"
        # Last sent now, by the correct time: an earlier fault may have stored a future time.
        " UPDATE django_celery_beat_periodictask SET interval_id = NULL, expire_seconds = 60,"
        " last_run_at = clock_timestamp(),"
        f" crontab_id = (SELECT id FROM minutes) WHERE task = %s; {changed}",
        [_ZONE, task],
    )
    try:
        yield
    finally:
        stage.execute(
            "UPDATE django_celery_beat_periodictask SET crontab_id = NULL, interval_id = %s,"
            f" expire_seconds = %s WHERE task = %s; {changed}",
            [interval, expires, task],
        )
