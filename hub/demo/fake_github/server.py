"""The fake GitHub over HTTP: authentication, limits, ETags, and a route for each operation."""

import base64
import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from hub.demo.fake_github import answers, faults
from hub.demo.fake_github.limits import HOUR, RateLimit
from hub.demo.fake_github.others import OtherRepository
from hub.demo.fake_github.repository import Repository

T = TypeVar("T")

_ANONYMOUS_LIMIT = 60  # requests an hour without a token
_SECONDARY_CONCURRENCY = 100
_STOPS_WITHIN = 0.05  # seconds


@dataclass(frozen=True)
class Request:
    """A request that was served, for tests that count and time them."""

    method: str
    path: str
    status: int
    started: float  # monotonic seconds
    finished: float


class Problem(Exception):
    """An answer other than 200, in GitHub's words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Moved(Exception):
    """301: the repository was renamed."""


class FakeGitHub:
    """Serves one repository as OWNER/NAME; a context manager that stops with the block.

    An answer comes after `latency` seconds; `fail_rate` is the share (0 to 1) answered with 502,
    `rate_limit` the requests an hour of each token, `points_per_minute` the secondary limit of
    each (a GET is 1 point, a write 5; 0: none). A clock sped up has `hour` seconds in an hour, at
    least 60. Without tokens nobody is authorised. `others` are repositories of which only facts,
    README and releases are served.
    """

    def __init__(
        self,
        repository: Repository,
        name: str,
        *,
        tokens: Iterable[str] = (),
        branch: str = "main",
        port: int = 0,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        fail_rate: float = 0.0,
        rate_limit: int = 5000,
        points_per_minute: int = 0,
        hour: int = HOUR,
        others: Iterable[OtherRepository] = (),
    ) -> None:
        self.repository, self.name, self.branch = repository, name, branch
        self.latency, self.fail_rate = latency, fail_rate
        self.rate_limit, self.hour = rate_limit, hour
        minute = max(1, hour // 60)
        self.points = (
            RateLimitItemPerSecond(points_per_minute, minute) if points_per_minute else None
        )
        self.spent = MovingWindowRateLimiter(MemoryStorage())
        self.limits: dict[str, RateLimit] = {}
        self.anonymous = RateLimit(_ANONYMOUS_LIMIT)
        for token in tokens:
            self.add_token(token)
        self.former_names: set[str] = set()  # OWNER/NAME answered with 301
        self.others: dict[str, OtherRepository] = {}
        for other in others:
            self.add_other(other)
        self.faults: list[faults.Fault] = []
        self.requests: list[Request] = []
        self.truncate_above = 100_000
        self.active = 0
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.random = random.Random(0)  # noqa: S311 — the same failures in each run
        self._http = _Server((host, port), _Handler)
        self._http.github = self
        self.url = f"http://{host}:{self._http.server_port}"

    def add_token(self, token: str) -> None:
        """Accept a token from now on."""
        self.limits[token] = RateLimit(self.rate_limit, hour=self.hour)

    def add_other(self, other: OtherRepository) -> None:
        """Serve the facts of another repository from now on; names are case-insensitive."""
        self.others[other.name.casefold()] = other

    def revoke(self, token: str) -> None:
        """Answer 401 to a token from now on."""
        self.limits.pop(token, None)

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(
            target=self._http.serve_forever, args=(_STOPS_WITHIN,), daemon=True
        ).start()

    def serve_forever(self) -> None:
        """Serve until `stop`."""
        self._http.serve_forever()

    def stop(self) -> None:
        """Stop listening and close."""
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    github: FakeGitHub
    daemon_threads = True
    request_queue_size = 512
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    timeout = 60

    def do_GET(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base's name
        """Quiet: `requests` remembers."""

    def _handle(self) -> None:
        started = time.monotonic()
        self.status = 0
        github = self.server.github
        noted = github.requests  # of now: whoever looks may start a new list before this one ends
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        with github.lock:
            github.active += 1
        try:
            self.until = started + github.latency
            if github.faults:
                self._wait()  # then whatever a fault does is as late
            if not any(f.applies(self.path) and f.act(self) for f in list(github.faults)):
                self._serve(github)
        finally:
            with github.lock:
                github.active -= 1
            noted.append(Request(self.command, self.path, self.status, started, time.monotonic()))

    def _wait(self) -> None:
        """Let the latency pass that was asked for; what the answer cost to make is part of it."""
        time.sleep(max(0.0, self.until - time.monotonic()))

    def send_response(self, code: int, message: str | None = None) -> None:
        self.status = code
        super().send_response(code, message)

    def _serve(self, github: FakeGitHub) -> None:
        token = self._token()
        limit = github.limits.get(token) if token else github.anonymous
        try:
            if limit is None:
                raise Problem(401, "Bad credentials")
            if not self.headers.get("User-Agent"):
                raise Problem(403, "Request forbidden by administrative rules.")
            if github.active > _SECONDARY_CONCURRENCY:
                raise Problem(403, "You have exceeded a secondary rate limit.")
            cost = 1 if self.command == "GET" else 5
            if github.points and not github.spent.hit(github.points, token or "", cost=cost):
                raise Problem(403, "You have exceeded a secondary rate limit.")
            path = urlsplit(self.path).path
            if path != "/rate_limit" and not limit.take():
                raise Problem(403, "API rate limit exceeded for user ID 1.")
            if github.fail_rate and github.random.random() < github.fail_rate:
                faults.server_error()(self)
                return
            status, data = self._answer(github, limit)
            body = json.dumps(data, separators=(",", ":")).encode()
            tag = hashlib.sha256((token or "").encode() + body).hexdigest()
            etag = f'W/"{tag}"'  # GitHub's vary by Authorization
            if status == 200 and self.command == "GET":
                if self.headers.get("If-None-Match") == etag:
                    if token:
                        limit.give_back()
                    self._send(304, None, limit, {"ETag": etag})
                    return
                self._send(status, body, limit, {"ETag": etag})
                return
            self._send(status, body, limit, {})
        except Moved as moved:
            answer = {"message": "Moved Permanently", "url": str(moved)}
            self._send(301, json.dumps(answer).encode(), limit, {"Location": str(moved)})
        except Problem as problem:
            answer = {
                "message": str(problem),
                "documentation_url": "https://docs.github.com/rest",
                "status": str(problem.status),
            }
            self._send(problem.status, json.dumps(answer).encode(), limit, {})

    def _token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else None

    def _send(
        self, status: int, body: bytes | None, limit: RateLimit | None, headers: dict[str, str]
    ) -> None:
        self._wait()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        if limit is not None:
            for name, number in limit.as_json().items():
                self.send_header(f"X-RateLimit-{name.capitalize()}", str(number))
            self.send_header("X-RateLimit-Resource", "core")
        self.send_header("Cache-Control", "private, max-age=60, s-maxage=60")
        self.send_header("Vary", "Accept, Authorization, Cookie")
        self.send_header("X-GitHub-Media-Type", "github.v3; format=json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body is not None:
            self.wfile.write(body)

    def _answer(self, github: FakeGitHub, limit: RateLimit) -> tuple[int, Any]:
        split = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        if split.path == "/rate_limit":
            rate = limit.as_json()
            search = {"limit": 30, "used": 0, "remaining": 30, "reset": rate["reset"]}
            return 200, {"resources": {"core": rate, "search": search}, "rate": rate}
        if split.path == "/user":
            if self._token() is None:
                raise Problem(401, "Requires authentication")
            return 200, answers.signed_in_user(github.url)
        prefix = f"/repos/{github.name}"
        for name in github.former_names:
            old = f"/repos/{name}"
            if split.path == old or split.path.startswith(f"{old}/"):
                raise Moved(github.url + prefix + self.path[len(old) :])
        if split.path != prefix and not split.path.startswith(f"{prefix}/"):
            return 200, self._other(github, split.path, query)
        rest = unquote(split.path[len(prefix) :])
        for pattern, operation in _ROUTES:
            found = re.fullmatch(pattern, rest, re.DOTALL)
            if found:
                status, data = operation(self, github, query, *found.groups())
                return status, data
        raise Problem(404, "Not Found")

    def _other(self, github: FakeGitHub, path: str, query: dict[str, str]) -> Any:
        """What is served of another repository: itself, its README, its releases."""
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(|/readme|/releases)", path)
        if found is None or self.command != "GET":
            raise Problem(404, "Not Found")
        name, what = found.groups()
        for other in github.others.values():
            if name.casefold() in {former.casefold() for former in other.renamed_from}:
                raise Moved(f"{github.url}/repos/{other.name}{self.path[len('/repos/' + name) :]}")
        there = github.others.get(name.casefold())
        if there is None or (what == "/readme" and there.readme is None):
            raise Problem(404, "Not Found")
        if what == "/readme":
            return answers.other_readme(there, github.url)
        if what == "/releases":
            return _page(answers.other_releases(there, github.url), query)
        return answers.other_repository(there, github.url)

    def _tree(self, github: FakeGitHub, query: dict[str, str], name: str) -> tuple[int, Any]:
        repository = github.repository
        if not repository.branches:
            raise Problem(409, "Git Repository is empty.")
        sha = repository.resolve(name)
        if sha is None:
            raise Problem(404, "Not Found")
        return 200, _tree_answer(
            repository, sha, prefix_url(github), "recursive" in query, github.truncate_above
        )

    def _blob(self, github: FakeGitHub, query: dict[str, str], sha: str) -> tuple[int, Any]:
        content = github.repository.blob(sha)
        if content is None:
            raise Problem(404, "Not Found")
        return 200, answers.blob(sha, content, prefix_url(github))

    def _contents(self, github: FakeGitHub, query: dict[str, str], path: str) -> tuple[int, Any]:
        if self.command != "GET":
            with github.writing:  # GitHub, too, writes one commit after the other
                return self._write(github, path)
        branch = query.get("ref", github.branch)
        entry = github.repository.find(branch, path)
        if entry is None:
            raise Problem(404, "Not Found")
        return 200, answers.contents(github.repository, entry, branch, prefix_url(github))

    def _write(self, github: FakeGitHub, path: str) -> tuple[int, Any]:
        try:
            asked = json.loads(self.body or b"{}")
            message, branch = str(asked["message"]), asked.get("branch", github.branch)
            content = base64.b64decode(asked["content"]) if self.command == "PUT" else b""
        except (ValueError, KeyError, TypeError):
            raise Problem(422, "Invalid request.") from None
        repository, url = github.repository, prefix_url(github)
        if repository.branches and branch not in repository.branches:
            raise Problem(404, f"Branch {branch} not found")
        found = repository.find(branch, path)
        there = found.sha if found else None
        if self.command == "DELETE" and there is None:
            raise Problem(404, "Not Found")
        if there is not None and "sha" not in asked:
            raise Problem(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        if there is not None and asked["sha"] != there:
            raise Problem(409, f"{path} does not match {asked['sha']}")
        if self.command == "DELETE":
            repository.delete(path, message, branch)
            written = None
        else:
            repository.write(path, content, message, branch)
            entry = repository.find(branch, path)
            assert entry is not None  # noqa: S101 — it was just written
            written = answers.contents(repository, entry, branch, url)
        made = answers.commit(repository.commits(branch)[0], url)
        return (
            201 if there is None else 200,
            {"content": written, "commit": {**made["commit"], "sha": made["sha"]}},
        )

    def _repository(self, github: FakeGitHub, query: dict[str, str]) -> tuple[int, Any]:
        return 200, answers.repository(github.name, github.branch, prefix_url(github), github.url)

    def _branch(self, github: FakeGitHub, query: dict[str, str], name: str) -> tuple[int, Any]:
        if name not in github.repository.branches:
            raise Problem(404, "Branch not found")
        newest = github.repository.commits(name)[0]
        return 200, answers.branch(name, newest, prefix_url(github))

    def _commits(self, github: FakeGitHub, query: dict[str, str]) -> tuple[int, Any]:
        if not github.repository.branches:
            raise Problem(409, "Git Repository is empty.")
        found = github.repository.commits(
            query.get("sha", github.branch), query.get("path", "").strip("/")
        )
        return 200, [answers.commit(c, prefix_url(github)) for c in _page(found, query)]

    def _ref(self, github: FakeGitHub, query: dict[str, str], branch: str) -> tuple[int, Any]:
        sha = github.repository.branches.get(branch)
        if sha is None:
            raise Problem(404, "Not Found")
        url = prefix_url(github)
        return 200, {
            "ref": f"refs/heads/{branch}",
            "node_id": f"R_{branch}",
            "url": f"{url}/git/refs/heads/{branch}",
            "object": {"type": "commit", "sha": sha, "url": f"{url}/git/commits/{sha}"},
        }

    def _readme(self, github: FakeGitHub, query: dict[str, str]) -> tuple[int, Any]:
        return self._contents(github, query, "README.md")

    def _releases(self, github: FakeGitHub, query: dict[str, str]) -> tuple[int, Any]:
        return 200, []


def _page(found: list[T], query: dict[str, str]) -> list[T]:
    """The part of a list that `page` and `per_page` ask for."""
    size = min(100, int(query.get("per_page", "30")))
    first = (int(query.get("page", "1")) - 1) * size
    return found[first : first + size]


def prefix_url(github: FakeGitHub) -> str:
    """The repository's own address."""
    return f"{github.url}/repos/{github.name}"


@lru_cache(maxsize=512)
def _tree_answer(repository: Repository, sha: str, url: str, recursive: bool, most: int) -> Any:
    """A tree is named by its SHA, so its answer never changes."""
    return answers.tree(repository, sha, url, recursive=recursive, most=most)


_ROUTES: list[tuple[str, Any]] = [
    (r"", _Handler._repository),
    (r"/branches/(.+)", _Handler._branch),
    (r"/git/trees/(.+)", _Handler._tree),
    (r"/git/blobs/([0-9a-f]+)", _Handler._blob),
    (r"/git/ref/heads/(.+)", _Handler._ref),
    (r"/contents/?(.*)", _Handler._contents),
    (r"/commits", _Handler._commits),
    (r"/readme", _Handler._readme),
    (r"/releases", _Handler._releases),
]


def of_folder(folder: Path, name: str, **options: Any) -> FakeGitHub:
    """A fake GitHub over a folder (the repository's root) or a git repository."""
    branch = options.get("branch", "main")
    return FakeGitHub(Repository.of_folder(folder, branch), name, **options)
