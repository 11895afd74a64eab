"""Starting and ending a run. Postgres decides that there is one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.content.refresh import dispatch
from hub.github.source import configured_source
from hub.models import RefreshRun, RunStatus, RunTrigger, Snapshot
from hub.runs.transactions import short_transaction


@dataclass(frozen=True)
class Started:
    """The open run, and what this call did: began it, joined it, or had another noted after it."""

    run: RefreshRun
    begun: bool
    will_follow: bool = False


def start_run(
    trigger: RunTrigger,
    *,
    requested_by: User | None = None,
    chosen: Sequence[str] | None = None,
    shrink_accepted: bool = False,
    follow_up: bool = False,
    in_seconds: float = 0,
) -> Started:
    """Begin a refresh of the configured source, or join the one that is open.

    `chosen` names the directories to look up; None means all that changed. `follow_up` says that
    something changed at GitHub which an open run may have listed too early to see: one more run
    is then noted, to begin when the open one ends. `in_seconds` lets a new run wait, so that what
    comes in a burst joins it. The task that lists the directories is sent after the commit, so a
    worker never sees a run that is not there.
    """
    source = configured_source().key
    while True:
        try:
            with short_transaction():
                run = _begin(
                    source,
                    trigger,
                    in_seconds=in_seconds,
                    requested_by=requested_by,
                    chosen=None if chosen is None else sorted(chosen),
                    shrink_accepted=shrink_accepted,
                )
        except IntegrityError:
            joined = _join(source, trigger, follow_up=follow_up)
            if joined:
                return joined
            continue  # it ended between the two statements: begin one after all
        return Started(run, begun=True)


def _begin(source: str, trigger: str, *, in_seconds: float = 0, **asked_for: object) -> RefreshRun:
    """Create a run and send its task on commit. Raises `IntegrityError` when one is open."""
    now = timezone.now()
    run = RefreshRun.objects.create(
        source=source,
        trigger=trigger,
        started_at=now,
        deadline=now + settings.RUN_DEADLINE,
        **asked_for,
    )
    transaction.on_commit(partial(dispatch.list_directories, run.pk, in_seconds=in_seconds))
    return run


def _join(source: str, trigger: RunTrigger, *, follow_up: bool) -> Started | None:
    """Join the open run; None when it has ended meanwhile.

    With `follow_up` under the lock of its row: the lister and whoever ends the run take it too.
    """
    if not follow_up:
        open_run = RefreshRun.objects.open().filter(source=source).first()
        return Started(open_run, begun=False) if open_run else None
    with short_transaction():
        run = RefreshRun.objects.open().filter(source=source).select_for_update().first()
        if run is None:
            return None
        will_follow = not will_see_changes(run)
        if will_follow and not run.follow_up:
            run.follow_up = trigger
            run.save(update_fields=["follow_up"])
    return Started(run, begun=False, will_follow=will_follow)


def will_see_changes(run: RefreshRun) -> bool:
    """Whether the open run has not listed yet, and then looks up whatever changed."""
    return run.status == RunStatus.QUEUED and run.chosen is None


def end_run(run: RefreshRun, status: RunStatus, reason: str = "", detail: str = "") -> None:
    """End an open run and begin the one that was noted to follow it, all of it or nothing.

    Call it in the transaction that writes what the run came to, with the run's row locked. If
    the following run's message gets lost, the watch sends it again as any queued run's.
    """
    locked = RefreshRun.objects.select_for_update()  # an error outside a transaction
    run.refresh_from_db(fields=["follow_up"], from_queryset=locked)
    run.finish(status, reason, detail)
    if run.follow_up:
        _begin(run.source, run.follow_up)


def start_first_run() -> Started | None:
    """Begin a run when nothing was ever published or tried for the source; None otherwise.

    For the start of a worker: a new hub fills its page at once instead of at the next tick.
    """
    source = configured_source().key
    if (
        Snapshot.objects.filter(source=source).exists()
        or RefreshRun.objects.filter(source=source).exists()
    ):
        return None
    return start_run(RunTrigger.STARTUP)
