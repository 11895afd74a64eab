"""Start and end a refresh. A constraint in Postgres allows one open run at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from hub.content.map.render_map import show_failure
from hub.github.source import configured_source
from hub.models import Reason, RefreshRun, RunStatus, RunTrigger
from hub.runs.lifecycle import Lifecycle, Tasks
from hub.runs.transactions import short_transaction


def _on_end(run: RefreshRun) -> None:
    """Mark the map as stale if the run did not publish, and create the follow-up run."""
    if run.reason and run.status != RunStatus.PUBLISHED:
        show_failure(run.source, Reason(run.reason))
    if run.follow_up:
        refresh_runs.create(source=run.source, trigger=run.follow_up)


refresh_runs = Lifecycle(
    RefreshRun,
    Tasks(
        start="tasks.refresh.list_directories",
        lookup="tasks.refresh.lookup_directory",
        finish="tasks.refresh.publish_contents",
        finish_failed="tasks.refresh.publish_failed",
    ),
    _on_end,
)


@dataclass(frozen=True)
class Started:
    """The open run, whether this call created it, and whether a follow-up run is scheduled."""

    run: RefreshRun
    created: bool
    will_follow: bool = False


def start_refresh(
    trigger: RunTrigger,
    *,
    requested_by: User | None = None,
    chosen: Sequence[str] | None = None,
    shrink_accepted: bool = False,
    full: bool = False,
    follow_up: bool = False,
    in_seconds: float = 0,
) -> Started:
    """Start a refresh of the configured source, or join the open one.

    `chosen`: the directories to look up; None for all that changed. `full`: publish even if nothing
    changed. `follow_up`: something changed at GitHub. If the open run may have listed too early to
    see it, another run starts when the open one ends. `in_seconds` delays a new run, so that a
    burst of events shares one run.
    """
    source = configured_source().key
    will_follow = False

    def join() -> RefreshRun | None:
        nonlocal will_follow
        open_run = RefreshRun.objects.open().filter(source=source)
        if not follow_up:
            return open_run.first()
        # Under the row lock, which listing and ending the run take as well.
        with short_transaction():
            run = open_run.select_for_update().first()
            if run is None:
                return None
            # A queued run has yet to list the source; without `chosen` it looks up all changes.
            will_follow = run.status != RunStatus.QUEUED or run.chosen is not None
            if will_follow and not run.follow_up:
                run.follow_up = trigger
                run.save(update_fields=["follow_up"])
        return run

    run, created = refresh_runs.create_or_join(
        join,
        source=source,
        trigger=trigger,
        requested_by=requested_by,
        chosen=None if chosen is None else sorted(chosen),
        shrink_accepted=shrink_accepted,
        full=full,
        in_seconds=in_seconds,
    )
    return Started(run, created, will_follow and not created)


def start_first_refresh() -> RefreshRun | None:
    """Start a run if the source has neither a snapshot nor a run; return None otherwise.

    Workers call it on start, and housekeeping does, so that a new hub does not wait for the next
    scheduled refresh.
    """
    # Without a run there is no snapshot either: `Snapshot.run` protects its run.
    if RefreshRun.objects.filter(source=configured_source().key).exists():
        return None
    return start_refresh(RunTrigger.STARTUP).run
