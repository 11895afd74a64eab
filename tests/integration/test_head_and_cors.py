"""Tests of HEAD, and of cross-origin requests (CORS) to the API."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from hub.content.map import read_map
from hub.models import ContentBlob, RefreshRun
from tests.common import contents
from tests.conftest import Hub

ORIGIN = {"Origin": "https://elsewhere.example"}
_ITS_OWN = {"Date", "Hub-Snapshot-Age", "X-Request-ID"}


@pytest.fixture
def filled(hub: Hub) -> Hub:
    hub.add_token()
    hub.write("Redis/Redis_alert.yaml", contents.alert())
    hub.refresh()
    return hub


def reads() -> list[str]:
    """Return an address for each GET operation in the OpenAPI document."""
    document = Client().get("/api/v1/openapi.json").json()
    values = {
        "directory": "Redis",
        "slug": "nobody",
        "sha": ContentBlob.objects.latest("pk").pk,
        "run": RefreshRun.objects.latest("pk").pk,
        "edit": 1,
    }
    return [
        path.format(**values) for path, methods in document["paths"].items() if "get" in methods
    ]


def test_head_equals_get_without_the_body(filled: Hub) -> None:
    assert len(reads()) > 10
    for path in [*reads(), "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/nothing"]:
        got, head = Client().get(path), Client().head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert set(head.headers) == set(got.headers), path
        for name in set(got.headers) - _ITS_OWN:
            assert head[name] == got[name], (path, name)


def test_head_supports_conditional_requests(filled: Hub) -> None:
    for path in ("/api/v1/contents", "/api/v1/exporters"):
        etag = Client().head(path)["ETag"]
        assert Client().head(path, headers={"If-None-Match": etag}).status_code == 304


def test_head_is_not_in_the_openapi_document(db: None) -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert all("head" not in methods for methods in document["paths"].values())


def test_head_without_get_is_rejected(db: None) -> None:
    for path in ("/api/v1/edits", "/webhooks/github"):
        assert Client().head(path).status_code == 405


def test_any_origin_may_read(filled: Hub) -> None:
    for path in (*reads(), "/api/v1/nothing"):
        if path.startswith("/api/v1/edits"):
            continue
        for answer in (Client().get(path, headers=ORIGIN), Client().head(path, headers=ORIGIN)):
            assert answer["Access-Control-Allow-Origin"] == "*", path
            assert "Access-Control-Allow-Credentials" not in answer
            exposed = answer["Access-Control-Expose-Headers"].split(", ")
            assert exposed == ["ETag", "Hub-Snapshot-Age", "Retry-After"]
            assert "origin" in answer["Vary"]


def test_scripts_of_other_origins_may_read_errors(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(read_map, "cached_map", away)
    answer = Client(raise_request_exception=False).get("/api/v1/contents", headers=ORIGIN)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (503, "*")
    assert answer["Retry-After"]


def preflight(path: str, method: str, **headers: str) -> Any:
    asked = {"Access-Control-Request-Method": method, **headers}
    return Client().options(path, headers=ORIGIN | asked)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_preflight_allows_only_reading(method: str) -> None:
    answer = preflight(
        "/api/v1/contents", method, **{"Access-Control-Request-Headers": "if-none-match"}
    )
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "accept, if-none-match"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "path", ["/api/v1/edits", "/api/v1/edits/1", "/webhooks/github", "/admin/login/", "/theme", "/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_paths_and_methods_are_closed_to_other_origins(
    db: None, path: str, method: str
) -> None:
    for answer in (
        preflight(path, method),
        Client().generic(method, path, headers=ORIGIN),
    ):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_a_list_of_allowed_origins(db: None, settings: Any) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN["Origin"]]
    answer = Client().get("/api/v1/status", headers=ORIGIN)
    assert answer["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert "Access-Control-Allow-Credentials" not in answer
    for other in ("https://evil.example", "http://elsewhere.example", "null"):
        answer = Client().get("/api/v1/status", headers={"Origin": other})
        assert "Access-Control-Allow-Origin" not in answer


def test_no_allowed_origin(db: None, settings: Any) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = []
    answer = Client().get("/api/v1/status", headers=ORIGIN)
    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (200, False)
