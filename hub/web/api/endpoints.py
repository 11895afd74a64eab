"""The endpoints of the API. Each answers from Postgres and never waits for GitHub."""

from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import register_converter
from django.urls.converters import StringConverter
from django.utils.cache import get_conditional_response
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe
from ninja import NinjaAPI, Path, Query
from ninja.decorators import decorate_view
from ninja.errors import HttpError

from hub import VERSION
from hub.catalogue import describe as catalogue
from hub.catalogue.metrics import describe_metrics, exporters_with
from hub.content import status
from hub.content.content_files import (
    describe_files,
    files_of,
    judgement_of,
    served_blobs,
    with_trees,
)
from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.content.pictures import with_pictures
from hub.github.source import configured_source
from hub.models import Change, Exporter, ExporterContents
from hub.web import raw
from hub.web.api import schemas
from hub.web.api.docs import ApiDocs
from hub.web.pictures import shown_pictures

M = TypeVar("M", bound=Model)


class AnyText(StringConverter):
    """Any text, including line breaks, which a directory's name may contain and `path` rejects."""

    regex = "(?s:.+)"


register_converter(AnyText, "text")

api = NinjaAPI(
    title="Exporter Hub",
    version=VERSION,
    description=(
        "A catalogue of Prometheus exporters, and the content that is present and usable for "
        "each: **E** exporter in the catalogue, "
        + ", ".join(f"**{kind.letter}** {kind.label}" for kind in KINDS)
        + ". All answers come from the last good snapshot; no request waits for GitHub.\n\n"
        "To install content: `/exporters/{slug}/pack.yaml` (for `kubectl apply -f`), "
        "`/exporters/{slug}/pack.zip` and `/exporters/{slug}/rules.yaml` "
        "(`?form=prometheus|prometheusrule`); `/packs.yaml` and `/packs.zip` take several "
        "`exporter=SLUG`. Optional parameters: `version`, `namespace`, `labels=KEY=VALUE,…`, "
        "`datasource` (the uid in Grafana), `tree` (a git tree, to get the same bytes again)."
    ),
    urls_namespace="api",
    docs=ApiDocs(),
    docs_decorator=lambda view: gzip_page(require_safe(view)),
)

