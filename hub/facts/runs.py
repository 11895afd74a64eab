"""Start, execute and finish facts runs."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from hub import clock
from hub.github import errors
from hub.github.tokens import adopt_environment_token, ask_again, shared_pool
from hub.models import Exporter, FactsLookup, FactsRun, Outcome, Reason, RunStatus, RunTrigger
from hub.models.catalogue import ExporterQuerySet
from hub.runs.lifecycle import Lifecycle, Tasks
from hub.runs.transactions import short_transaction


def _on_end(run: FactsRun) -> None:
    """Mark pending lookups as failed by the deadline. The exporters keep their facts."""
    run.lookups.filter(outcome=Outcome.PENDING).update(
        outcome=Outcome.FAILED, reason=Reason.DEADLINE, finished_at=clock.now()
    )
    for reason in (Reason.DEADLINE, Reason.INTERNAL):  # the lookups store other reasons
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
    """Start or join a run for `chosen` exporters (None: all). Return it and whether it is new."""
    return facts_runs.create_or_join(
        lambda: FactsRun.objects.open().first(),
        trigger=trigger,
        requested_by=requested_by,
        chosen=None if chosen is None else sorted(chosen),
    )


def start_facts_run_for(exporters: ExporterQuerySet, trigger: RunTrigger) -> FactsRun | None:
    """Start a run for these exporters, or join the open one; None without exporters."""
    chosen = list(exporters.values_list("pk", flat=True))
    return start_facts_run(trigger, chosen=chosen)[0] if chosen else None


def begin_facts_run(run_id: int) -> None:
    """Create the lookups and send the chord; without a usable token, end the run at once."""
    run = FactsRun.objects.get(pk=run_id)
    if run.status == RunStatus.LOOKING_UP:  # the worker died after the commit, before the chord
        facts_runs.send_lookups(run)
    if run.status != RunStatus.QUEUED:
        return
    adopt_environment_token()
    ask_again()
    try:
        shared_pool().choose()
    except errors.GitHubError as error:
        _end_without_lookups(run_id, error)
        return
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status != RunStatus.QUEUED:
            return  # housekeeping closed it, or the message was delivered twice
        run.status = RunStatus.LOOKING_UP
        run.save(update_fields=["status"])
        # The oldest facts come first, in case the run does not finish before its deadline.
        exporters = _exporters_of(run).order_by(F("facts_at").asc(nulls_first=True), "pk")
        FactsLookup.objects.bulk_create(
            FactsLookup(run=run, exporter_id=pk) for pk in exporters.values_list("pk", flat=True)
        )
        transaction.on_commit(partial(facts_runs.send_lookups, run))


def _exporters_of(run: FactsRun) -> ExporterQuerySet:
    exporters = Exporter.objects.all()
    return exporters if run.chosen is None else exporters.filter(pk__in=run.chosen)


def _end_without_lookups(run_id: int, error: errors.GitHubError) -> None:
    """End a run that has no usable token. The exporters keep their facts and get the reason."""
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status == RunStatus.QUEUED:
            _exporters_of(run).update(facts_problem=error.reason)
            facts_runs.end_with(run, error)


def finish_facts_run(run_id: int) -> None:
    """End a run whose lookups are finished, or whose deadline has passed."""
    with short_transaction():
        run = facts_runs.locked(run_id)
        if run.status != RunStatus.LOOKING_UP:
            return
        # From Postgres, so a lost Celery result does no harm.
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
    """Close or resend stuck runs, look up exporters without facts, and delete old runs."""
    facts_runs.housekeeping()
    # Exporters that were added, or whose repository was changed, while a run was open.
    new = Exporter.objects.without_facts().filter(facts_problem="")
    start_facts_run_for(new, RunTrigger.SCHEDULE)
    before = clock.now() - settings.HISTORY_KEPT
    FactsRun.objects.filter(finished_at__lt=before).delete()
