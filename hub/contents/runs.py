"""Starting a run. Postgres decides that there is one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.contents import dispatch
from hub.github.source import configured_source
from hub.models import RefreshRun, RunTrigger, Snapshot


@dataclass(frozen=True)
class Started:
    """The open run, and whether this call began it or joined one that was open already."""

    run: RefreshRun
    begun: bool


def start_run(
    trigger: RunTrigger,
    *,
    requested_by: User | None = None,
    chosen: Sequence[str] | None = None,
    shrink_accepted: bool = False,
) -> Started:
    """Begin a refresh of the configured source, or join the one that is open.

    `chosen` names the directories to look up; None means all that changed. The task that lists
    the directories is sent after the commit, so a worker never sees a run that is not there.
    """
    source = configured_source().key
    now = timezone.now()
    while True:
        try:
            with transaction.atomic():
                run = RefreshRun.objects.create(
                    source=source,
                    trigger=trigger,
                    requested_by=requested_by,
                    chosen=None if chosen is None else sorted(chosen),
                    shrink_accepted=shrink_accepted,
                    started_at=now,
                    deadline=now + settings.RUN_DEADLINE,
                )
                transaction.on_commit(partial(dispatch.list_directories, run.pk))
        except IntegrityError:
            open_run = RefreshRun.objects.open().filter(source=source).first()
            if open_run:
                return Started(open_run, begun=False)
            continue  # it ended between the two statements: begin one after all
        return Started(run, begun=True)


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
