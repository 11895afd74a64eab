"""OpenAPI documents for fuzzing: the API's document, and documents from the URL patterns of pages.

They contain all URLs of the project, so that new pages are fuzzed automatically.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from hub.content.kinds import KINDS
from hub.models import (
    ContentBlob,
    ContentEdit,
    ContentTree,
    Exporter,
    ExporterContents,
    RefreshRun,
)
from hub.web.api import api

Document = dict[str, Any]

# Signing out would end the session of all other requests.
_EXCLUDED = {"/admin/logout/"}
_PACK_OPTIONS = ("namespace", "labels", "datasource")
_QUERIES = {
    "/": ("q", "category", "has", "usable", "ready", "official", "updated", "sort", "page", "open"),
    "/coverage": ("category", "sort"),
    "/coverage.csv": ("category", "sort"),
    "/exporters/{slug}": ("version",),
    **{f"/exporters/{{slug}}/{kind.tab.name}": ("version", "file") for kind in KINDS},
    "/exporters/{slug}/metrics": ("version", "q", "show", "page"),
    "/exporters/{slug}/install": ("version", *_PACK_OPTIONS),
    "/exporters/{slug}/pack.yaml": ("version", "tree", *_PACK_OPTIONS),
    "/exporters/{slug}/pack.zip": ("version", "tree", *_PACK_OPTIONS),
    "/exporters/{slug}/rules.yaml": ("version", "form", "tree", *_PACK_OPTIONS),
    **dict.fromkeys(("/packs.yaml", "/packs.zip"), ("exporter", "tree", *_PACK_OPTIONS)),
    "/packs": ("exporter", *_PACK_OPTIONS),
    "/compare": ("exporter",),
    "/changes": ("kind", "what", "before"),
    "/status/live": ("seen",),
    "/exporters/{slug}/releases": ("version", "page"),
    "/exporters/{slug}/history": ("version", "before"),
    "/exporters/{slug}/logo": ("v",),
    "/sitemap.xml": ("p",),
    "/admin/autocomplete/": ("term", "app_label", "model_name", "field_name", "page"),
}
_HEADERS = ("HX-Request", "HX-Current-URL", "If-None-Match", "If-Modified-Since", "Accept-Encoding")
_ADMIN_QUERY = ("q", "o", "p", "all", "e", "_popup", "_to_field", "_changelist_filters", "next")
_FORMS = {
    "/theme": ("theme", "next"),
    "/admin/login/": ("username", "password", "next"),
    "/admin/hub/exporter/import/": ("file", "text", "seen"),
    "/admin/hub/exporter/add-by-repository/": ("url", "category"),
}
_FORM_OF_ANY_MODEL = ("_save", "_continue", "_addanother", "_saveasnew", "post", "_selected_action")
_FILES = {"file", "new_logo"}


def of_the_api() -> Document:
    """Return the hub's document, extended with real slugs, directories and SHAs."""
    document: Document = dict(api.get_openapi_schema())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                real = _real(parameter["name"], path)
                if parameter["in"] == "path" and real:
                    parameter["schema"] = {"anyOf": [{"enum": real}, parameter["schema"]]}
    return document


def of_the_pages() -> Document:
    """Return a document for pages, feeds, badges and the webhook."""
    documented = api.get_openapi_schema()["paths"]
    return _document(
        path for path in _paths() if not path.startswith("/admin/") and path not in documented
    )


def of_the_admin() -> Document:
    """Return a document for all views of the admin, with queries and forms."""
    return _document(
        path for path in _paths() if path.startswith("/admin/") and path not in _EXCLUDED
    )


def _paths() -> Iterator[str]:
    """Yield all URLs of the project as templates, such as `/exporters/{slug}/iac`."""
    for route in _routes(get_resolver()):
        if route.startswith("admin/^"):  # the index of an app
            yield "/admin/{app_label}/"
        elif "(?P<url>" in route:  # the admin's 404 view
            yield "/admin/{rest}"
        else:
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def _routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for part in resolver.url_patterns:
        route = before + str(part.pattern)
        if isinstance(part, URLPattern):
            yield route
        else:
            yield from _routes(part, route)


def _document(paths: Iterable[str]) -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "pages", "version": "1"},
        "paths": {path: _operations(path) for path in paths},
    }


def _operations(path: str) -> dict[str, Any]:
    answers = {"default": {"description": "Any response without a server error."}}
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _values(name, path)}
        for name in re.findall(r"{(\w+)}", path)
    ]
    names = _QUERIES.get(path, ()) or (_admin_query(path) if path.startswith("/admin/") else ())
    query = [{"name": name, "in": "query", "schema": _values(name, path)} for name in names]
    headers = [
        {"name": name, "in": "header", "schema": _values(name, path)}
        for name in (() if path.startswith("/admin/") else _HEADERS)
    ]
    operations: dict[str, Any] = {
        "get": {"parameters": in_path + query + headers, "responses": answers}
    }
    form = _form(path)
    if form:
        operations["post"] = {
            "parameters": in_path,
            "requestBody": {"content": form},
            "responses": answers,
        }
    return operations


