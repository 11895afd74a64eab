"""The fake GitHub: SHAs match git, and responses match GitHub's published schema."""

import base64
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from jsonschema import Draft202012Validator, ValidationError

from hub.demo.fake_github import FakeGitHub, Fault, OtherRepository, Repository, faults, of_folder

TOKEN = "ghp_small0123456789"
DOCUMENT = json.loads((Path(__file__).parents[1] / "data" / "github-openapi.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create files of every type in git, with unusual names."""
    root = tmp_path / "repository"
    for path, text in {
        "README.md": "# Exporters\n",
        "contents/Redis/alert.yaml": "groups: []\n",
        "contents/Node Exporter/a b.json": "{}",
        "contents/Größe/ü.txt": "ü",
        "contents/Redis.d/x": "sorts before or after its neighbour",
        "contents/Redis-x": "a file beside",
        "empty.txt": "",
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("README.md")
    (root / "no files here").mkdir()
    return root


@pytest.fixture
def github(folder: Path) -> Iterator[FakeGitHub]:
    with of_folder(folder, "owner/name", tokens=[TOKEN]) as server:
        yield server


def git(folder: Path, *command: str) -> str:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{
            f"GIT_{who}_{what}": "t@t.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *command], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def ask(
    github: FakeGitHub, path: str, method: str = "GET", token: str | None = TOKEN, **options: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= options.pop("headers", {})
    return requests.request(method, github.url + path, headers=headers, timeout=10, **options)


def schema_of(operation: str, method: str, status: int) -> dict[str, Any]:
    """Return the schema of a response and the document that its references point to."""
    answer: Any = DOCUMENT["paths"][operation][method.lower()]["responses"][str(status)]
    while "$ref" in answer:
        answer = _resolve(answer["$ref"])
    content = answer.get("content", {})
    schema = content["application/json"]["schema"] if content else True
    return _without_nullable({"allOf": [schema], "components": DOCUMENT["components"]})


def _resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _without_nullable(schema: Any) -> Any:
    """Convert OpenAPI 3.0's `nullable` to JSON Schema."""
    if isinstance(schema, list):
        return [_without_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _without_nullable(value) for key, value in schema.items()}
    if plain.pop("nullable", False) is True:
        return {"anyOf": [plain, {"type": "null"}]}
    return plain


def validate(answer: Any, operation: str, method: str = "GET", status: int = 200) -> None:
    Draft202012Validator(schema_of(operation, method, status)).validate(answer)


def test_shas_match_git(folder: Path) -> None:
    ours = Repository.of_folder(folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    assert ours.resolve("main") == git(folder, "write-tree")
    listed = git(folder, "-c", "core.quotePath=false", "ls-files", "-s").splitlines()
    theirs = {line.split("\t")[1]: tuple(line.split()[:2]) for line in listed}
    assert {
        entry.path: (f"{entry.mode:06o}", entry.sha)
        for entry in ours.walk(ours.resolve("main"))
        if entry.type == "blob"
    } == theirs


def test_a_git_repository_is_served_with_its_history(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    (folder / "README.md").write_text("changed")
    git(folder, "commit", "-q", "-am", "two")
    ours = Repository.of_folder(folder)
    assert ours.branches["main"] == git(folder, "rev-parse", "HEAD")
    assert [c.message for c in ours.commits("main", "README.md")] == [b"two\n", b"one\n"]
    assert len(ours.commits("main", "contents")) == 1


BLOB = "/repos/{owner}/{repo}/git/blobs/{file_sha}"
TREE = "/repos/{owner}/{repo}/git/trees/{tree_sha}"
CONTENTS = "/repos/{owner}/{repo}/contents/{path}"


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/repos/owner/name", "/repos/{owner}/{repo}"),
        ("/repos/owner/name/contents/README.md", CONTENTS),
        ("/repos/owner/name/contents/contents/Node%20Exporter", CONTENTS),
        ("/repos/owner/name/contents/", CONTENTS),
        ("/repos/owner/name/git/trees/main", TREE),
        ("/repos/owner/name/git/trees/main?recursive=1", TREE),
        ("/repos/owner/name/git/trees/main:contents", TREE),
        ("/repos/owner/name/readme", "/repos/{owner}/{repo}/readme"),
        ("/repos/owner/name/releases", "/repos/{owner}/{repo}/releases"),
        ("/rate_limit", "/rate_limit"),
    ],
)
def test_answers_satisfy_githubs_schema(github: FakeGitHub, path: str, operation: str) -> None:
    answer = ask(github, path)
    assert answer.status_code == 200
    validate(answer.json(), operation)


def test_a_blob(github: FakeGitHub) -> None:
    sha = github.repository.find("main", "README.md").sha
    answer = ask(github, f"/repos/owner/name/git/blobs/{sha}").json()
    validate(answer, BLOB)
    assert base64.b64decode(answer["content"]) == b"# Exporters\n"


@pytest.mark.parametrize(
    ("path", "operation", "status"),
    [
        ("/repos/owner/name/git/trees/nowhere", TREE, 404),
        ("/repos/owner/name/git/blobs/" + "0" * 40, BLOB, 404),
        ("/repos/owner/name/contents/nothing", CONTENTS, 404),
        ("/repos/other/name", "/repos/{owner}/{repo}", 404),
    ],
)
def test_errors_satisfy_githubs_schema(
    github: FakeGitHub, path: str, operation: str, status: int
) -> None:
    answer = ask(github, path)
    assert answer.status_code == status
    validate(answer.json(), operation, status=status)


def test_the_schema_check_can_fail(github: FakeGitHub) -> None:
    answer = ask(github, "/repos/owner/name/git/trees/main").json()
    del answer["truncated"]
    with pytest.raises(ValidationError):
        validate(answer, TREE)


def test_an_empty_repository() -> None:
    with FakeGitHub(Repository(), "owner/name", tokens=[TOKEN]) as github:
        tree = ask(github, "/repos/owner/name/git/trees/main")
        assert tree.status_code == 409
        validate(tree.json(), TREE, status=409)
        assert ask(github, "/repos/owner/name/contents/").status_code == 404


def test_a_renamed_repository_is_a_redirect(github: FakeGitHub) -> None:
    github.former_names.add("old/name")
    answer = ask(github, "/repos/old/name/git/trees/main?recursive=1", allow_redirects=False)
    assert answer.status_code == 301
    number = ask(github, "/repos/owner/name").json()["id"]
    location = f"{github.url}/repositories/{number}/git/trees/main?recursive=1"
    assert answer.headers["Location"] == location
    tree = ask(github, "/repos/old/name/git/trees/main?recursive=1")
    assert tree.json() == ask(github, "/repos/owner/name/git/trees/main?recursive=1").json()
    write = ask(github, "/repos/old/name/contents/x", method="PUT", allow_redirects=False)
    assert write.status_code == 307


OTHER = OtherRepository(
    "Other/Exporter",
    description="Measures things",
    stars=42,
    archived=True,
    readme=b"# Exporter\n",
    releases=[
        {"tag": f"v{n}", "published_at": "2026-01-01T00:00:00Z", "body": "Notes", "draft": n == 3}
        for n in range(35, 0, -1)
    ],
    renamed_from=["former/exporter"],
)


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("", "/repos/{owner}/{repo}"),
        ("/readme", "/repos/{owner}/{repo}/readme"),
        ("/releases", "/repos/{owner}/{repo}/releases"),
    ],
)
def test_other_repositories_satisfy_the_schema_and_have_etags(
    github: FakeGitHub, path: str, operation: str
) -> None:
    github.add_other(OTHER)
    answer = ask(github, f"/repos/other/exporter{path}")
    assert answer.status_code == 200
    validate(answer.json(), operation)
    same = {"If-None-Match": answer.headers["ETag"]}
    assert ask(github, f"/repos/other/exporter{path}", headers=same).status_code == 304


def test_the_facts_of_other_repositories(github: FakeGitHub) -> None:
    github.add_other(OTHER)
    facts = ask(github, "/repos/Other/Exporter").json()
    assert (facts["full_name"], facts["stargazers_count"], facts["archived"]) == (
        "Other/Exporter",
        42,
        True,
    )
    assert facts["owner"]["login"] == "Other"
    readme = ask(github, "/repos/other/exporter/readme").json()
    assert readme["sha"] == git_blob(b"# Exporter\n")
    pages = [ask(github, f"/repos/other/exporter/releases?page={n}").json() for n in (1, 2)]
    assert [len(page) for page in pages] == [30, 5]
    assert len(ask(github, "/repos/other/exporter/releases?per_page=100").json()) == 35
    moved = ask(github, "/repos/former/exporter/readme?x=1", allow_redirects=False)
    assert moved.status_code == 301
    assert moved.headers["Location"].endswith(f"/repositories/{facts['id']}/readme?x=1")
    github.add_other(OtherRepository("bare/exporter"))
    for path in ("bare/exporter/readme", "other/exporter/git/trees/main", "no/exporter"):
        assert ask(github, f"/repos/{path}").status_code == 404
    assert ask(github, "/repos/bare/exporter/releases").json() == []


def git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_tokens_and_limits(github: FakeGitHub) -> None:
    assert ask(github, "/repos/owner/name", token="ghp_unknown").status_code == 401
    assert ask(github, "/repos/owner/name", token=None).headers["X-RateLimit-Limit"] == "60"
    first = ask(github, "/repos/owner/name")
    assert first.headers["X-RateLimit-Remaining"] == "4999"
    github.limits[TOKEN].exhaust(60)
    limited = ask(github, "/repos/owner/name")
    assert (limited.status_code, limited.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert "API rate limit exceeded" in limited.json()["message"]
    assert ask(github, "/rate_limit").status_code == 200


def test_the_secondary_limit_counts_points_a_minute(folder: Path) -> None:
    with of_folder(folder, "owner/name", tokens=[TOKEN], points_per_minute=3) as github:
        answers = [ask(github, "/repos/owner/name") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403]
    assert "secondary rate limit" in answers[-1].json()["message"]
    assert int(answers[-1].headers["X-RateLimit-Remaining"]) > 0


def test_a_304_is_free_and_specific_to_a_token(github: FakeGitHub) -> None:
    github.add_token("ghp_other")
    first = ask(github, "/repos/owner/name/git/trees/main")
    same = {"If-None-Match": first.headers["ETag"]}
    again = ask(github, "/repos/owner/name/git/trees/main", headers=same)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == "4999"
    other = ask(github, "/repos/owner/name/git/trees/main", token="ghp_other", headers=same)
    assert other.status_code == 200
    github.repository.write("new", b"")
    assert ask(github, "/repos/owner/name/git/trees/main", headers=same).status_code == 200


def test_writing(github: FakeGitHub) -> None:
    path = "/repos/owner/name/contents/contents/Redis/new.yaml"
    body = {"message": "add", "content": base64.b64encode(b"one").decode()}
    made = ask(github, path, "PUT", json=body)
    assert made.status_code == 201
    validate(made.json(), CONTENTS, "PUT", 201)
    sha = made.json()["content"]["sha"]
    assert ask(github, path, "PUT", json=body).status_code == 422
    assert ask(github, path, "PUT", json={**body, "sha": "0" * 40}).status_code == 409
    body["content"] = base64.b64encode(b"two").decode()
    changed = ask(github, path, "PUT", json={**body, "sha": sha})
    assert changed.status_code == 200
    validate(changed.json(), CONTENTS, "PUT", 200)
    sha = changed.json()["content"]["sha"]
    gone = ask(github, path, "DELETE", json={"message": "remove", "sha": sha})
    assert gone.status_code == 200
    validate(gone.json(), CONTENTS, "DELETE", 200)
    assert ask(github, path).status_code == 404


def test_a_tree_above_the_limit_is_truncated(github: FakeGitHub) -> None:
    github.truncate_above = 2
    answer = ask(github, "/repos/owner/name/git/trees/main?recursive=1").json()
    assert (answer["truncated"], len(answer["tree"])) == (True, 2)


ROOT_TREE = "/repos/owner/name/git/trees/main"


def strike(github: FakeGitHub, act: Callable[[BaseHTTPRequestHandler], bool]) -> None:
    github.faults.append(Fault(act))


def test_with_json_replaces_a_value(github: FakeGitHub) -> None:
    healthy = ask(github, ROOT_TREE)
    strike(github, faults.with_json(["tree", 0, "path"], '"\\u0000"'))
    answer = ask(github, ROOT_TREE, headers={"If-None-Match": healthy.headers["ETag"]})
    assert answer.json()["tree"][0] == {**healthy.json()["tree"][0], "path": "\0"}
    assert answer.headers["ETag"] == healthy.headers["ETag"]
    github.faults.clear()
    strike(github, faults.with_json([], "null"))
    assert ask(github, ROOT_TREE).json() is None


@pytest.mark.parametrize("truncated", [True, False])
def test_half_a_tree(github: FakeGitHub, truncated: bool) -> None:
    whole = ask(github, ROOT_TREE).json()
    strike(github, faults.half_tree(truncated))
    half = ask(github, ROOT_TREE).json()
    assert half == {
        **whole,
        "tree": whole["tree"][: len(whole["tree"]) // 2],
        "truncated": truncated,
    }


def test_cut_off_sends_half_of_the_response(github: FakeGitHub) -> None:
    whole = ask(github, ROOT_TREE).content
    strike(github, faults.cut_off)
    answer = ask(github, ROOT_TREE)
    assert answer.content == whole[: len(whole) // 2]
    assert "Content-Length" not in answer.headers


def test_endless_bodies(github: FakeGitHub) -> None:
    strike(github, faults.flood())
    with ask(github, ROOT_TREE, stream=True) as answer:
        assert len(answer.raw.read(1_000_000)) == 1_000_000
    github.faults.clear()
    strike(github, faults.endless_body)
    with ask(github, ROOT_TREE, stream=True) as answer:
        assert answer.raw.read(2) == b"  "
    github.faults.clear()
    strike(github, faults.gzip_bomb)
    with ask(github, ROOT_TREE, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) < 200_000
        assert len(answer.raw.read(1_000_000, decode_content=True)) == 1_000_000


def test_endless_headers(github: FakeGitHub) -> None:
    strike(github, faults.endless_headers)
    address = urlsplit(github.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"GET {ROOT_TREE} HTTP/1.1\r\n\r\n".encode())
        received = b""
        while b"XXX" not in received:
            received += connection.recv(1000)
    assert b"\r\n\r\n" not in received


def test_an_unexpected_304_and_a_redirect_loop(github: FakeGitHub) -> None:
    strike(github, faults.unexpected_not_modified)
    answer = ask(github, ROOT_TREE)
    assert (answer.status_code, answer.content) == (304, b"")
    assert ask(github, ROOT_TREE, headers={"If-None-Match": "another"}).status_code == 200
    github.faults.clear()
    strike(github, faults.redirect_loop(307))
    answer = ask(github, f"{ROOT_TREE}?recursive=1", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{ROOT_TREE}?recursive=1")


def test_the_primary_limit_has_a_reset_time(github: FakeGitHub) -> None:
    strike(github, faults.primary_limit(-30))
    before = int(time.time())
    answer = ask(github, ROOT_TREE)
    assert answer.status_code == 429
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert before - 30 <= int(answer.headers["X-RateLimit-Reset"]) <= time.time() - 30
