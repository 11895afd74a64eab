"""HTTP server of the fake GitHub: authentication, rate limits, ETags and routes."""

import base64
import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from hub.demo.fake_github import answers, faults, graphql
from hub.demo.fake_github.limits import HOUR, RateLimit
from hub.demo.fake_github.repository import OtherRepository, Repository

_ANONYMOUS_LIMIT = 60  # requests an hour without a token
_NO_GRAPHQL = RateLimit(0, resource="graphql")  # without authorisation
_AUTHENTICATION_REQUIRED = "This endpoint requires you to be authenticated."
_SECONDARY_CONCURRENCY = 100  # of REST and GraphQL together
_HEADERS = {
    "Cache-Control": "private, max-age=60, s-maxage=60",
    "Vary": "Accept, Authorization, Cookie",
    "X-GitHub-Media-Type": "github.v3; format=json",
}
_REPOSITORY = re.compile(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))(|/.*)", re.DOTALL)


@dataclass(frozen=True)
class Request:
    """A processed request, for tests that count and time them."""

    method: str
    path: str
    status: int
    started: float  # monotonic seconds
    finished: float


class GitHubProblem(Exception):
    """An error response with GitHub's message. `url` is the target of a redirect."""

    def __init__(self, status: int, message: str, url: str = "") -> None:
        super().__init__(message)
        self.status, self.url = status, url


_T = TypeVar("_T")


def _or_404(found: _T | None) -> _T:
    """Return `found`. Raises `GitHubProblem` (404) if it is None."""
    if found is None:
        raise GitHubProblem(404, "Not Found")
    return found


