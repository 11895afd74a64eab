"""Publishing: what a run learned becomes what readers get, in one transaction or not at all."""

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from hub.contents import rules
from hub.contents.matching import match
from hub.contents.plan import Entry, Plan, plan_publication
from hub.contents.runs import end_run
from hub.contents.serve import serve_failure, serve_snapshot
from hub.models import (
    ContentTree,
    Exporter,
    ExporterContents,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    ServedContents,
    Snapshot,
    TreeListing,
)

logger = logging.getLogger(__name__)

_WRITTEN = ["exporter", "tree_sha", "iac", "alerts", "dashboard", "evidence", "as_of", "stale"]


def publish(run_id: int) -> None:
    """Publish a run whose lookups have ended (or whose deadline has passed).

    Outcomes are read from Postgres, so a lost result loses nothing. A second delivery finds the
    run ended and does nothing; a run older than the newest snapshot never overwrites it.
    """
    with transaction.atomic():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.status != RunStatus.LOOKING_UP:
            return
        if Snapshot.objects.filter(source=run.source, pk__gt=run.pk).exists():
            end_run(run, RunStatus.FAILED, Reason.DEADLINE, "a newer run has published already")
            return
        plan = _plan(run)
        refusal = _refusal(run, plan)
        if refusal:
            status = RunStatus.HELD if refusal == Reason.SHRUNK else RunStatus.FAILED
            end_run(run, status, refusal, _refusal_detail(run, plan))
            serve_failure(run.source, refusal)
            return
        _write(run, plan)
        snapshot = Snapshot.objects.create(
            run=run,
            source=run.source,
            root_sha=run.root_sha,
            contents_sha=run.contents_sha,
            complete=plan.complete,
            rules=rules.RULES_VERSION,
        )
        serve_snapshot(snapshot, as_of=run.listed_at)
        end_run(run, RunStatus.PUBLISHED)
    logger.info("run %s published %s directories", run_id, len(plan.entries))


def confirm_unchanged(run: RefreshRun) -> None:
    """End a run that found the tree of the newest snapshot again: the map is as of now.

    Call it in the transaction that holds the run's row.
    """
    snapshot = Snapshot.objects.filter(source=run.source).latest("pk")
    serve_snapshot(snapshot, as_of=run.listed_at)
    end_run(run, RunStatus.UNCHANGED)


def close_overdue_runs() -> list[int]:
    """Close each run past its deadline, publishing what it had learned; the runs' numbers."""
    closed = []
    for run in RefreshRun.objects.overdue(timezone.now()):
        if run.status == RunStatus.LOOKING_UP:
            publish(run.pk)
        else:
            fail_run(run.pk, Reason.DEADLINE, "not listed in time: are workers running?")
        closed.append(run.pk)
    return closed


def fail_run(run_id: int, reason: Reason, detail: str) -> None:
    """End an open run as failed; readers keep the last good snapshot and are told why."""
    with transaction.atomic():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.is_open:
            end_run(run, RunStatus.FAILED, reason, detail)
            serve_failure(run.source, reason)


def _plan(run: RefreshRun) -> Plan:
    listing = {
        name: sha
        for name, (kind, sha) in TreeListing.objects.get(pk=run.contents_sha).entries.items()
        if kind == "tree"
    }
    last = {
        row.directory: Entry(
            row.tree_sha,
            row.iac,
            row.alerts,
            row.dashboard,
            row.evidence,
            row.stale,
            row.as_of,
        )
        for row in ExporterContents.objects.filter(source=run.source)
    }
    newest = Snapshot.objects.filter(source=run.source).first()
    judged_alike = newest is not None and newest.rules == rules.RULES_VERSION
    to_judge = {
        sha
        for directory, sha in listing.items()
        if not (judged_alike and directory in last and last[directory].tree_sha == sha)
    }
    judged = {
        tree.sha: rules.kinds_of(path for path, _, _ in tree.files)
        for tree in ContentTree.objects.filter(sha__in=to_judge).iterator()
    }
    reasons = dict(
        run.lookups.exclude(outcome__in=[Outcome.PENDING, Outcome.FOUND]).values_list(
            "directory", "reason"
        )
    )

    def why_failed(directory: str) -> str:
        if run.chosen is not None and directory not in run.chosen:
            return Reason.NOT_CHOSEN
        return reasons.get(directory, Reason.DEADLINE)

    return plan_publication(
        listing,
        judged,
        last,
        why_failed=why_failed,
        last_as_of=ServedContents.objects.filter(source=run.source)
        .values_list("as_of", flat=True)
        .first(),
        shrink_limit=settings.SHRINK_LIMIT,
    )


def _refusal(run: RefreshRun, plan: Plan) -> Reason | None:
    """Why the plan may not be published."""
    if plan.all_failed:
        reasons = {entry.stale for entry in plan.entries.values()}
        return Reason(reasons.pop()) if len(reasons) == 1 else Reason.ALL_FAILED
    if plan.shrunk and not run.shrink_accepted:
        return Reason.SHRUNK
    return None


def _refusal_detail(run: RefreshRun, plan: Plan) -> str:
    if plan.all_failed:
        return f"none of {len(plan.entries)} directories could be looked up"
    before = ExporterContents.objects.filter(source=run.source).count()
    return f"{len(plan.entries)} directories are left of {before}"


def _write(run: RefreshRun, plan: Plan) -> None:
    """Bring `ExporterContents` to the plan, writing only the rows that differ."""
    owners = match(plan.entries, Exporter.objects.all().names())
    rows = {row.directory: row for row in ExporterContents.objects.filter(source=run.source)}
    changed = []
    for directory, entry in plan.entries.items():
        row = rows.get(directory) or ExporterContents(source=run.source, directory=directory)
        new = {**vars(entry), "exporter_id": owners.get(directory)}
        if row.pk is None or any(getattr(row, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(row, name, value)
            changed.append(row)
    ExporterContents.objects.bulk_create(
        changed,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["source", "directory"],
        update_fields=_WRITTEN,
    )
    gone = rows.keys() - plan.entries.keys()
    ExporterContents.objects.filter(source=run.source, directory__in=gone).delete()