def _admin_query(path: str) -> tuple[str, ...]:
    model = _model_of(path)
    if model is None:
        return _ADMIN_QUERY
    filters: list[str] = []
    for chosen in admin.site._registry[model].list_filter:
        name = chosen[0] if isinstance(chosen, tuple) else chosen
        if isinstance(name, str):
            filters += [f"{name}__exact", f"{name}__id__exact", f"{name}__isempty", name]
    fields = [field.name for field in model._meta.get_fields()] if path.endswith("/add/") else []
    return (*_ADMIN_QUERY, *filters, *fields)


def _form(path: str) -> dict[str, Any]:
    """Return the request bodies that a path accepts, or {}."""
    if path == "/webhooks/github":
        return {"application/json": {"schema": _PUSH}}
    names = _FORMS.get(path)
    model = _model_of(path)
    if names is None and model is not None:
        fields = [field.name for field in model._meta.get_fields()]
        actions = ("action", "index", "select_across")
        names = (*fields, *_FORM_OF_ANY_MODEL, *actions, "new_logo", "owner", "overwrite")
    if names is None:
        names = ("post",) if path.startswith("/admin/") else ()
    if not names:
        return {}
    text = {name: _values(name, path) for name in names if name not in _FILES}
    files = {name: {"type": "string", "format": "binary"} for name in names if name in _FILES}
    form = {"schema": {"type": "object", "properties": text}}
    whole = {"schema": {"type": "object", "properties": text | files}}
    return {
        "application/x-www-form-urlencoded": form,
        **({"multipart/form-data": whole} if files else {}),
    }


def _model_of(path: str) -> Any:
    found = re.match(r"/admin/(\w+)/(\w+)/", path)
    named = {
        (model._meta.app_label, model._meta.model_name): model for model in admin.site._registry
    }
    return named.get((found[1], found[2])) if found else None


def _values(name: str, path: str) -> dict[str, Any]:
    """Return a schema for a parameter: any text, and sometimes a meaningful value."""
    real = _real(name, path) or _meaningful(name)
    return {"anyOf": [{"enum": real}, {"type": "string"}]} if real else {"type": "string"}


def _meaningful(name: str) -> list[str]:
    """Return values that pages interpret."""
    return {
        "sort": ["name", "recent", "trending", "relevance", "-A", "popular"],
        "has": ["I", "A", "G"],
        "usable": ["I", "A", "G"],
        "official": ["1"],
        "updated": ["1"],
        "page": ["0", "1", "-1", "2", "999999", "9" * 40],
        "p": ["0", "1", "last", "9" * 40],
        "before": ["1", "9" * 40],
        "version": ["v1.0.0", "v1.1.0", ".."],
        "q": ["redis", "a" * 5000, "%", "\\", "'", "\0"],
        "o": ["1", "-1.2", "9" * 40, "."],
        "all": ["", "1"],
        "next": ["//example.org", "/\\example.org", "https://example.org", "/"],
        "theme": ["dark", "light", "system"],
        "action": ["write", "delete", "delete_selected", "refresh_contents", "withdraw"],
        "_to_field": ["id", "slug"],
        "app_label": ["hub"],
        "model_name": ["exporter", "category", "contentedit"],
        "field_name": ["category", "exporter", "author"],
        "url": ["https://github.com/oliver006/redis_exporter", "https://127.0.0.1/a/b"],
        "post": ["yes"],
        "index": ["0"],
        "HX-Request": ["true"],
        "HX-Current-URL": ["http://127.0.0.1/?q=redis", "http://["],
        "If-None-Match": ["*", 'W/"'],
        "Accept-Encoding": ["gzip"],
        "term": ["redis"],
        "namespace": ["monitoring", "A_B"],
        "labels": ["release=prometheus", "a=b,a=c", ",=,"],
        "datasource": ["P1", "${x}"],
        "form": ["prometheus", "prometheusrule"],
        "file": ["Redis/README.md", "../../etc/passwd"],
    }.get(name, [])


def _real(name: str, path: str) -> list[Any]:
    """Return some existing values for a parameter."""
    if name == "object_id":
        model = _model_of(path)
        return [str(pk) for pk in model.objects.values_list("pk", flat=True)[:3]] if model else []
    some: dict[str, Any] = {
        "exporter": Exporter.objects.values_list("slug", flat=True),
        "tree": ContentTree.objects.values_list("pk", flat=True),
        "slug": Exporter.objects.values_list("slug", flat=True),
        "directory": ExporterContents.objects.values_list("directory", flat=True),
        "sha": ContentBlob.objects.values_list("pk", flat=True),
        "run": RefreshRun.objects.values_list("pk", flat=True),
        "edit": ContentEdit.objects.values_list("pk", flat=True),
    }
    return list(some[name][:4]) if name in some else []


_PUSH = {
    "type": "object",
    "properties": {
        "ref": {"anyOf": [{"enum": ["refs/heads/main"]}, {"type": "string"}]},
        "forced": {"type": "boolean"},
        "repository": {
            "type": "object",
            "properties": {"full_name": {"anyOf": [{"enum": ["tests/exporters"]}, {}]}},
            "required": ["full_name"],
        },
        "commits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    kind: {"type": "array", "items": {"type": "string"}}
                    for kind in ("added", "modified", "removed")
                },
            },
        },
    },
    "required": ["ref", "repository", "commits"],
}