# Caches revalidate after a minute; an unchanged ETag is answered with 304.
_CACHE_CONTROL = "public, max-age=60, stale-if-error=86400"
# Without NUL, which Postgres does not accept.
Directory = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]
Slug = Annotated[str, Path(max_length=80, pattern=r"^[-a-zA-Z0-9_]+$")]
Sha = Annotated[str, Path(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")]
_NO_EXPORTER = "No exporter has this slug. /api/v1/exporters lists all exporters."
_NO_FILE = "No file of the current contents has this SHA, or the hub does not store it."
_PROBLEMS = {404: schemas.ProblemOut, 422: schemas.ProblemOut}


@api.get(
    "/contents",
    response={200: schemas.ContentsMapOut, 304: None},
    summary="Get the map of all contents",
    description="Which content is present and usable, by directory. Send the ETag as "
    "`If-None-Match` to get 304 if nothing has changed. The header `Hub-Snapshot-Age` is the age "
    "of the map in seconds.",
)
def contents(request: HttpRequest) -> HttpResponse:
    """Return the map as it was rendered when it was published."""
    served = read_map.cached_map().served
    response = get_conditional_response(request, served.etag)
    if response is None:
        # Read `META`: `request.headers` first copies all headers, a tenth of this endpoint's time.
        zipped = "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")
        body = served.body_gzip if zipped else served.body
        response = HttpResponse(body, content_type="application/json")
        if zipped:
            response["Content-Encoding"] = "gzip"
    response["ETag"] = served.etag
    response["Cache-Control"] = _CACHE_CONTROL
    response["Vary"] = "Accept-Encoding"
    for name, value in read_map.age_header(served).items():
        response[name] = value
    return response


@api.get(
    "/contents/{text:directory}",
    response={200: schemas.DirectoryOut, **_PROBLEMS},
    summary="Get a directory",
)
def directory_contents(request: HttpRequest, directory: Directory) -> Any:
    """Return a directory's entry in the map, with the files that contain each kind."""
    rows = ExporterContents.objects.select_related("exporter")
    row = rows.filter(source=configured_source().key, directory=directory).first()
    if row is None:
        raise HttpError(404, "Directory not found. /api/v1/contents lists all directories.")
    served = read_map.cached_map().served
    judgement = judgement_of(row)
    return {
        "directory": row.directory,
        "exporter": row.exporter.slug if row.exporter else None,
        "E": row.exporter_id is not None,
        **{kind.letter: getattr(row, kind.field) for kind in KINDS},
        "usable": {kind.letter: getattr(row, kind.usable_field) for kind in KINDS},
        "evidence": judgement.evidence(),
        "findings": [vars(finding) for finding in judgement.findings],
        "tree_sha": row.tree_sha,
        "stale": row.stale or None,
        "as_of": row.as_of if row.stale else served.as_of,
        "state": served.state,
        "reason": served.reason or None,
    }


@api.get(
    "/exporters",
    response={200: schemas.ExportersOut, 304: None},
    summary="List all exporters",
    description="The whole catalogue, in one response. Send the ETag as `If-None-Match` to get "
    "304 if nothing has changed.",
)
@decorate_view(conditional_page, gzip_page)
def list_exporters(request: HttpRequest) -> HttpResponse:
    """Return all exporters by title, each with its facts and its content."""
    return JsonResponse(
        {"exporters": catalogue.describe_all()},
        json_dumps_params={"ensure_ascii": False, "separators": (",", ":")},
        headers={"Cache-Control": _CACHE_CONTROL, "Vary": "Accept-Encoding"},
    )


@api.get(
    "/exporters/{slug}",
    response={200: schemas.ExporterDetailOut, **_PROBLEMS},
    summary="Get an exporter",
)
def one_exporter(request: HttpRequest, slug: Slug) -> Any:
    """Return an exporter with its releases and the age of its facts."""
    if exporter := catalogue.describe_exporter(slug):
        return exporter
    raise HttpError(404, _NO_EXPORTER)


@api.get(
    "/exporters/{slug}/files",
    response={200: schemas.ExporterFilesOut, **_PROBLEMS},
    summary="List an exporter's files",
    description="With the pictures among them that the hub serves.",
)
def exporter_files(request: HttpRequest, slug: Slug) -> Any:
    """Return all files in the exporter's directories, with their kinds and findings."""
    exporter = _exporter(slug)
    contents = exporter.contents.filter(source=configured_source().key)
    rows = list(with_pictures(with_trees(contents)))
    files = files_of(rows)
    pictures = [
        {**vars(picture), "directory": picture.file.directory, "path": picture.file.path}
        for picture in shown_pictures(exporter, files, rows).values()
    ]
    return describe_files(exporter, rows, files) | {"pictures": pictures}


def _exporter(slug: str) -> Exporter:
    if exporter := Exporter.objects.filter(slug=slug).first():
        return exporter
    raise HttpError(404, _NO_EXPORTER)


@api.get(
    "/exporters/{slug}/metrics",
    response={200: schemas.ExporterMetricsOut, **_PROBLEMS},
    summary="List the metrics that an exporter exports and its content uses",
    description="`verdict` says where a used metric comes from.",
)
def exporter_metrics(request: HttpRequest, slug: Slug) -> Any:
    """Return the metrics of all versions; used and not exported first."""
    source = configured_source().key
    rows = _exporter(slug).contents.filter(source=source)
    directories = list(rows.values_list("directory", flat=True))
    return {"exporter": slug, "metrics": describe_metrics(source, directories)}


@api.get(
    "/metrics",
    response={200: schemas.MetricOut, 422: schemas.ProblemOut},
    summary="Find the exporters that export or use a metric",
)
def one_metric(
    request: HttpRequest,
    name: Annotated[
        str,
        Query(min_length=1, max_length=210, pattern=r"^[^\x00]+$", description="The whole name."),
    ],
) -> Any:
    """Return each directory that exports, defines or uses the metric."""
    return {"name": name, "directories": exporters_with(configured_source().key, name)}


@api.get(
    "/files/{sha}",
    response={200: None, 304: None, **_PROBLEMS},
    openapi_extra={"responses": {200: {"content": raw.CONTENT}}},
    summary="Download a file",
    description="The file's bytes as a download or, with `shown=true`, as plain text that a "
    "browser displays. `name` sets the name of the download and the content type.",
)
def raw_file(
    request: HttpRequest,
    sha: Sha,
    name: Annotated[str, Query(max_length=raw.LONGEST_NAME)] = "",
    shown: bool = False,
) -> Any:
    """Return the file's bytes, while a directory of the map has the file."""
    blob = served_blobs(configured_source().key, sha).defer("html_parts").first()
    if blob is None:
        raise HttpError(404, _NO_FILE)
    response = raw.download(blob, name, shown=shown)
    return get_conditional_response(request, response["ETag"], response=response) or response


@api.get(
    "/files/{sha}/report",
    response={200: dict[str, Any], **_PROBLEMS},
    summary="Get the report on a file",
    description="Its alerts, dashboards with their panels, manifests, chart and findings. Empty "
    "members are omitted.",
)
def file_report(request: HttpRequest, sha: Sha) -> Any:
    """Return what the hub's rules found in the file."""
    blobs = served_blobs(configured_source().key, sha)
    report = blobs.values_list("report", flat=True).first()
    if report is None:
        raise HttpError(404, _NO_FILE)
    return report


@api.get(
    "/changes",
    response={200: schemas.ChangesOut, 422: schemas.ProblemOut},
    summary="List changes, newest first",
)
def list_changes(
    request: HttpRequest,
    exporter: Annotated[
        str | None,
        Query(max_length=80, pattern="^[-a-zA-Z0-9_]+$", description="Slug of an exporter."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """Return a page of the changes. `before` is the `next_before` of the previous page."""
    changes = Change.objects.filter(source=configured_source().key).select_related("exporter")
    if exporter is not None:
        changes = changes.filter(exporter__slug=exporter)
    page, next_before = _page(changes, limit, before)
    return {"changes": page, "next_before": next_before}


def _page(rows: QuerySet[M], limit: int, before: int | None) -> tuple[list[M], int | None]:
    """Return the next `limit` rows, newest first, and the value of `before` for the next page."""
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: limit + 1])
    return page[:limit], page[limit - 1].pk if len(page) > limit else None


@api.get("/status", response=schemas.StatusOut, summary="Get the hub's status")
def hub_status(request: HttpRequest) -> dict[str, Any]:
    """Return the state and age of the map, the open run, the last run and the next refresh."""
    found = status.describe_status()
    for run in filter(None, (found["open_run"], found["last_run"])):
        _hide_detail(request, run)
    return found


def _hide_detail(request: HttpRequest, run: dict[str, Any]) -> dict[str, Any]:
    """Return the run without its detail, which may quote GitHub, unless a member of staff asks."""
    if run["detail"] and not request.user.is_staff:
        run["detail"] = None
    return run


@api.get(
    "/runs",
    response={200: schemas.RunsOut, 422: schemas.ProblemOut},
    summary="List runs, newest first",
)
def list_runs(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """Return a page of runs. `before` is the `next_before` of the previous page."""
    page, next_before = _page(status.runs(), limit, before)
    found = [_hide_detail(request, status.describe_run(run)) for run in page]
    return {"runs": found, "next_before": next_before}


@api.get(
    "/runs/{int:run}", response={200: schemas.RunOut, 404: schemas.ProblemOut}, summary="Get a run"
)
def one_run(request: HttpRequest, run: int) -> dict[str, Any]:
    """Return a run with its counts."""
    return _hide_detail(request, status.describe_run(get_object_or_404(status.runs(), pk=run)))
