"""The status of the hub, for the API, the command line, the pages and the admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce, JSONObject

from hub import clock
from hub.content.map import read_map
from hub.content.rules.report import Finding, Level
from hub.github.source import configured_source
from hub.models import ContentTree, Exporter, ExporterContents, GitHubToken, RefreshRun
from hub.models.choices import Resource, TokenState
from hub.runs.schedule import schedule_status


def runs() -> QuerySet[RefreshRun]:
    """Return the source's runs, newest first, with the counts of their lookups."""
    runs = RefreshRun.objects.filter(source=configured_source().key).counted()
    return runs.annotate(requests_asked=F("requests") + F("lookup_requests"))


def progress(newest: RefreshRun | None) -> dict[str, Any]:
    """Return the newest run for includes/progress.html; `seen` is its number once it has ended."""
    running = newest is not None and newest.is_open
    # The number of a run grows, and its end is the last thing that changes.
    seen = f"{newest.pk}" if newest and not running else ""
    return {"run": newest, "running": running, "seen": seen}


def describe_run(run: RefreshRun) -> dict[str, Any]:
    """Return a run of `runs()` as JSON-ready values (times are datetimes)."""
    return {
        "run": run.pk,
        "trigger": run.trigger,
        "status": run.status,
        "reason": run.reason or None,
        "detail": run.detail or None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": round(run.seconds, 3),
        "directories": run.directories,
        "to_look_up": run.to_look_up,  # type: ignore[attr-defined]
        "looked_up": run.looked_up,  # type: ignore[attr-defined]
        "failed": run.failed,  # type: ignore[attr-defined]
        "requests": run.requests_asked,  # type: ignore[attr-defined]
    }


_MAX_LISTED = 200  # directories; while GitHub is down, all of them fail
_FIRST_ERROR = f"jsonb_path_query_first({{0}}, '$.findings[*] ? (@.level == \"{Level.ERROR}\")')"


@dataclass(frozen=True)
class FoundError:
    """The first error in a directory, and the letter of the kind whose tab shows it, or "".

    `row` is the id of the directory's row.
    """

    row: int
    directory: str
    slug: str  # of the exporter; "" without one
    title: str
    finding: Finding
    kind: str


@dataclass(frozen=True)
class Directories:
    """Counts of directories and findings, and the first directories with problems.

    `failing`: those whose last lookup failed. `broken`: the first error of each.
    """

    total: int
    errors: int
    warnings: int
    with_errors: int  # directories
    not_updated: int
    failing: Sequence[ExporterContents]
    broken: Sequence[FoundError]


def directories() -> Directories:
    """Return the counts for the source, and its first directories with problems. Two queries.

    A publication counts a directory's findings (`hub.content.map.names`).
    """
    trees = ContentTree.objects.filter(pk=OuterRef("tree_sha"))
    findings = JSONObject(
        error=_of_judgement(_FIRST_ERROR),
        kinds=_of_judgement(f"{{0}} -> 'files' -> ({_FIRST_ERROR} ->> 'path')"),
    )
    rows = ExporterContents.objects.filter(source=configured_source().key)
    counts = rows.aggregate(
        total=Count("pk"),
        error_count=Coalesce(Sum("errors"), 0),
        warning_count=Coalesce(Sum("warnings"), 0),
        with_errors=Count("pk", filter=Q(errors__gt=0)),
        not_updated=Count("pk", filter=~Q(stale="")),
    )
    failing = rows.exclude(stale="").values("pk")[:_MAX_LISTED]
    with_errors = rows.filter(errors__gt=0).values("pk")[:_MAX_LISTED]
    problems = (
        rows.filter(Q(pk__in=failing) | Q(pk__in=with_errors))
        .select_related("exporter")
        .only("directory", "stale", "as_of", "exporter__slug", "exporter__title")
        .annotate(found=Subquery(trees.values(found=findings)))
    )
    # A run that is open may have judged a directory again: its error may be gone.
    broken = [_first_error(row) for row in problems if row.found and row.found["error"]]
    return Directories(
        total=counts["total"],
        errors=counts["error_count"],
        warnings=counts["warning_count"],
        with_errors=counts["with_errors"],
        not_updated=counts["not_updated"],
        failing=[row for row in problems if row.stale][:_MAX_LISTED],
        broken=broken[:_MAX_LISTED],
    )


def _of_judgement(expression: str) -> Func:
    """Return an SQL expression about the judgement, which it calls `{0}`."""
    template = expression.replace("{0}", "%(expressions)s")
    return Func(F("judgement"), template=template, output_field=JSONField())


def _first_error(row: Any) -> FoundError:
    error = Finding.from_json(row.found["error"])
    kind = next(iter(row.found["kinds"] or {}), "")
    slug, title = (row.exporter.slug, row.exporter.title) if row.exporter else ("", "")
    return FoundError(row.pk, row.directory, slug, title, error, kind)


def token_quotas() -> list[tuple[GitHubToken, list[tuple[str, int, int]]]]:
    """Return each token with the name, limit and remaining requests of its known rate limits."""
    return [
        (
            token,
            [
                (quota.resource.label, quota.limit, quota.left)
                for resource in Resource
                if (quota := token.quota(resource))
            ],
        )
        for token in GitHubToken.objects.all()
    ]


def describe_status() -> dict[str, Any]:
    """Return the hub's status as JSON-ready values (times are datetimes)."""
    source = configured_source()
    current = read_map.fetch_map()
    served = current.served
    fresh = read_map.freshness(served)
    contents = ExporterContents.objects.filter(source=source.key)
    newest = runs()[:2]
    open_run = next((run for run in newest if run.is_open), None)
    last_run = next((run for run in newest if not run.is_open), None)
    valid = GitHubToken.objects.exclude(state=TokenState.INVALID)
    tokens = [token for token in valid if token.is_readable]
    left = [q.left for token in tokens if (q := token.quota(Resource.CORE))]
    shown = ("repository", "branch", "path", "demo")
    renamed_to = current.renamed_to or None
    return {
        "state": fresh.state,
        "reason": fresh.reason or None,
        "advice": fresh.advice or None,
        "as_of": fresh.as_of,
        "age_seconds": fresh.age_seconds,
        "run": served.snapshot_id,
        "source": {name: getattr(source, name) for name in shown} | {"renamed_to": renamed_to},
        "directories": contents.count(),
        "stale_directories": contents.exclude(stale="").count(),
        "exporters": Exporter.objects.count(),
        "open_run": describe_run(open_run) if open_run else None,
        "last_run": describe_run(last_run) if last_run else None,
        "next_refresh": schedule_status(clock.now()).next_tick,
        "tokens": len(tokens),
        "requests_left": sum(left) if left else None,
    }
