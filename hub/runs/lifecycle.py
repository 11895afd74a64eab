"""The lifecycle of a run of contents or facts: start, lookups in a Celery chord, end.

A constraint in Postgres allows one open run at a time. Each message is sent after the commit that
it refers to. A message may be lost or delivered twice, so every step may run twice, and
housekeeping resends lost messages and closes overdue runs.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from celery import chord, current_app, signature
from django.conf import settings
from django.db import Error, IntegrityError, close_old_connections, transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from hub import clock
from hub.github.errors import BadToken, GitHubError, NotFound, NoToken
from hub.models import Outcome, Reason, Run, RunStatus
from hub.runs.queues import waiting_messages
from hub.runs.totals import count_run
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)

R = TypeVar("R", bound=Run)

# A run with no progress for this long has lost its messages (Redis was emptied) or its worker.
_SILENT_AFTER = timedelta(seconds=30)
# Lookups are kept this long for questions about a run; then only the summary in its row remains.
_LOOKUP_RETENTION = timedelta(days=7)


@dataclass(frozen=True)
class Tasks:
    """The names of a run's Celery tasks. `tasks` imports `hub`, so `hub` must not import them."""

    start: str  # arguments: the run's id
    lookup: str  # the chord's header; arguments: the run's id and a key
    finish: str  # the chord's body; arguments: the outcomes and the run's id
    finish_failed: str  # the body's error callback; the last argument is the run's id


class Work(Protocol):
    """The work of one lookup. `requests` counts its requests to GitHub."""

    requests: int

    def learn(self) -> None:
        """Fetch the data from GitHub. Raises `GitHubError`."""

    def store(self) -> None:
        """Store the data, in the transaction that stores the lookup's outcome."""


