"""What the hub's reads are measured against, on the same server with the same middleware."""

import json
from functools import cache
from typing import Any

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, JsonResponse

from hub.content.kinds import KINDS
from hub.github.source import configured_source
from hub.models import ExporterContents, ServedContents


@cache
def _bytes() -> bytes:
    return bytes(ServedContents.objects.get(pk=configured_source().key).body_gzip)


@cache
def _map() -> Any:
    """The map as Python's own values, for the caches that keep it so."""
    served = ServedContents.objects.get(pk=configured_source().key)
    return json.loads(bytes(served.body))


def bare(request: HttpRequest) -> HttpResponse:
    """The same bytes as the hub's, from memory."""
    response = HttpResponse(_bytes(), content_type="application/json")
    response["Content-Encoding"] = "gzip"
    return response


def bare_304(request: HttpRequest) -> HttpResponse:
    """No bytes at all."""
    return HttpResponse(status=304)


def file_cache(request: HttpRequest) -> HttpResponse:
    """The replaced design: the map is pickled in a file, and JSON made of it for each request."""
    return _cached("file")


def redis_cache(request: HttpRequest) -> HttpResponse:
    """The same in Redis."""
    return _cached("redis")


def _cached(name: str) -> HttpResponse:
    contents = caches[name].get("contents")
    if contents is None:
        contents = _map()
        caches[name].set("contents", contents)
    return JsonResponse(contents)


def rows(request: HttpRequest) -> HttpResponse:
    """A row for each exporter from Postgres, and JSON made of them for each request."""
    found = ExporterContents.objects.filter(source=configured_source().key)
    contents, usable = {}, {}
    for row in found:
        contents[row.directory] = {
            "E": row.exporter_id is not None,
            **{kind.letter: getattr(row, kind.field) for kind in KINDS},
        }
        usable[row.directory] = {kind.letter: getattr(row, kind.usable_field) for kind in KINDS}
    return JsonResponse({"contents": contents, "usable": usable})
