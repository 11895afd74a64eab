"""Alternatives to the hub's reads, on the same server with the same middleware."""

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
    """Return the map as Python values, for the caches."""
    served = ServedContents.objects.get(pk=configured_source().key)
    return json.loads(bytes(served.body))


def bare(request: HttpRequest) -> HttpResponse:
    """Return the bytes of the hub's map from memory."""
    response = HttpResponse(_bytes(), content_type="application/json")
    response["Content-Encoding"] = "gzip"
    return response


def bare_304(request: HttpRequest) -> HttpResponse:
    """Return an empty 304."""
    return HttpResponse(status=304)


def file_cache(request: HttpRequest) -> HttpResponse:
    """Return the map as in the replaced design: pickled in a file, serialized per request."""
    return _cached("file")


def redis_cache(request: HttpRequest) -> HttpResponse:
    """Return the map from Redis, serialized per request."""
    return _cached("redis")


def _cached(name: str) -> HttpResponse:
    contents = caches[name].get("contents")
    if contents is None:
        contents = _map()
        caches[name].set("contents", contents)
    return JsonResponse(contents)


def rows(request: HttpRequest) -> HttpResponse:
    """Return the map from Postgres rows, serialized per request."""
    found = ExporterContents.objects.filter(source=configured_source().key)
    contents, usable = {}, {}
    for row in found:
        contents[row.directory] = {
            "E": row.exporter_id is not None,
            **{kind.letter: getattr(row, kind.field) for kind in KINDS},
        }
        usable[row.directory] = {kind.letter: getattr(row, kind.usable_field) for kind in KINDS}
    return JsonResponse({"contents": contents, "usable": usable})
