"""The page that documents the API, rendered from its OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

_REF = "#/components/schemas/"


class ApiDocs(DocsBase):
    """Shows all operations and schemas, without a script."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        document = api.get_openapi_schema(path_params=kwargs)
        context = {
            "document": document["info"],
            "openapi": self.get_openapi_url(api, kwargs),
            "operations": list(_operations(document)),
            "schemas": [
                (name, list(_fields(schema)), _type(schema)[0])
                for name, schema in document["components"]["schemas"].items()
            ],
        }
        return render(request, "hub/api.html", context)


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each operation with its parameters, its body and its answers."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "parameters": [
                    (
                        each["name"],
                        *_type(each.get("schema", {})),
                        each.get("description", each.get("schema", {}).get("description", "")),
                        each.get("required", False),
                    )
                    for each in operation.get("parameters", [])
                ],
                "body": list(_contents(operation.get("requestBody", {}))),
                "answers": [
                    (status, answer.get("description", ""), list(_contents(answer)))
                    for status, answer in operation["responses"].items()
                ],
                # A reader can open it as it is.
                "opens": method == "get" and "{" not in path,
            }


def _contents(part: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield media type, type and name of the schema of each form of a body."""
    for media_type, content in part.get("content", {}).items():
        yield media_type, *_type(content.get("schema", {}))


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, name of the schema and description of each field."""
    for name, field in schema.get("properties", {}).items():
        yield name, *_type(field), field.get("description", "")


def _type(schema: Mapping[str, Any]) -> tuple[str, str]:
    """Return a type in words, and the name of the schema that it refers to, or ""."""
    if ref := schema.get("$ref", "").removeprefix(_REF):
        return ref, ref
    if enum := schema.get("enum"):
        return " or ".join(map(str, enum)), ""
    if options := schema.get("anyOf") or schema.get("allOf"):
        found = [_type(option) for option in options]
        ref = next((name for _, name in found if name), "")
        return " or ".join(words for words, _ in found), ref
    if schema.get("type") == "array":
        words, ref = _type(schema.get("items", {}))
        return f"list of {words}", ref
    return str(schema.get("format") or schema.get("type") or "any value"), ""
