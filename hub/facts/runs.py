"""A facts run from its trigger to its end."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from hub.github import errors
from hub.github.tokens import adopt_environment_token, shared_pool
from hub.models import Exporter, FactsLookup, FactsRun, Outcome, Reason, RunStatus, RunTrigger
from hub.models.catalogue import ExporterQuerySet
from hub.runs.lifecycle import Lifecycle, Tasks
from hub.runs.transactions import short_transaction


def _on_end(run: FactsRun) -> None:
    """What is not looked up by now was not finished in time; the exporters keep their facts."""
    run.lookups.filter(outcome=Outcome.PENDING).update(
        outcome=Outcome.FAILED, reason=Reason.DEADLINE, finished_at=timezone.now()
    )
    for reason in (Reason.DEADLINE, Reason.INTERNAL):  # others are noted by the lookups themselves
        failed = run.lookups.filter(reason=reason).values("exporter_id")
        Exporter.objects.filter(pk__in=failed).update(facts_problem=reason)


facts_runs = Lifecycle(
    FactsRun,
    Tasks(
        start="tasks.facts.send_facts_lookups",
        lookup="tasks.facts.lookup_facts",
        finish="tasks.facts.end_facts_run",
        finish_failed="tasks.facts.end_facts_run_failed",
    ),
    _on_end,
)


def start_facts_run(
    trigger: RunTrigger, *, requested_by: User | None = None, chosen: Sequence[int] | None = None
) -> tuple[FactsRun, bool]:
    """Look up the `chosen` exporters (None: all), or join the open run; whether it is new."""
    return facts_runs.create_or_join(
        lambda: FactsRun.objects.filter(finished_at__isnull=True).first(),
        trigger=trigger,
        requested_by=requested_by,
        chosen=None if chosen is None else sorted(chosen),
    )


def start_facts_run_for(exporters: ExporterQuerySet, trigger: RunTrigger) -> FactsRun | None:
    """Start a run for these exporters, or join the open one; None when there are none of them."""
    chosen = list(exporters.values_list("pk", flat=True))
    return start_facts_run(trigger, chosen=chosen)[0] if chosen else None


def begin_facts_run(run_id: int) -> None:
    """Note which exporters to look up and send the chord, or end at once without a token."""
    run = FactsRun.objects.get(pk=run_id)
    if run.status == RunStatus.LOOKING_UP:  # its worker died between the commit and the chord
        facts_runs.send_lookups(run)
    if run.status != RunStatus.QUEUED:
        return
    adopt_environment_token()
    try:
        shared_pool().choose()
    except errors.GitHubError as error:
        _end_without_lookups(run_id, error)
        return
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status != RunStatus.QUEUED:
            return  # housekeeping closed it, or a second delivery was faster
        run.status = RunStatus.LOOKING_UP
        run.save(update_fields=["status"])
        # Those with the oldest facts come first, should the deadline cut the run short.
        exporters = _exporters_of(run).order_by(F("facts_at").asc(nulls_first=True), "pk")
        FactsLookup.objects.bulk_create(
            FactsLookup(run=run, exporter_id=pk) for pk in exporters.values_list("pk", flat=True)
        )
        transaction.on_commit(partial(facts_runs.send_lookups, run))


def _exporters_of(run: FactsRun) -> ExporterQuerySet:
    every = Exporter.objects.all()
    return every if run.chosen is None else every.filter(pk__in=run.chosen)


def _end_without_lookups(run_id: int, error: errors.GitHubError) -> None:
    """End a run that has no usable token; the exporters keep their facts and say why."""
    without_token = isinstance(error, errors.NoToken | errors.BadToken)
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status == RunStatus.QUEUED:
            _exporters_of(run).update(facts_problem=error.reason)
            status = RunStatus.NO_TOKEN if without_token else RunStatus.FAILED
            facts_runs.end(run, status, error.reason, str(error))


def finish_facts_run(run_id: int) -> None:
    """End a run whose lookups have ended, or whose deadline has passed.

    Outcomes are read from Postgres, so a lost result loses nothing.
    """
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status != RunStatus.LOOKING_UP:
            return
        lookups = run.lookups.values_list("outcome", "reason", "changed")
        failed = Counter(
            reason or Reason.DEADLINE for outcome, reason, _ in lookups if outcome != Outcome.FOUND
        )
        changed = any(changed for _, _, changed in lookups)
        status = RunStatus.PUBLISHED if changed else RunStatus.UNCHANGED
        reason = detail = ""
        if failed:
            reason = failed.most_common(1)[0][0]
            detail = f"{failed.total()} of {len(lookups)} exporters could not be looked up"
            if failed.total() == len(lookups):
                status = RunStatus.FAILED
        facts_runs.end(run, status, reason, detail)


def facts_housekeeping() -> None:
    """Close and resend runs, delete old ones, and look up exporters that have no facts yet."""
    facts_runs.housekeeping()
    # Those that were added or got another repository while a run was open.
    start_facts_run_for(Exporter.objects.never_asked(), RunTrigger.SCHEDULE)
    before = timezone.now() - settings.HISTORY_KEPT
    FactsRun.objects.filter(finished_at__lt=before).delete()
