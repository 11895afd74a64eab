"""The endpoints: thin, each answers from Postgres."""

from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from ninja import NinjaAPI, Query, Status

from hub.api import schemas
from hub.api.conditional import matches
from hub.contents import read, status
from hub.github.source import configured_source
from hub.models import ExporterContents

api = NinjaAPI(
    title="Exporter Hub",
    version="1",
    description=(
        "Which Prometheus exporters exist, and which content is really there for each: "
        "**E** the exporter, **I** infrastructure as code, **A** alerting rules, "
        "**G** Grafana dashboard. Answers come from the last good snapshot; none waits for GitHub."
    ),
    urls_namespace="api",
)

# A minute may pass before a cache asks again; then the ETag makes the answer a 304.
_CACHE_CONTROL = "public, max-age=60, stale-if-error=86400"


@api.get(
    "/contents",
    response={200: schemas.ContentsMap},
    summary="The whole map",
    description="Send the ETag back as `If-None-Match` to be answered 304 while nothing changed. "
    "The header `Hub-Snapshot-Age` is the map's age in seconds.",
)
def contents(request: HttpRequest) -> HttpResponse:
    """The rendered bytes, as they are."""
    served = read.current()
    age = read.freshness(served).age_seconds
    if matches(request.headers.get("If-None-Match", ""), served.etag):
        response = HttpResponse(status=304)
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response = HttpResponse(bytes(served.body_gzip), content_type="application/json")
        response["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(bytes(served.body), content_type="application/json")
    response["ETag"] = served.etag
    response["Cache-Control"] = _CACHE_CONTROL
    if age is not None:
        response["Hub-Snapshot-Age"] = str(age)
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@api.get(
    "/contents/{path:directory}",
    response={200: schemas.Directory, 404: schemas.Problem},
    summary="One directory",
)
def directory_contents(request: HttpRequest, directory: str) -> Any:
    """One row of the map, with the files that speak for it."""
    row = (
        ExporterContents.objects.select_related("exporter")
        .filter(source=configured_source().key, directory=directory)
        .first()
    )
    if row is None:
        return Status(
            404,
            {"detail": "No such directory; /api/v1/contents lists those that there are."},
        )
    served = read.current()
    return {
        "directory": row.directory,
        "exporter": row.exporter.slug if row.exporter else None,
        "E": row.exporter_id is not None,
        "I": row.iac,
        "A": row.alerts,
        "G": row.dashboard,
        "evidence": row.evidence,
        "tree_sha": row.tree_sha,
        "stale": row.stale or None,
        "as_of": row.as_of if row.stale else served.as_of,
        "state": served.state,
        "reason": served.reason or None,
    }


@api.get("/status", response=schemas.Status, summary="How the hub is")
def hub_status(request: HttpRequest) -> dict[str, Any]:
    """State, age, the run that goes on, the next one."""
    return status.describe()


@api.get("/runs", response=schemas.Runs, summary="The runs, newest first")
def list_runs(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """A page of runs; `before` is the `next_before` of the page that came first."""
    runs = status.runs()
    if before is not None:
        runs = runs.filter(pk__lt=before)
    page = list(runs[: limit + 1])
    more = len(page) > limit
    return {
        "runs": [status.describe_run(run) for run in page[:limit]],
        "next_before": page[limit - 1].pk if more else None,
    }


@api.get("/runs/{int:run}", response={200: schemas.Run, 404: schemas.Problem}, summary="One run")
def one_run(request: HttpRequest, run: int) -> dict[str, Any]:
    """A run with its counts."""
    found = status.runs().filter(pk=run).first() if run < 2**62 else None
    if found is None:
        raise Http404
    return status.describe_run(found)
