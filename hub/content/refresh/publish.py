"""Publishing: what a run learned becomes what readers get, in one transaction or not at all."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from itertools import islice

from django.conf import settings
from django.utils import timezone
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from hub.content.directory_owners import owners_of
from hub.content.map.render_map import serve_failure, serve_snapshot
from hub.content.refresh.changes import differences
from hub.content.refresh.plan import Entry, Plan, plan_publication
from hub.content.refresh.start import end_run
from hub.content.refresh.tree_store import fetch_tree, judged_again, keep_trees, tree_of
from hub.content.refresh.tree_store import standing as standing_of
from hub.content.rules import directory as rules
from hub.content.rules.directory import Judgement
from hub.github.client import shared_client
from hub.github.errors import GitHubError
from hub.github.source import configured_source
from hub.models import (
    Change,
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
from hub.runs.transactions import short_transaction

logger = logging.getLogger(__name__)

_AT_ONCE = 1000  # rows
# Lookups may end before the lister, who sent them, has kept what it learned.
_A_MOMENT_LATER = Retrying(
    retry=retry_if_exception_type(TreeListing.DoesNotExist),
    wait=wait_fixed(0.05),  # seconds
    stop=stop_after_delay(1),
    reraise=True,
)
_ENTRY_FIELDS = [field.name for field in fields(Entry)]


def publish(run_id: int) -> None:
    """Publish a run whose lookups have ended (or whose deadline has passed).

    Outcomes are read from Postgres, so a lost result loses nothing. A second delivery finds the
    run ended and does nothing; a run older than the newest snapshot never overwrites it.
    """
    try:
        _A_MOMENT_LATER(_publish, run_id)
    except TreeListing.DoesNotExist:  # its lister was killed before it kept that
        if _ask_for_listing_again(run_id):
            _publish(run_id)


def _ask_for_listing_again(run_id: int) -> bool:
    """Ask GitHub once more for the tree that the run has listed; False: the run has failed."""
    sha = RefreshRun.objects.get(pk=run_id).contents_sha
    try:
        tree, _ = fetch_tree(shared_client(), configured_source(), sha)
    except GitHubError as error:
        fail_run(run_id, Reason(error.reason), str(error))
        return False
    keep_trees({sha: tree})
    return True


def _publish(run_id: int) -> None:
    """Raises `TreeListing.DoesNotExist` when nobody remembers what the run has listed."""
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.status != RunStatus.LOOKING_UP:
            return
        newest = Snapshot.objects.filter(source=run.source).first()
        if newest is not None and newest.pk > run.pk:
            end_run(run, RunStatus.FAILED, Reason.DEADLINE, "a newer run has published already")
            return
        judged_alike = newest is not None and newest.rules == rules.RULES_VERSION
        listed = tree_of(run.contents_sha).directories
        if judged_alike:
            standing = standing_of(newest, run.source, listed)
        else:
            standing = judged_again(run.source, listed)
        rows = standing.others
        last = {directory: _entry(row) for directory, row in rows.items()}
        plan = _plan(run, standing.listed, last, standing.unchanged, judged_alike=judged_alike)
        refusal = _refusal(run, plan)
        if refusal:
            status = RunStatus.HELD if refusal == Reason.SHRUNK else RunStatus.FAILED
            end_run(run, status, refusal, _refusal_detail(plan, standing.rows))
            serve_failure(run.source, refusal)
            return
        owners = _write(run, plan, rows)
        if newest is not None:
            _log_changes(run, last, plan, owners)
        snapshot = Snapshot.objects.create(
            run=run,
            source=run.source,
            root_sha=run.root_sha,
            contents_sha=run.contents_sha,
            complete=plan.complete,
            rules=rules.RULES_VERSION,
        )
        serve_snapshot(snapshot, run.listed_at, written=plan.entries.keys() | rows.keys())
        end_run(run, RunStatus.PUBLISHED)
    logger.info("run %s published %s directories", run_id, plan.directories)


def confirm_unchanged(run: RefreshRun, newest: Snapshot) -> None:
    """End a run that found the tree of the newest snapshot again: the map is as of now.

    Call it in the transaction that holds the run's row.
    """
    serve_snapshot(newest, run.listed_at, written=())
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
    with short_transaction():
        run = RefreshRun.objects.select_for_update().get(pk=run_id)
        if run.is_open:
            end_run(run, RunStatus.FAILED, reason, detail)
            serve_failure(run.source, reason)


def _entry(row: ExporterContents) -> Entry:
    return Entry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})


def _plan(
    run: RefreshRun,
    listing: dict[str, str],
    last: dict[str, Entry],
    unchanged: int,
    *,
    judged_alike: bool,
) -> Plan:
    """The plan for what is listed and not in the map as it is, and for what is gone."""
    trees = ContentTree.objects.judged(rules.RULES_VERSION).filter(sha__in=set(listing.values()))
    judged = {
        sha: Judgement(files)  # its findings are no part of the map
        for sha, files in trees.values_list("sha", "judgement__files").iterator()
    }

    @cache
    def reasons() -> dict[str, str]:  # mostly nobody asks
        failed = run.lookups.exclude(outcome__in=[Outcome.PENDING, Outcome.FOUND])
        return dict(failed.values_list("directory", "reason"))

    def why_failed(directory: str) -> str:
        if run.chosen is not None and directory not in run.chosen:
            return Reason.NOT_CHOSEN
        return reasons().get(directory, Reason.DEADLINE)

    return plan_publication(
        listing,
        judged,
        last,
        why_failed=why_failed,
        last_as_of=ServedContents.objects.filter(source=run.source)
        .values_list("as_of", flat=True)
        .first(),
        last_is_current=judged_alike,
        shrink_limit=settings.SHRINK_LIMIT,
        unchanged=unchanged,
    )


def _refusal(run: RefreshRun, plan: Plan) -> Reason | None:
    """Why the plan may not be published."""
    if plan.all_failed:
        reasons = {entry.stale for entry in plan.entries.values()}
        return Reason(reasons.pop()) if len(reasons) == 1 else Reason.ALL_FAILED
    if plan.shrunk and not run.shrink_accepted:
        return Reason.SHRUNK
    return None


def _refusal_detail(plan: Plan, before: int) -> str:
    if plan.all_failed:
        return f"none of {plan.directories} directories could be looked up"
    return f"{plan.directories} directories are left of {before}"


def _write(run: RefreshRun, plan: Plan, rows: dict[str, ExporterContents]) -> dict[str, int]:
    """Bring `ExporterContents` to the plan, writing only the rows that differ.

    `rows` are those that may. Returns the exporter of each directory of the plan that has one;
    those that are gone keep theirs in it.
    """
    owners = owners_of(run.source, plan.entries)
    changed = _changed(run.source, plan, rows, owners)
    while part := list(islice(changed, _AT_ONCE)):
        ExporterContents.objects.bulk_create(
            part,
            update_conflicts=True,
            unique_fields=["source", "directory"],
            update_fields=[*_ENTRY_FIELDS, "exporter"],
        )
    gone = rows.keys() - plan.entries.keys()
    former = {name: rows[name].exporter_id for name in gone}
    ExporterContents.objects.filter(source=run.source, directory__in=gone).delete()
    return owners | {name: exporter for name, exporter in former.items() if exporter is not None}


def _changed(
    source: str, plan: Plan, rows: Mapping[str, ExporterContents], owners: Mapping[str, int]
) -> Iterator[ExporterContents]:
    """The rows of the plan that are new or differ, one after the other: there may be many."""
    for directory, entry in plan.entries.items():
        row = rows.get(directory) or ExporterContents(source=source, directory=directory)
        new = {**vars(entry), "exporter_id": owners.get(directory)}
        if row.pk is None or any(getattr(row, name) != value for name, value in new.items()):
            for name, value in new.items():
                setattr(row, name, value)
            yield row


def _log_changes(
    run: RefreshRun, last: dict[str, Entry], plan: Plan, owners: dict[str, int]
) -> None:
    """Write the change log from the last snapshot to this one, and date what changed."""
    Change.objects.bulk_create(
        (
            Change(
                run=run,
                source=run.source,
                exporter_id=owners.get(difference.directory),
                **vars(difference),
            )
            for difference in differences(last, plan.entries)
        ),
        batch_size=_AT_ONCE,
    )
    changed = {
        owners[directory]
        for directory in last.keys() | plan.entries.keys()
        if directory in owners and _tree(last, directory) != _tree(plan.entries, directory)
    }
    Exporter.objects.filter(pk__in=changed).update(contents_changed_at=run.listed_at)


def _tree(entries: Mapping[str, Entry], directory: str) -> str:
    return entries[directory].tree_sha if directory in entries else ""
