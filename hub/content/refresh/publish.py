"""Step 3 of a refresh: publish the results of a run, in one transaction."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from json import loads

from django.conf import settings
from django.db.models import TextField
from django.db.models.functions import Cast

from hub import clock
from hub.content.directory_owners import owners_of
from hub.content.judgement import RULES_VERSION
from hub.content.kinds import KINDS
from hub.content.map.names import forget_names, write_names
from hub.content.map.render_map import locked_map, show_snapshot
from hub.content.map.rows import Flags, MapEntry, read_rows, write_rows
from hub.content.refresh.plan import PublicationPlan, differences, plan_publication
from hub.content.runs import refresh_runs
from hub.github.renames import rename_note
from hub.github.source import source_for_display
from hub.models import (
    Change,
    ContentName,
    ContentTree,
    ExporterContents,
    Outcome,
    Reason,
    RefreshRun,
    RunStatus,
    Snapshot,
    TreeListing,
)
from hub.models.contents import directories_of
from hub.runs.transactions import short_transaction


def publish(run_id: int) -> None:
    """Publish a run whose lookups have ended or whose deadline has passed.

    Outcomes are read from Postgres, so a lost Celery result does not matter. A second delivery does
    nothing, and a run that is older than the newest snapshot never overwrites it.
    """
    with short_transaction():
        run = refresh_runs.locked(run_id)
        if run.status != RunStatus.LOOKING_UP:
            return
        newest = Snapshot.objects.filter(source=run.source).first()
        if newest is not None and newest.pk > run.pk:
            refresh_runs.end(run, RunStatus.FAILED, detail="a newer run has already published")
            return
        served = locked_map(run.source)
        last = read_rows(run.source)
        listing = directories_of(TreeListing.objects.get(pk=run.contents_sha).entries)
        judged, oldest_rules = _judged_trees(run, listing.values())
        last_as_of = None if clock.is_ahead(served.as_of) else served.as_of
        plan = _plan(run, newest, last, listing, judged, last_as_of)
        refusal = _refusal(run, plan, len(last))
        if refusal:
            status = RunStatus.HELD if refusal[0] == Reason.SHRUNK else RunStatus.FAILED
            refresh_runs.end(run, status, *refusal)
            return
        if run.full:
            forget_names(run.source)
        changed = {name: new for name, new in plan.entries.items() if last.get(name) != new}
        removed = last.keys() - plan.entries.keys()
        _write(run.source, changed, removed)
        if newest is not None:
            before = {name: last[name] for name in last.keys() & (changed.keys() | removed)}
            _log_changes(run, before, changed)
        snapshot = Snapshot.objects.create(
            run=run,
            source=run.source,
            root_sha=run.root_sha,
            contents_sha=run.contents_sha,
            complete=plan.complete,
            rules=oldest_rules,
        )
        show_snapshot(served, snapshot, run.listed_at, plan.entries)
        note = rename_note(source_for_display(run.source).repository)
        refresh_runs.end(run, RunStatus.PUBLISHED, detail=note)


def _plan(
    run: RefreshRun,
    newest: Snapshot | None,
    last: Mapping[str, MapEntry],
    listing: Mapping[str, str],
    judged: Mapping[str, tuple[Flags, Flags]],
    last_as_of: datetime | None,
) -> PublicationPlan:
    failed = run.lookups.exclude(outcome__in=[Outcome.PENDING, Outcome.FOUND])
    reasons = dict(failed.values_list("directory", "reason"))

    def why_failed(directory: str) -> str:
        if run.chosen is not None and directory not in run.chosen:
            return Reason.NOT_CHOSEN
        return reasons.get(directory, Reason.DEADLINE)

    return plan_publication(
        listing,
        judged,
        owners_of(run.source, listing),
        last,
        why_failed=why_failed,
        last_as_of=last_as_of,
        last_is_current=newest is not None and newest.rules >= RULES_VERSION,
        shrink_limit=settings.MAX_SHRINK_RATIO,
    )


def _judged_trees(
    run: RefreshRun, shas: Iterable[str]
) -> tuple[dict[str, tuple[Flags, Flags]], int]:
    """Return the trees that were judged by the current rules or in a successful lookup.

    As tree SHA → present and usable flags, and the oldest version of the rules among them: the next
    run judges those trees again. During an upgrade, a worker of the older version may have done the
    lookup.
    """
    listed = set(shas)
    failed = run.lookups.filter(outcome__in=[Outcome.FAILED, Outcome.MISSING]).values("tree_sha")
    trees = ContentTree.objects.filter(kinds__isnull=False)
    trees = trees.exclude(rules__lt=RULES_VERSION, sha__in=failed)
    flags: dict[str, tuple[Flags, Flags]] = {}
    oldest = RULES_VERSION
    # All trees are read: for 10,000, sending their SHAs to Postgres takes three times as long.
    for sha, kinds, rules in trees.values_list("sha", Cast("kinds", TextField()), "rules"):
        if sha in listed:
            flags[sha] = _flags(kinds)
            oldest = min(oldest, rules)
    return flags, oldest


@cache  # 10,000 trees have only a few distinct values
def _flags(text: str) -> tuple[Flags, Flags]:
    kinds = loads(text)
    absent = [False, False]
    present, usable = zip(*(kinds.get(kind.letter, absent) for kind in KINDS), strict=True)
    return present, usable


def _refusal(run: RefreshRun, plan: PublicationPlan, before: int) -> tuple[Reason, str] | None:
    """Return the reason and the detail if the plan must not be published, else None."""
    if plan.all_failed:
        reasons = {entry.stale for entry in plan.entries.values()}
        reason = Reason(reasons.pop()) if len(reasons) == 1 else Reason.ALL_FAILED
        return reason, f"none of {len(plan.entries)} directories could be looked up"
    if plan.shrunk and not run.shrink_accepted:
        return Reason.SHRUNK, f"only {len(plan.entries)} of {before} directories are left"
    return None


def _write(source_key: str, changed: Mapping[str, MapEntry], removed: Collection[str]) -> None:
    """Write the changed rows, delete the removed ones, and do the same with their names."""
    write_rows(source_key, changed)
    ExporterContents.objects.filter(source=source_key, directory__in=removed).delete()
    ContentName.objects.filter(source=source_key, directory__in=removed).delete()
    write_names(source_key)


def _log_changes(
    run: RefreshRun, last: Mapping[str, MapEntry], new: Mapping[str, MapEntry]
) -> None:
    """Write the change log, and set `changed_at` of the directories that changed.

    `last` and `new`: the entries that differ, before and after.
    """
    exporters = {directory: entry.exporter for directory, entry in {**last, **new}.items()}
    Change.objects.bulk_create(
        (
            Change(
                run=run,
                source=run.source,
                exporter_id=exporters[difference.directory],
                **difference._asdict(),
            )
            for difference in differences(last, new)
        ),
        batch_size=1000,
    )
    changed = [
        directory
        for directory, entry in new.items()
        if directory not in last or entry.tree_sha != last[directory].tree_sha
    ]
    rows = ExporterContents.objects.filter(source=run.source, directory__in=changed)
    rows.update(changed_at=run.listed_at)
