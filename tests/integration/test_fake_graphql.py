"""The fake GitHub's GraphQL API: GitHub's schema, limits and errors, and simulated faults."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
from graphql import GraphQLObjectType

from hub.demo.fake_github import FakeGitHub, Fault, OtherRepository, Repository, faults
from hub.demo.fake_github.graphql import _SCHEMA

TOKEN = "ghp_small0123456789"
FILES = {f"contents/{n}.yaml": f"groups: [{n}]\n".encode() for n in range(5)}
OTHER = OtherRepository(
    "Other/Exporter",
    description="Measures",
    stars=42,
    archived=True,
    renamed_from=["former/exporter"],
)


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    repository = Repository()
    for path, content in FILES.items():
        repository.write(path, content)
    with FakeGitHub(repository, "owner/name", tokens=[TOKEN], others=[OTHER]) as server:
        yield server


def ask(
    github: FakeGitHub, query: str, token: str | None = TOKEN, **variables: str
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"query": query, "variables": variables}
    return requests.post(f"{github.url}/graphql", json=body, headers=headers, timeout=10)


def within(fields: str) -> str:
    """Return a query for fields of the repository."""
    return f'{{ repository(owner: "owner", name: "name") {{ {fields} }} }}'


def blobs(github: FakeGitHub, *shas: str) -> requests.Response:
    """Query blobs like the hub: with an alias and a variable for each."""
    variables = "".join(f", $o{n}: GitObjectID!" for n in range(len(shas)))
    fields = "... on Blob { oid byteSize isBinary isTruncated text }"
    objects = " ".join(f"b{n}: object(oid: $o{n}) {{ {fields} }}" for n in range(len(shas)))
    query = (
        f"query($owner: String!, $name: String!{variables}) {{"
        f" repository(owner: $owner, name: $name) {{ {objects} }}"
        " rateLimit { cost remaining resetAt } }"
    )
    named = {f"o{n}": sha for n, sha in enumerate(shas)}
    return ask(github, query, owner="owner", name="name", **named)


def shas_of(github: FakeGitHub) -> list[str]:
    return [github.repository.find("main", path).sha for path in FILES]


def git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_blobs_by_alias_and_variable(github: FakeGitHub) -> None:
    answer = blobs(github, *shas_of(github), "0" * 40)
    assert (answer.status_code, "errors" in answer.json()) == (200, False)
    data = answer.json()["data"]
    assert data["repository"] == {
        **{
            f"b{n}": {
                "oid": git_blob(content),
                "byteSize": len(content),
                "isBinary": False,
                "isTruncated": False,
                "text": content.decode(),
            }
            for n, content in enumerate(FILES.values())
        },
        "b5": None,  # an unknown SHA is not an error
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data["rateLimit"]["resetAt"])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", {"text": "", "byteSize": 0, "isBinary": False}),
        ("ü\r\n".encode(), {"text": "ü\r\n", "byteSize": 4}),
        (b"caf\xe9", {"text": "caf\ufffd", "byteSize": 4, "isBinary": False}),
        (b"a\0b", {"text": None, "byteSize": 3, "isBinary": True, "isTruncated": False}),
        (b"a" * 8000 + b"\0", {"text": "a" * 8000 + "\0", "isBinary": False}),
        (b"a" * 512_000, {"text": "a" * 512_000, "isTruncated": False}),
        (b"a" * 512_001, {"text": "a" * 512_000, "byteSize": 512_001, "isTruncated": True}),
    ],
)
def test_the_text_of_a_blob(github: FakeGitHub, content: bytes, expected: dict[str, Any]) -> None:
    github.repository.write("file", content)
    blob = blobs(github, git_blob(content)).json()["data"]["repository"]["b0"]
    assert blob.items() >= expected.items()


EVERYTHING = """
query {
  rateLimit(dryRun: false) { cost limit nodeCount remaining resetAt used }
  repository(owner: "OWNER", name: "name", followRenames: false) {
    nameWithOwner description isArchived isPrivate stargazerCount
    defaultBranchRef {
      name
      target {
        __typename abbreviatedOid commitResourcePath commitUrl oid
        ... on Commit {
          tree {
            abbreviatedOid commitResourcePath commitUrl oid
            entries {
              extension mode name nameRaw oid path pathRaw size type
              object { ... on Tree { entries { path object { ...content } } } }
            }
          }
        }
      }
    }
  }
}
fragment content on Blob {
  abbreviatedOid byteSize commitResourcePath commitUrl isBinary isTruncated oid text
}
"""


def test_every_field_of_the_schema_is_resolved(github: FakeGitHub) -> None:
    types = [t for t in _SCHEMA.type_map.values() if isinstance(t, GraphQLObjectType)]
    fields = {f for t in types if not t.name.startswith("__") for f in t.fields}
    assert fields <= set(re.findall(r"\w+", EVERYTHING))
    answer = ask(github, EVERYTHING).json()
    assert "errors" not in answer
    repository = answer["data"]["repository"]
    assert repository["nameWithOwner"] == "owner/name"
    commit = repository["defaultBranchRef"]["target"]
    assert commit["oid"] == github.repository.branches["main"]
    (folder,) = commit["tree"]["entries"]
    assert (folder["name"], folder["type"], folder["mode"]) == ("contents", "tree", 0o040000)
    files = {entry["path"]: entry["object"]["text"] for entry in folder["object"]["entries"]}
    assert files == {path: content.decode() for path, content in FILES.items()}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("main", "Commit"),
        ("HEAD", "Commit"),
        ("main:", "Tree"),
        ("HEAD:contents", "Tree"),
        ("main:contents/1.yaml", "Blob"),
        ("main:nothing", None),
        ("nowhere", None),
        ("nowhere:contents", None),
    ],
)
def test_objects_by_expression(github: FakeGitHub, expression: str, kind: str | None) -> None:
    query = within(f'object(expression: "{expression}") {{ __typename oid }}')
    found = ask(github, query).json()["data"]["repository"]["object"]
    assert (found and found["__typename"]) == kind


@pytest.mark.parametrize("asked", ["no/where", "owner/other"])
def test_an_unknown_repository(github: FakeGitHub, asked: str) -> None:
    owner, name = asked.split("/")
    query = f'{{ repository(owner: "{owner}", name: "{name}") {{ isPrivate }} }}'
    answer = ask(github, query)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"repository": None}
    (error,) = answer.json()["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["repository"])
    assert error["message"] == f"Could not resolve to a Repository with the name '{asked}'."


def test_other_and_renamed_repositories(github: FakeGitHub) -> None:
    github.former_names.add("old/name")
    fields = "{ nameWithOwner stargazerCount isArchived description object(oid: $o) { oid } }"
    query = (
        "query($owner: String!, $name: String!, $o: GitObjectID!, $follow: Boolean = true) {"
        f" repository(owner: $owner, name: $name, followRenames: $follow) {fields} }}"
    )
    sha = shas_of(github)[0]
    old = ask(github, query, owner="old", name="name", o=sha).json()["data"]["repository"]
    assert (old["nameWithOwner"], old["object"]) == ("owner/name", {"oid": sha})
    for owner in ("other", "former"):
        answer = ask(github, query, owner=owner, name="exporter", o=sha).json()
        assert answer["data"]["repository"] == {
            "nameWithOwner": "Other/Exporter",
            "stargazerCount": 42,
            "isArchived": True,
            "description": "Measures",
            "object": None,
        }
    refused = query.replace("= true", "= false")
    answer = ask(github, refused, owner="former", name="exporter", o=sha).json()
    assert (answer["data"]["repository"], answer["errors"][0]["type"]) == (None, "NOT_FOUND")


def test_an_empty_repository(github: FakeGitHub) -> None:
    github.repository = Repository()
    query = within('defaultBranchRef { name } object(expression: "HEAD:") { oid }')
    answer = ask(github, query).json()
    assert answer == {"data": {"repository": {"defaultBranchRef": None, "object": None}}}


@pytest.mark.parametrize(
    "query",
    [
        "{ repository",
        "{ nothing }",
        within("nothing"),
        within('object(oid: "short") { oid }'),
        within('object(expression: "main") { text }'),
        "query($o: GitObjectID!) { rateLimit { cost } }",
        "query($o: GitObjectID!) " + within("object(oid: $o) { oid }"),
        "mutation { nothing }",
    ],
)
def test_a_wrong_query_is_a_200_without_data(github: FakeGitHub, query: str) -> None:
    answer = ask(github, query, o="short")
    assert (answer.status_code, set(answer.json())) == (200, {"errors"})
    assert all(error["message"] and error["locations"] for error in answer.json()["errors"])


def test_bodies_and_methods(github: FakeGitHub) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def send(method: str, body: str, path: str = "/graphql") -> requests.Response:
        return requests.request(method, github.url + path, data=body, headers=headers, timeout=10)

    broken = send("POST", '{"query": ')
    assert (broken.status_code, broken.json()["message"]) == (400, "Problems parsing JSON")
    for body in ("[]", "{}", '{"query": 1}'):
        answer = send("POST", body)
        assert answer.status_code == 200
        assert "query attribute must be specified" in answer.json()["errors"][0]["message"]
    assert send("GET", "").status_code == 404
    assert send("POST", "{}", "/repos/owner/name").status_code == 404


@pytest.mark.parametrize(
    ("token", "message"),
    [("ghp_unknown", "Bad credentials"), (None, "This endpoint requires you to be authenticated.")],
)
def test_it_needs_a_token(github: FakeGitHub, token: str | None, message: str) -> None:
    answer = ask(github, "{ rateLimit { cost } }", token)
    assert (answer.status_code, answer.json()["message"]) == (401, message)
    assert answer.headers["X-RateLimit-Remaining"] == "0"  # like GitHub's 401


def rate(github: FakeGitHub, resource: str) -> dict[str, int]:
    """Return a rate limit from `/rate_limit`."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{github.url}/rate_limit", headers=headers, timeout=10)
    return answer.json()["resources"][resource]