class Lifecycle(Generic[R]):
    """The lifecycle of one model's runs. `on_end` is called in the transaction that ends a run."""

    def __init__(self, model: type[R], tasks: Tasks, on_end: Callable[[R], None]) -> None:
        self.model, self.tasks, self.on_end = model, tasks, on_end
        self._rows = model._default_manager
        lookups: Any = model._meta.get_field("lookups").related_model
        self._all_lookups = lookups.objects

    def create(self, *, in_seconds: float = 0, **fields: Any) -> R:
        """Create an open run and send its first task on commit, with a delay of `in_seconds`.

        Raises `IntegrityError` if a run is already open.
        """
        now = clock.now()
        with short_transaction():
            run = self._rows.create(started_at=now, deadline=now + settings.RUN_DEADLINE, **fields)
            transaction.on_commit(partial(self._send_start, run.pk, in_seconds))
        logger.info("%s started: %s", run, run.trigger)
        return run

    def create_or_join(self, join: Callable[[], R | None], **fields: Any) -> tuple[R, bool]:
        """Return a new run, or the open one that `join` finds, and whether it is new."""
        while True:
            try:
                return self.create(**fields), True
            except IntegrityError:
                open_run = join()
            if open_run is not None:
                return open_run, False
            # The open run ended between the two statements: try again.

    def locked(self, run_id: int) -> R:
        """Return the run and lock its row. Call it in a transaction."""
        return self._rows.select_for_update().get(pk=run_id)

    def send_lookups(self, run: R) -> None:
        """Send the chord for the pending lookups, or only its body if there are none."""
        self.note_progress(run.pk)
        pending = self._all_lookups.filter(run=run, outcome=Outcome.PENDING)
        keys = list(pending.values_list(self.model.LOOKUP_KEY, flat=True))
        if not keys:  # send only the body, as Celery does for a chord with an empty header
            self._send(self.tasks.finish, [], run.pk)
            return
        header = [signature(self.tasks.lookup, args=[run.pk, key]) for key in keys]
        failed = signature(self.tasks.finish_failed, args=[run.pk])
        try:
            chord(header)(signature(self.tasks.finish, args=[run.pk]).on_error(failed))
        except (OperationalError, RedisError):
            logger.warning("Redis is not reachable: the lookups of %s are sent later", run)

    def note_progress(self, run_id: int) -> None:
        """Keep housekeeping from sending a run's messages again for a while."""
        self._rows.filter(pk=run_id).update(progress_at=clock.now())

    def look_up(self, run_id: int, key: Any, work_of: Callable[[Any], Work]) -> dict[str, Any]:
        """Do one lookup, store its outcome, and return the task's result.

        Does nothing when called again or for an ended run. Never raises: after an exception in a
        chord's header, Celery does not run the chord's body.
        """
        lookups = self._all_lookups.filter(**{"run": run_id, self.model.LOOKUP_KEY: key})
        outcome, reason = Outcome.FAILED, Reason.DEADLINE
        try:
            lookup = lookups.select_related("run").first()
            if lookup and lookup.outcome == Outcome.PENDING and lookup.run.is_open:
                _perform(lookup, work_of(lookup))
            if lookup and lookup.outcome != Outcome.PENDING:
                outcome, reason = lookup.outcome, lookup.reason
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:  # also a panic of a native library, which is no `Exception`
            logger.exception("%s %s: %s", self.model.__name__, run_id, key)
            reason = Reason.INTERNAL
            close_old_connections()  # the error may be a broken connection
            with contextlib.suppress(Error):  # then the lookup stays pending until the deadline
                lookups.filter(outcome=Outcome.PENDING).update(
                    outcome=outcome, reason=reason, finished_at=clock.now()
                )
        return {self.model.LOOKUP_KEY: key, "outcome": str(outcome), "reason": str(reason)}

    def end(self, run: R, status: RunStatus, reason: str = "", detail: str = "") -> None:
        """End a `locked` run. Call it in the transaction that writes the result."""
        run.status, run.reason, run.detail = status, reason, detail[:300]
        run.finished_at = clock.now()
        run.save(update_fields=["status", "reason", "detail", "finished_at"])
        self.on_end(run)
        count_run(run, self._all_lookups.filter(run=run))
        logger.info("%s ended: %s %s", run, status, detail)

    def end_with(self, run: R, error: GitHubError) -> None:
        """End a `locked` run because of an error before its lookups were sent."""
        without_token = isinstance(error, NoToken | BadToken)
        status = RunStatus.NO_TOKEN if without_token else RunStatus.FAILED
        self.end(run, status, error.reason, str(error))

    def fail(self, run_id: int, reason: Reason, detail: str) -> None:
        """End a run as failed, if it is still open."""
        with short_transaction():
            run = self.locked(run_id)
            if run.is_open:
                self.end(run, RunStatus.FAILED, reason, detail)

    def housekeeping(self) -> None:
        """Close overdue runs, resend lost messages, and delete old lookups."""
        now = clock.now()
        open_runs: Any = self._rows.filter(finished_at__isnull=True)
        # Their deadline would be too late: the clock was ahead when they started.
        ahead = open_runs.filter(started_at__gt=now + clock.TOLERANCE)
        ahead.update(started_at=now, deadline=now + settings.RUN_DEADLINE)
        for run in open_runs.filter(deadline__lt=now):
            logger.warning("%s is past its deadline", run)
            if run.status == RunStatus.LOOKING_UP:
                self._send(self.tasks.finish, [], run.pk)  # publish the lookups that succeeded
            else:
                self.fail(run.pk, Reason.DEADLINE, "listing timed out: are workers running?")
        silent_since = now - _SILENT_AFTER
        progressing = (silent_since, now + clock.TOLERANCE)
        for run in open_runs.filter(deadline__gte=now).exclude(progress_at__range=progressing):
            if run.status != RunStatus.LOOKING_UP:
                self.note_progress(run.pk)
                self._send_start(run.pk)
            elif not self._makes_progress(run, silent_since):
                logger.warning("%s makes no progress: its lookups are sent again", run)
                self.send_lookups(run)
        self._all_lookups.filter(run__finished_at__lt=now - _LOOKUP_RETENTION).delete()

    def _makes_progress(self, run: R, since: datetime) -> bool:
        """Whether a lookup has ended since then, or some are still waiting in their queue."""
        lookups = self._all_lookups.filter(run=run)
        until = clock.now() + clock.TOLERANCE
        if lookups.filter(finished_at__range=(since, until)).exists():
            return True
        if not lookups.filter(outcome=Outcome.PENDING).exists():
            return False
        # While the request budget is used up no lookup ends, and nothing is lost.
        queue = settings.CELERY_TASK_ROUTES[self.tasks.lookup]["queue"]
        try:
            return bool(waiting_messages(queue)[queue])
        except OperationalError:
            return True  # the broker is not reachable: try at the next tick

    def _send_start(self, run_id: int, in_seconds: float = 0) -> None:
        self._send(self.tasks.start, run_id, in_seconds=in_seconds)

    def _send(self, task: str, *args: Any, in_seconds: float = 0) -> None:
        """Send a task. If Redis is not reachable, housekeeping sends it later."""
        try:
            # No result is requested: to subscribe to one, Celery would wait much longer for Redis.
            current_app.send_task(task, args=args, countdown=in_seconds or None, ignore_result=True)
        except OperationalError:
            logger.warning("Redis is not reachable: %s will be sent later", task)


def _perform(lookup: Any, work: Work) -> None:
    """Do the work, and store its data and the outcome in one transaction."""
    try:
        work.learn()
        lookup.outcome = Outcome.FOUND
    except GitHubError as error:
        # A 404 for a listed tree means a force push or lost access: the next listing shows which.
        missing = isinstance(error, NotFound)
        lookup.outcome = Outcome.MISSING if missing else Outcome.FAILED
        lookup.reason, lookup.detail = error.reason, str(error)[:300]
        logger.warning("%s: %s: %s", lookup.run, lookup, error)
    with transaction.atomic():
        work.store()
        # Not `save`: the exporter may have been deleted meanwhile, and its lookup with it.
        type(lookup).objects.filter(pk=lookup.pk).update(
            outcome=lookup.outcome,
            reason=lookup.reason,
            detail=lookup.detail,
            requests=work.requests,
            finished_at=clock.now(),
        )
