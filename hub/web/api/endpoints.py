"""The endpoints: thin, each answers from Postgres."""

from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import register_converter
from django.urls.converters import StringConverter
from django.utils.cache import get_conditional_response
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe
from ninja import NinjaAPI, Path, Query
from ninja.decorators import decorate_view
from ninja.errors import HttpError

from hub.catalogue import describe as catalogue
from hub.content import status
from hub.content.content_files import describe_files, judgement_of
from hub.content.kinds import KINDS
from hub.content.map import read_map
from hub.github.source import configured_source
from hub.models import Change, ContentBlob, Exporter, ExporterContents
from hub.web import raw
from hub.web.api import schemas

M = TypeVar("M", bound=Model)


class AnyText(StringConverter):
    """Any text, line breaks included: a directory's name may hold them, which `path` does not."""

    regex = "(?s:.+)"


register_converter(AnyText, "text")

api = NinjaAPI(
    title="Exporter Hub",
    version="0.2.0",
    description=(
        "Which Prometheus exporters exist, and which content is really there for each: "
        "**E** the exporter, "
        + ", ".join(f"**{kind.letter}** {kind.label}" for kind in KINDS)
        + ". Answers come from the last good snapshot; none waits for GitHub."
    ),
    urls_namespace="api",
    docs_decorator=require_safe,
)

# A minute may pass before a cache asks again; then the ETag makes the answer a 304.
_CACHE_CONTROL = "public, max-age=60, stale-if-error=86400"
# Texts that Postgres can be asked for: it takes no NUL.
Directory = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]
Slug = Annotated[str, Path(max_length=80, pattern=r"^[-a-zA-Z0-9_]+$")]
Sha = Annotated[str, Path(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")]
_NO_EXPORTER = "No exporter of the catalogue has this slug: see /api/v1/exporters."
_NO_FILE = "The hub holds no file with this SHA."
_PROBLEMS = {404: schemas.ProblemOut, 422: schemas.ProblemOut}


@api.get(
    "/contents",
    response={200: schemas.ContentsMapOut, 304: None},
    summary="The whole map",
    description="Send the ETag back as `If-None-Match` to be answered 304 while nothing changed. "
    "The header `Hub-Snapshot-Age` is the map's age in seconds.",
)
def contents(request: HttpRequest) -> HttpResponse:
    """The rendered bytes, as they are."""
    served = read_map.cached_map().served
    # From `META`: `request.headers` copies all of them first, a tenth of what this answer costs.
    zipped = "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")
    response = HttpResponse(
        served.body_gzip if zipped else served.body,
        content_type="application/json",
        headers={
            "ETag": served.etag,
            "Cache-Control": _CACHE_CONTROL,
            "Vary": "Accept-Encoding",
            **({"Content-Encoding": "gzip"} if zipped else {}),
        },
    )
    answer = get_conditional_response(request, served.etag, response=response) or response
    for name, value in read_map.age_header(served).items():
        answer[name] = value
    return answer


@api.get(
    "/contents/{text:directory}",
    response={200: schemas.DirectoryOut, **_PROBLEMS},
    summary="One directory",
)
def directory_contents(request: HttpRequest, directory: Directory) -> Any:
    """One row of the map, with the files that speak for it."""
    row = (
        ExporterContents.objects.select_related("exporter")
        .filter(source=configured_source().key, directory=directory)
        .first()
    )
    if row is None:
        raise HttpError(404, "No such directory; /api/v1/contents lists those that there are.")
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
    summary="The catalogue",
    description="Every exporter, in one answer. Send the ETag back as `If-None-Match` to be "
    "answered 304 while nothing changed.",
)
@decorate_view(conditional_page, gzip_page)
def list_exporters(request: HttpRequest) -> HttpResponse:
    """All exporters by title, each with its facts and what is there for it."""
    return JsonResponse(
        {"exporters": catalogue.describe_all()},
        json_dumps_params={"ensure_ascii": False, "separators": (",", ":")},
        headers={"Cache-Control": _CACHE_CONTROL, "Vary": "Accept-Encoding"},
    )