def test_graphql_has_a_separate_limit(github: FakeGitHub) -> None:
    query = "{ rateLimit { cost limit remaining used } }"
    answer = ask(github, query)
    assert answer.json()["data"]["rateLimit"] == {
        "cost": 1,
        "limit": 5000,
        "remaining": 4999,
        "used": 1,
    }
    assert answer.headers["X-RateLimit-Resource"] == "graphql"
    assert answer.headers["X-RateLimit-Remaining"] == "4999"
    assert (rate(github, "graphql")["used"], rate(github, "core")["used"]) == (1, 0)
    github.limits[TOKEN].exhaust()
    assert "data" in ask(github, query).json()
    github.graphql_limits[TOKEN].exhaust(60, left=1)
    assert "data" in ask(github, query).json()
    used_up = ask(github, query)
    assert (used_up.status_code, used_up.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert int(used_up.headers["X-RateLimit-Reset"]) <= time.time() + 60
    (error,) = used_up.json()["errors"]
    assert error["type"] == "RATE_LIMITED"
    assert "API rate limit exceeded for user ID" in error["message"]


def test_secondary_limits() -> None:
    options: dict[str, int] = {"points_per_minute": 1, "graphql_points_per_minute": 2}
    with FakeGitHub(Repository(), "owner/name", tokens=[TOKEN], **options) as github:
        rate(github, "core")  # the only REST point
        answers = [ask(github, within("isPrivate")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert "secondary rate limit" in answers[-1].json()["message"]
    assert answers[-1].headers["X-RateLimit-Remaining"] == "4998"


def test_rest_and_graphql_share_the_concurrent_requests(github: FakeGitHub) -> None:
    github.active = 100
    assert ask(github, within("isPrivate")).status_code == 403
    github.active = 0
    assert ask(github, within("isPrivate")).status_code == 200


def test_graphql_has_a_separate_latency(github: FakeGitHub) -> None:
    github.latency, github.graphql_latency = 0.0, 0.2
    rate(github, "core")
    ask(github, within("isPrivate"))
    rest, query = [(r.method, r.path, r.finished - r.started) for r in github.requests]
    assert (rest[:2], query[:2]) == (("GET", "/rate_limit"), ("POST", "/graphql"))
    assert rest[2] < 0.2 <= query[2]


def strike(github: FakeGitHub, act: Callable[[BaseHTTPRequestHandler], bool]) -> None:
    github.faults = [Fault(act, match="/graphql")]


@pytest.mark.parametrize(
    "kind", ["RATE_LIMITED", "FORBIDDEN", "NOT_FOUND", "RESOURCE_LIMITS_EXCEEDED", ""]
)
def test_an_error_without_data(github: FakeGitHub, kind: str) -> None:
    strike(github, faults.graphql_error(kind))
    answer = blobs(github, *shas_of(github))
    assert (answer.status_code, set(answer.json())) == (200, {"errors"})
    (error,) = answer.json()["errors"]
    assert (error.get("type", ""), error["message"] != "") == (kind, True)
    assert rate(github, "core")["limit"] == 5000


def test_partial_data(github: FakeGitHub) -> None:
    strike(github, faults.graphql_partial("INTERNAL", "Timed out", files=2))
    answer = blobs(github, *shas_of(github)).json()
    repository = answer["data"]["repository"]
    assert [alias for alias, blob in repository.items() if blob is None] == ["b0", "b1"]
    assert [(e["type"], e["path"]) for e in answer["errors"]] == [
        ("INTERNAL", ["repository", "b0"]),
        ("INTERNAL", ["repository", "b1"]),
    ]


@pytest.mark.parametrize("what", ["null", "truncated", "other"])
def test_wrong_texts(github: FakeGitHub, what: str) -> None:
    strike(github, faults.graphql_text(what, files=2))
    repository = blobs(github, *shas_of(github)).json()["data"]["repository"]
    wrong = [b for b in repository.values() if git_blob((b["text"] or "").encode()) != b["oid"]]
    assert wrong == [repository["b0"], repository["b1"]]
    assert [b["text"] is None for b in wrong] == [what == "null"] * 2
    assert [b["isTruncated"] for b in wrong] == [what == "truncated"] * 2


@pytest.mark.parametrize(("status", "kind"), [(502, "application/json"), (504, "text/html")])
def test_a_timeout_costs_its_point(github: FakeGitHub, status: int, kind: str) -> None:
    strike(github, faults.graphql_timeout(status, seconds=0.1))
    started = time.monotonic()
    answer = blobs(github, *shas_of(github))
    assert time.monotonic() - started >= 0.1
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, kind)
    assert rate(github, "graphql")["used"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.graphql_timeout(more_than=2),
        faults.graphql_error("RESOURCE_LIMITS_EXCEEDED", more_than=2),
    ],
)
def test_a_smaller_query_succeeds(
    github: FakeGitHub, fault: Callable[[BaseHTTPRequestHandler], bool]
) -> None:
    strike(github, fault)
    shas = shas_of(github)
    assert "data" not in blobs(github, *shas[:3]).json()
    assert blobs(github, *shas[:2]).json()["data"]["repository"]["b1"]["oid"] == shas[1]


def test_the_limit_is_used_up_midway(github: FakeGitHub) -> None:
    github.faults = [Fault(faults.graphql_used_up(30, left=1), "/graphql", times=1)]
    assert "data" in ask(github, within("isPrivate")).json()
    assert ask(github, within("isPrivate")).json()["errors"][0]["type"] == "RATE_LIMITED"


def test_general_faults_report_the_graphql_limit(github: FakeGitHub) -> None:
    strike(github, faults.primary_limit(30, 403))
    answer = ask(github, within("isPrivate"))
    assert (answer.status_code, answer.headers["X-RateLimit-Resource"]) == (403, "graphql")
    strike(github, faults.answer(404, {"message": "Not Found"}))
    assert ask(github, within("isPrivate")).status_code == 404
    strike(github, faults.with_json(["data", "repository", "isPrivate"], "null"))
    answer = ask(github, within("isPrivate"))
    assert answer.json() == {"data": {"repository": {"isPrivate": None}}}