class FakeGitHub:
    """Serves a repository as `name` (OWNER/NAME). As a context manager, it stops after the block.

    Responses take `latency` seconds, GraphQL responses `graphql_latency` if it is set. `fail_rate`
    is the share (0 to 1) of 502 responses. For each token, `rate_limit` is the number of requests
    per hour, `points_per_minute` the secondary limit (a GET is 1 point, a write 5; 0: unlimited).
    An hour lasts `hour` seconds (at least 60). `others` are repositories without files.
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
        graphql_latency: float | None = None,
        fail_rate: float = 0.0,
        rate_limit: int = 5000,
        graphql_rate_limit: int = 5000,
        points_per_minute: int = 0,
        graphql_points_per_minute: int = 0,
        hour: int = HOUR,
        others: Iterable[OtherRepository] = (),
    ) -> None:
        self.repository, self.name, self.branch = repository, name, branch
        self.latency, self.graphql_latency, self.fail_rate = latency, graphql_latency, fail_rate
        self.rate_limit, self.graphql_rate_limit, self.hour = rate_limit, graphql_rate_limit, hour
        self.points, self.graphql_points = (
            RateLimitItemPerSecond(points, max(1, hour // 60)) if points else None
            for points in (points_per_minute, graphql_points_per_minute)
        )
        self.spent = MovingWindowRateLimiter(MemoryStorage())
        self.limits: dict[str, RateLimit] = {}  # by token
        self.graphql_limits: dict[str, RateLimit] = {}
        self.anonymous = RateLimit(_ANONYMOUS_LIMIT)
        for token in tokens:
            self.add_token(token)
        self.expiries: dict[str, datetime] = {}  # by token
        self.former_names: set[str] = set()  # OWNER/NAME, redirected with 301
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
        hour, points = self.hour, self.graphql_rate_limit
        self.limits[token] = RateLimit(self.rate_limit, hour=hour)
        self.graphql_limits[token] = RateLimit(points, hour=hour, resource="graphql")

    def add_other(self, other: OtherRepository) -> None:
        """Add another repository. Names are case-insensitive."""
        self.others[other.name.casefold()] = other

    def find(self, name: str) -> OtherRepository | None:
        """Return a repository by its current or a former name. Names are case-insensitive."""
        key, known = name.casefold(), self._repositories()
        former = (r for r in known.values() if key in map(str.casefold, r.renamed_from))
        return known.get(key) or next(former, None)

    def find_by_id(self, number: str) -> OtherRepository | None:
        """Return a repository by its id."""
        known = self._repositories().values()
        return next((found for found in known if str(found.id) == number), None)

    def _repositories(self) -> dict[str, OtherRepository]:
        own = OtherRepository(self.name, "Served by the fake GitHub", default_branch=self.branch)
        own.files, own.renamed_from = self.repository, [*self.former_names]
        return {**self.others, self.name.casefold(): own}

    def rename(self, name: str) -> None:
        """Rename or transfer the served repository: its former name is redirected."""
        self.former_names.add(self.name)
        self.name = name
        self.former_names.discard(name)

    def revoke(self, token: str) -> None:
        """Answer 401 to a token from now on."""
        self.limits.pop(token, None)

    def expire(self, token: str, at: datetime | None) -> None:
        """Let a token expire at this time, or never."""
        self.expiries.pop(token, None)
        if at is not None:
            self.expiries[token] = at.astimezone(UTC)

    def start(self) -> None:
        """Serve in a background thread."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def serve_forever(self) -> None:
        """Serve until `stop`."""
        self._http.serve_forever(poll_interval=0.05)

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
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    timeout = 60

    def do_GET(self) -> None:
        github = self.github = self.server.github
        log = github.requests  # a test may replace the list before this request ends
        started = time.monotonic()
        self.status = 0
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        split = urlsplit(self.path)
        self.is_query = (self.command, split.path) == ("POST", "/graphql")
        self.parameters = {name: values[-1] for name, values in parse_qs(split.query).items()}
        with github.lock:
            github.active += 1
        try:
            latency = github.graphql_latency if self.is_query else None
            self.until = started + (github.latency if latency is None else latency)
            if github.faults:
                self._wait()  # so that faults are delayed, too
            if not any(f.applies(self.path) and f.act(self) for f in list(github.faults)):
                self.serve()
        finally:
            with github.lock:
                github.active -= 1
            log.append(Request(self.command, self.path, self.status, started, time.monotonic()))

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 — the base's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base's name
        """Log nothing: `FakeGitHub.requests` has all requests."""

    def _wait(self) -> None:
        """Wait for the rest of the latency, which includes the time to build the response."""
        time.sleep(max(0.0, self.until - time.monotonic()))

    def send_response(self, code: int, message: str | None = None) -> None:
        self.status = code
        super().send_response(code, message)

    def serve(self) -> None:
        """Send the normal response."""
        token = self._token()
        limit = self._limit(token)
        self.status = 200
        try:
            if limit is None:
                raise GitHubProblem(401, "Bad credentials" if token else _AUTHENTICATION_REQUIRED)
            self._check_limits(limit, token)
            if self.github.fail_rate and self.github.random.random() < self.github.fail_rate:
                faults.server_error()(self)
                return
            data = self._query(limit) if self.is_query else self._answer(limit)
            body = json.dumps(data, separators=(",", ":")).encode()
            if self.command != "GET":
                self._send(self.status, body, limit)
                return
            tag = hashlib.sha256((token or "").encode() + body).hexdigest()
            etag = f'W/"{tag}"'  # depends on the token, like GitHub's
            is_known = self.headers.get("If-None-Match") == etag
            if is_known and token:
                limit.refund()
            self._send(304 if is_known else 200, None if is_known else body, limit, ETag=etag)
        except GitHubProblem as problem:
            page = "graphql" if self.is_query else "rest"
            answer = {
                "message": str(problem),
                "documentation_url": f"https://docs.github.com/{page}",
                "status": str(problem.status),
            }
            headers = {"Location": problem.url} if problem.url else {}
            if problem.url:
                answer["url"] = problem.url
            self._send(problem.status, json.dumps(answer).encode(), limit, **headers)

    def _token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else None

    def _limit(self, token: str | None) -> RateLimit | None:
        """Return the primary limit that the request counts against; None if not authorised."""
        if token is None:
            return None if self.is_query else self.github.anonymous
        expiry = self.github.expiries.get(token)
        if expiry is not None and expiry <= datetime.now(UTC):
            return None
        limits = self.github.graphql_limits if self.is_query else self.github.limits
        return limits.get(token) if token in self.github.limits else None

    def _check_limits(self, limit: RateLimit, token: str | None) -> None:
        """Count the request. Raises `GitHubProblem` if a limit is exceeded."""
        github = self.github
        if not self.headers.get("User-Agent"):
            raise GitHubProblem(403, "Request forbidden by administrative rules.")
        points = github.graphql_points if self.is_query else github.points
        cost = 1 if self.is_query or self.command == "GET" else 5
        if github.active > _SECONDARY_CONCURRENCY or (
            points and not github.spent.hit(points, limit.resource, token or "", cost=cost)
        ):
            raise GitHubProblem(403, "You have exceeded a secondary rate limit.")
        # A query is counted later, when it is executed.
        is_free = self.is_query or urlsplit(self.path).path == "/rate_limit"
        if not is_free and not limit.take():
            raise GitHubProblem(403, "API rate limit exceeded for user ID 1.")

    def _send(
        self, status: int, body: bytes | None, limit: RateLimit | None, **headers: str
    ) -> None:
        self._wait()
        self.send_response(status)
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            headers["Content-Length"] = str(len(body))
        if limit is None and self.is_query:
            limit = _NO_GRAPHQL  # GitHub sends zeros with a 401
        if limit is not None:
            numbers = limit.as_json().items()
            headers |= {f"X-RateLimit-{name.capitalize()}": str(n) for name, n in numbers}
            headers["X-RateLimit-Resource"] = limit.resource
        if limit is not None and (expiry := self.github.expiries.get(self._token() or "")):
            headers["GitHub-Authentication-Token-Expiration"] = f"{expiry:%Y-%m-%d %H:%M:%S} UTC"
        for name, value in (_HEADERS | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body or b"")

    def _query(self, limit: RateLimit) -> Any:
        try:
            return graphql.answer_query(self.github.find, limit, self.body)
        except ValueError:
            raise GitHubProblem(400, "Problems parsing JSON") from None

    def _answer(self, limit: RateLimit) -> Any:
        github, path = self.github, urlsplit(self.path).path
        if path == "/rate_limit":
            graphql_limit = github.graphql_limits.get(self._token() or "", _NO_GRAPHQL)
            return answers.rate_limits(limit, graphql_limit)
        if path == "/":
            return answers.root(github.url)
        route = None if self.command == "POST" else _REPOSITORY.fullmatch(path)
        name, number, rest = _or_404(route).groups()
        repository = _or_404(github.find(name) if name else github.find_by_id(number))
        if name and repository.name.casefold() != name.casefold():
            server = f"http://{self.headers.get('Host')}"  # a client may use a proxy
            below = self.path[len(f"/repos/{name}") :]
            url = f"{server}/repositories/{repository.id}{below}"
            is_read = self.command == "GET"
            message = "Moved Permanently" if is_read else "Temporary Redirect"
            raise GitHubProblem(301 if is_read else 307, message, url)
        self.repository, self.url = repository, f"{github.url}/repos/{repository.name}"
        for pattern, operation in _FILES + _FACTS if repository.files else _FACTS:
            if match := re.fullmatch(pattern, unquote(rest), re.DOTALL):
                return operation(self, *match.groups())
        raise GitHubProblem(404, "Not Found")

    def _tree(self, name: str) -> Any:
        repository = self.github.repository
        if not repository.branches:
            raise GitHubProblem(409, "Git Repository is empty.")
        sha, recursive = _or_404(repository.resolve(name)), "recursive" in self.parameters
        limit = self.github.truncate_above
        found = answers.tree(repository, sha, self.url, recursive=recursive, limit=limit)
        # For a commit's SHA, GitHub repeats that instead of the SHA of its tree.
        return found | {"sha": name} if repository.is_commit(name) else found

    def _blob(self, sha: str) -> Any:
        return answers.blob(sha, _or_404(self.github.repository.blob(sha)), self.url)

    def _contents(self, path: str = "README.md") -> Any:
        if self.command != "GET":
            with self.github.writing:  # like GitHub, commit one write after the other
                return self._write(path)
        branch = self.parameters.get("ref", self.github.branch)
        entry = _or_404(self.github.repository.find(branch, path))
        return answers.contents_json(self.github.repository, entry, branch, self.url)

    def _write(self, path: str) -> Any:
        try:
            body = json.loads(self.body or b"{}")
            message, branch = str(body["message"]), body.get("branch", self.github.branch)
            content = base64.b64decode(body["content"]) if self.command == "PUT" else b""
        except (ValueError, KeyError, TypeError):
            raise GitHubProblem(422, "Invalid request.") from None
        repository = self.github.repository
        if repository.branches and branch not in repository.branches:
            raise GitHubProblem(404, f"Branch {branch} not found")
        existing = repository.find(branch, path)
        if existing and "sha" not in body:
            raise GitHubProblem(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        if existing and body["sha"] != existing.sha:
            raise GitHubProblem(409, f"{path} does not match {body['sha']}")
        if self.command == "DELETE":
            _or_404(existing)
            repository.delete(path, message, branch)
        else:
            repository.write(path, content, message, branch)
        entry = repository.find(branch, path)
        content_json = answers.contents_json(repository, entry, branch, self.url) if entry else None
        self.status = 200 if existing else 201
        return answers.commit_json(content_json, repository.commits(branch)[0], self.url)

    def _facts(self) -> Any:
        return answers.repository_json(self.repository, self.github.url)

    def _readme(self) -> Any:
        return answers.readme_json(self.repository, _or_404(self.repository.readme), self.url)

    def _releases(self) -> Any:
        size = min(100, int(self.parameters.get("per_page", "30")))
        first = (int(self.parameters.get("page", "1")) - 1) * size
        return answers.releases_json(self.repository, self.github.url)[first : first + size]


_FILES: list[tuple[str, Any]] = [
    (r"/git/trees/(.+)", _Handler._tree),
    (r"/git/blobs/([0-9a-f]+)", _Handler._blob),
    (r"/contents/?(.*)", _Handler._contents),
    (r"/readme", _Handler._contents),
]
_FACTS: list[tuple[str, Any]] = [
    (r"", _Handler._facts),
    (r"/readme", _Handler._readme),
    (r"/releases", _Handler._releases),
]


def of_folder(folder: Path, name: str, **options: Any) -> FakeGitHub:
    """Return a fake GitHub for a folder (the repository's root) or a git repository."""
    branch = options.get("branch", "main")
    return FakeGitHub(Repository.of_folder(folder, branch), name, **options)