@api.get(
    "/exporters/{slug}",
    response={200: schemas.ExporterDetailOut, **_PROBLEMS},
    summary="One exporter",
)
def one_exporter(request: HttpRequest, slug: Slug) -> Any:
    """The exporter with its releases and the age of its facts."""
    if exporter := catalogue.describe_exporter(slug):
        return exporter
    raise HttpError(404, _NO_EXPORTER)


@api.get(
    "/exporters/{slug}/files",
    response={200: schemas.ExporterFilesOut, **_PROBLEMS},
    summary="An exporter's files",
)
def exporter_files(request: HttpRequest, slug: Slug) -> Any:
    """Every file of the exporter's directories, with what it speaks for and its findings."""
    exporter = Exporter.objects.filter(slug=slug).first()
    if exporter is None:
        raise HttpError(404, _NO_EXPORTER)
    return describe_files(exporter, configured_source().key)


@api.get(
    "/files/{sha}",
    response={200: None, 304: None, **_PROBLEMS},
    openapi_extra={"responses": {200: {"content": raw.CONTENT}}},
    summary="A file's bytes",
    description="As a download, or as plain text to be shown with `shown=true`. `name` is the "
    "file's name, for the browser and the content type.",
)
def raw_file(
    request: HttpRequest,
    sha: Sha,
    name: Annotated[str, Query(max_length=raw.LONGEST_NAME)] = "",
    shown: bool = False,
) -> Any:
    """The bytes as they are in the repository; a SHA's never change."""
    blob = ContentBlob.objects.filter(pk=sha).first()
    if blob is None:
        raise HttpError(404, _NO_FILE)
    response = raw.download(blob, name, shown=shown)
    return get_conditional_response(request, response["ETag"], response=response) or response


@api.get(
    "/files/{sha}/report",
    response={200: dict[str, Any], **_PROBLEMS},
    summary="What is in a file",
    description="Its alerts, dashboards with their panels, manifests, chart and findings; what is "
    "empty is left out.",
)
def file_report(request: HttpRequest, sha: Sha) -> Any:
    """The report that the rules made of the file's bytes."""
    report = ContentBlob.objects.filter(pk=sha).values_list("report", flat=True).first()
    if report is None:
        raise HttpError(404, _NO_FILE)
    return report


@api.get(
    "/changes",
    response={200: schemas.ChangesOut, 422: schemas.ProblemOut},
    summary="What changed, newest first",
)
def list_changes(
    request: HttpRequest,
    exporter: Annotated[
        str | None,
        Query(max_length=80, pattern="^[-a-zA-Z0-9_]+$", description="A slug."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """A page of the change log; `before` is the `next_before` of the page that came first."""
    changes = Change.objects.filter(source=configured_source().key).select_related("exporter")
    if exporter is not None:
        changes = changes.filter(exporter__slug=exporter)
    page, next_before = _page(changes, limit, before)
    return {"changes": page, "next_before": next_before}


def _page(rows: QuerySet[M], limit: int, before: int | None) -> tuple[list[M], int | None]:
    """The next `limit` rows, newest first, and where the page after them begins."""
    if before is not None:
        rows = rows.filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: limit + 1])
    return page[:limit], page[limit - 1].pk if len(page) > limit else None


@api.get("/status", response=schemas.StatusOut, summary="How the hub is")
def hub_status(request: HttpRequest) -> dict[str, Any]:
    """State, age, the run that goes on, the next one."""
    return status.describe_status()


@api.get(
    "/runs",
    response={200: schemas.RunsOut, 422: schemas.ProblemOut},
    summary="The runs, newest first",
)
def list_runs(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """A page of runs; `before` is the `next_before` of the page that came first."""
    page, next_before = _page(status.runs(), limit, before)
    return {"runs": [status.describe_run(run) for run in page], "next_before": next_before}


@api.get(
    "/runs/{int:run}", response={200: schemas.RunOut, 404: schemas.ProblemOut}, summary="One run"
)
def one_run(request: HttpRequest, run: int) -> dict[str, Any]:
    """A run with its counts."""
    found = status.runs().filter(pk=run).first() if run < 2**62 else None
    if found is None:
        raise Http404
    return status.describe_run(found)
