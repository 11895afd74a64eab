"""A facts run from its trigger to its end. Postgres decides that there is one at a time."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from hub.facts import dispatch
from hub.github import errors
from hub.github.tokens import adopt_environment_token, shared_pool
from hub.models import Exporter, FactsLookup, FactsRun, FactsStatus, Outcome, Reason, RunTrigger
from hub.models.catalogue import ExporterQuerySet
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)

# A queued run whose task no worker took for so long: its message was lost, or Redis was away.
_LOST_AFTER = timedelta(seconds=45)


@dataclass(frozen=True)
class Started:
    """The open run, and whether this call began it."""

    run: FactsRun
    begun: bool


def start_run(
    trigger: RunTrigger,
    *,
    requested_by: User | None = None,
    chosen: Sequence[int] | None = None,
) -> Started:
    """Begin to ask for the facts of the `chosen` exporters (None: all), or join the open run."""
    while True:
        try:
            with short_transaction():
                now = timezone.now()
                run = FactsRun.objects.create(
                    trigger=trigger,
                    requested_by=requested_by,
                    chosen=None if chosen is None else sorted(chosen),
                    started_at=now,
                    deadline=now + settings.RUN_DEADLINE,
                )
                transaction.on_commit(partial(dispatch.begin, run.pk))
        except IntegrityError:
            open_run = FactsRun.objects.open().first()
            if open_run:
                return Started(open_run, begun=False)
            continue  # it ended between the two statements: begin one after all
        return Started(run, begun=True)


def ask_about(exporters: ExporterQuerySet, trigger: RunTrigger) -> Started | None:
    """Begin a run for these exporters, or join the open one; None when there are none of them."""
    chosen = list(exporters.values_list("pk", flat=True))
    return start_run(trigger, chosen=chosen) if chosen else None


def ask_about_those_without_facts(trigger: RunTrigger) -> Started | None:
    """For the start of a worker, and for a token that may end a time without one."""
    return ask_about(Exporter.objects.without_facts(), trigger)


def begin(run_id: int) -> None:
    """Note which exporters to ask about and send the chord, or end at once without a token.

    May be delivered twice: what a first delivery did is found and carried on.
    """
    run = FactsRun.objects.get(pk=run_id)
    if not run.is_open:
        return
    if run.status == FactsStatus.ASKING:  # its worker died between the commit and the chord
        _send(run)
        return
    adopt_environment_token()
    try:
        shared_pool().choose(afresh=True)
    except errors.GitHubError as error:
        _end_without_asking(run, error)
        return
    with short_transaction():
        run = FactsRun.objects.select_for_update().get(pk=run_id)
        if run.status != FactsStatus.QUEUED:
            return  # the watch closed it, or a second delivery was faster
        run.status = FactsStatus.ASKING
        run.save(update_fields=["status"])
        # Those asked longest ago come first, should the deadline cut the run short.
        ids = _exporters_of(run).order_by(F("facts_at").asc(nulls_first=True), "pk")
        FactsLookup.objects.bulk_create(
            FactsLookup(run=run, exporter_id=pk) for pk in ids.values_list("pk", flat=True)
        )
        transaction.on_commit(partial(_send, run))


def _exporters_of(run: FactsRun) -> ExporterQuerySet:
    everyone = Exporter.objects.all()
    return everyone if run.chosen is None else everyone.filter(pk__in=run.chosen)


def _send(run: FactsRun) -> None:
    """Send the chord for what is left to look up, or the end if nothing is."""
    pending = run.lookups.filter(outcome=Outcome.PENDING).values_list("exporter_id", flat=True)
    if pending:
        dispatch.look_up_and_finish(run.pk, list(pending))
    else:
        dispatch.finish(run.pk)


def _end_without_asking(run: FactsRun, error: errors.GitHubError) -> None:
    """End a run that has no token to ask with; the exporters keep their facts and say why."""
    without_token = isinstance(error, errors.NoToken | errors.BadToken)
    with short_transaction():
        run = FactsRun.objects.select_for_update().get(pk=run.pk)
        if run.status != FactsStatus.QUEUED:
            return
        _exporters_of(run).update(facts_problem=error.reason)
        status = FactsStatus.NO_TOKEN if without_token else FactsStatus.FAILED
        run.finish(status, error.reason, str(error))
    logger.warning("facts %s ended %s: %s", run.pk, status, error)


def finish(run_id: int) -> None:
    """End a run whose lookups have ended, or whose deadline has passed.

    Outcomes are read from Postgres, so a lost result loses nothing. A second delivery finds the
    run ended and does nothing.
    """
    with short_transaction():
        run = FactsRun.objects.select_for_update().get(pk=run_id)
        if run.status != FactsStatus.ASKING:
            return
        _give_up_pending(run)
        failed = Counter(
            run.lookups.exclude(outcome=Outcome.FOUND).values_list("reason", flat=True)
        )
        total = run.lookups.count()
        detail = f"{failed.total()} of {total} exporters could not be asked" if failed else ""
        reason = failed.most_common(1)[0][0] if failed else ""
        if failed and failed.total() == total:
            run.finish(FactsStatus.FAILED, reason, detail)
        elif run.lookups.filter(changed=True).exists():
            run.finish(FactsStatus.UPDATED, reason, detail)
        else:
            run.finish(FactsStatus.UNCHANGED, reason, detail)
    logger.info("facts %s ended %s", run_id, run.status)


def _give_up_pending(run: FactsRun) -> None:
    """What is not looked up by now was not finished in time."""
    pending = run.lookups.filter(outcome=Outcome.PENDING)
    Exporter.objects.filter(pk__in=pending.values("exporter_id")).update(
        facts_problem=Reason.DEADLINE
    )
    pending.update(outcome=Outcome.FAILED, reason=Reason.DEADLINE, finished_at=timezone.now())


def fail_run(run_id: int, reason: Reason, detail: str) -> None:
    """End an open run as failed; what its lookups have stored stays."""
    with short_transaction():
        run = FactsRun.objects.select_for_update().get(pk=run_id)
        if run.is_open:
            _give_up_pending(run)
            run.finish(FactsStatus.FAILED, reason, detail)


def watch() -> None:
    """One tick of the watch: end what is overdue, send again what got lost, ask about the new.

    So an exporter that was imported or got another repository has its facts within a minute or
    two, whoever changed it, even if a run was open at that moment.
    """
    now = timezone.now()
    for run in FactsRun.objects.overdue(now):
        logger.warning("facts %s was past its deadline and is closed", run.pk)
        if run.status == FactsStatus.ASKING:
            finish(run.pk)
        else:
            fail_run(run.pk, Reason.DEADLINE, "not begun in time: are workers running?")
    lost = FactsRun.objects.open().filter(
        status=FactsStatus.QUEUED, started_at__lt=now - _LOST_AFTER
    )
    for run in lost:
        dispatch.begin(run.pk)  # harmless when it was not lost: beginning is idempotent
    ask_about(Exporter.objects.never_asked(), RunTrigger.SCHEDULE)
    FactsRun.objects.filter(finished_at__lt=now - settings.HISTORY_KEPT).delete()
    FactsLookup.objects.filter(run__finished_at__lt=now - timedelta(days=7)).delete()
