"""HTTP client of the GitHub API: authentication, rate limits, retries and typed errors."""

import base64
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Literal, NotRequired
from urllib.parse import quote, urljoin, urlsplit

import requests
from django.conf import settings
from prometheus_client import Counter
from pydantic import InstanceOf, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict  # pydantic requires this one on Python 3.11
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from hub.github import errors
from hub.github.budget import READ, WRITE, RequestBudget, shared_budget
from hub.github.connections import DeadlineAdapter
from hub.github.git_objects import (
    SHA,
    are_plain_paths,
    blob_sha,
    is_safe_path,
    is_whole_tree,
    storable_name,
    tree_sha,
)
from hub.github.renames import api_path, forget_rename, store_rename
from hub.github.responses import expiry_of, quota_of, raise_for_status
from hub.github.tokens import Token, TokenPool, shared_pool
from hub.models import Quota, Resource

logger = logging.getLogger(__name__)

_REQUESTS = Counter(
    "exporterhub_github_requests",
    "Requests to GitHub by token, rate limit and status. Retries after a 5xx are not counted.",
    ["token", "resource", "status"],
)
_NO_RESPONSE = "none"
_NOT_STORED = "not stored"  # the label of a token that the admin checks

# The start of a path that names a repository. GitHub redirects former names to the second form.
_ADDRESS = re.compile(r"/repos/[^/?]+/[^/?]+|/repositories/\d+")
_REDIRECTS = {301, 302, 307, 308}
_MAX_REDIRECTS = 3
_MAX_FOLDERS = 200  # in a tree that is fetched level by level
_MAX_ETAG_LENGTH = 80  # characters, which fit into the models; GitHub's ETags have 68
_MAX_BODY_SIZE = 64 * 1024 * 1024  # bytes; a tree of 100,000 entries is about 20 MB

# Token id → the ETag received with that token. GitHub answers 304 if it still matches.
ETags = Mapping[int, str]
# Decodes the body into `Answer.data`. Raises `ValueError` for an unexpected body.
Decode = Callable[[requests.Response], Any]

_Text = InstanceOf[str]  # not `str`: names may contain lone surrogates
_SHA = Annotated[str, StringConstraints(pattern=SHA)]


class _Entry(TypedDict):
    path: _Text
    mode: _Text
    type: Literal["blob", "tree", "commit"]
    sha: _SHA
    size: NotRequired[InstanceOf[int]]


class _Tree(TypedDict):
    sha: _SHA
    tree: list[_Entry]
    truncated: NotRequired[object]


_TREE = TypeAdapter(_Tree)


# Both functions raise `ValueError` or `RecursionError` for an unexpected body. pydantic takes half
# the time of the json module for a large body, but only json accepts names that are not UTF-8.
def _decode_tree(response: requests.Response) -> Any:
    try:
        return _TREE.validate_json(response.content, strict=True)
    except ValueError:
        return _TREE.validate_python(json.loads(response.content), strict=True)


def _decode_json(response: requests.Response) -> Any:
    try:
        return from_json(response.content)
    except ValueError:
        return json.loads(response.content)


@dataclass(frozen=True)
class Answer:
    """GitHub's response. `data` is the decoded JSON, or None for a 304 (`unchanged`)."""

    data: Any
    etag: str
    token_id: int
    requests: int
    unchanged: bool = False
    redirected_to: str = ""  # the URL of the response after a redirect


@dataclass(frozen=True)
class Commit:
    """A commit created through the API: its SHA and the SHA of its root tree."""

    sha: str
    tree_sha: str


@dataclass(frozen=True)
class _Request:
    """A request without its token."""

    method: str
    path: str  # for error messages; `url` is the full address
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    etags: ETags = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    decode: Decode = _decode_json
    resource: Resource = Resource.CORE
    points: int = READ


class _Session(requests.Session):
    """Ignores redirects: even with `allow_redirects=False`, requests reads their whole body."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class GitHubClient:
    """Sends requests with the token that has the most quota left. Thread-safe; one per process."""

    def __init__(
        self,
        api_url: str,
        pool: TokenPool,
        budget: RequestBudget,
        *,
        timeout: tuple[float, float] = (5.0, 12.0),
        retries: int = 2,
    ) -> None:
        self._api_url, self._timeout = api_url, timeout
        self._pool, self._budget = pool, budget
        self._learning = threading.Lock()
        self._session = _Session()
        self._session.trust_env = False  # a ~/.netrc must not replace the token
        self._session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "User-Agent": "exporter-hub",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )
        retry = Retry(
            total=retries,
            backoff_factor=0.5,
            backoff_max=5,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=("GET",),
            respect_retry_after_header=False,  # `backoff_max` applies; limits are handled below
            raise_on_status=False,
        )
        adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=64, max_retries=retry)
        self._session.mount(f"{urlsplit(api_url).scheme}://", adapter)
        # GitHub Enterprise Server has REST at /api/v3 and GraphQL at /api/graphql.
        self._graphql_url = f"{api_url.removesuffix('/v3')}/graphql"

    def tree(self, repository: str, sha: str, *, recursive: bool = False) -> Answer:
        """Fetch a git tree by its SHA; `data` is GitHub's `{"sha", "tree": […], …}`.

        Its paths are safe and can be stored in Postgres. Raises `Truncated` for an incomplete tree,
        `UnexpectedAnswer` if the entries do not match the SHA.
        """
        path = _tree_path(repository, sha)
        try:
            answer = self._whole_tree(path, recursive=recursive)
        except errors.Unprocessable:
            if not recursive:
                raise
            return self._walk(repository, sha)
        if not is_whole_tree(sha, answer.data["tree"], recursive=recursive):
            raise errors.UnexpectedAnswer(f"{path}: the entries do not match its SHA")
        return _with_safe_paths(path, answer)

    def root_tree(self, repository: str, ref: str, etags: ETags | None = None) -> Answer:
        """Fetch the root tree of a branch, tag or commit, in the same form as `tree`."""
        path = _tree_path(repository, ref)
        answer = self._whole_tree(path, etags=etags)
        if answer.unchanged:
            return answer
        # For a commit or a tag, GitHub returns the SHA of that object instead of the tree's.
        sha = tree_sha(answer.data["tree"], like=answer.data["sha"])
        return _with_safe_paths(path, replace(answer, data=answer.data | {"sha": sha}))

    def _whole_tree(
        self, path: str, *, recursive: bool = False, etags: ETags | None = None
    ) -> Answer:
        answer = self.get(path, {"recursive": "1"} if recursive else {}, etags, decode=_decode_tree)
        if not answer.unchanged and answer.data.get("truncated"):
            raise errors.Truncated(f"{path}: GitHub truncated the tree")
        return answer

    def _walk(self, repository: str, sha: str) -> Answer:
        """Fetch a tree level by level: GitHub rejects some recursive requests with submodules."""
        first = answer = self.tree(repository, sha)
        entries, waiting = [], [("", answer)]
        requests = 1  # the rejected one
        while waiting:
            folder, answer = waiting.pop()
            requests += answer.requests
            if requests > _MAX_FOLDERS:
                raise errors.Truncated(f"{_tree_path(repository, sha)}: too many folders")
            for entry in answer.data["tree"]:
                entries.append(entry | {"path": folder + entry["path"]})
                if entry["type"] == "tree":
                    below = self.tree(repository, entry["sha"])
                    waiting.append((f"{folder}{entry['path']}/", below))
        return replace(first, data=first.data | {"tree": entries}, requests=requests)

    def blob(self, repository: str, sha: str) -> tuple[bytes, int]:
        """Fetch a git blob and verify its SHA. Return its bytes and the number of requests."""
        path = f"/repos/{repository}/git/blobs/{sha}"
        answer = self.get(path)
        try:
            data = base64.b64decode(answer.data["content"])
        except (KeyError, TypeError, ValueError):
            raise errors.UnexpectedAnswer(f"{path}: not a git blob") from None
        if blob_sha(data, like=sha) != sha:
            raise errors.UnexpectedAnswer(f"{path}: the content does not match its SHA")
        return data, answer.requests

    def file_sha(self, repository: str, branch: str, path: str) -> str:
        """Return the blob SHA of a file at the tip of `branch`, or "" if it does not exist."""
        try:
            answer = self.get(_contents_path(repository, path), {"ref": branch})
        except errors.NotFound:
            return ""
        if not isinstance(answer.data, dict) or not isinstance(answer.data.get("sha"), str):
            raise errors.UnexpectedAnswer(f"{path}: not a file")
        return str(answer.data["sha"])

    def write_file(
        self, repository: str, branch: str, path: str, data: bytes, message: str, base_sha: str
    ) -> Commit:
        """Commit a file. `base_sha` is the blob that it replaces, or "" for a new file.

        Raises `FileChanged` if the branch has another blob. A write is never retried: after an
        error, call `file_sha` to check whether it succeeded.
        """
        body = {"message": message, "branch": branch, "content": base64.b64encode(data).decode()}
        replaced = {"sha": base_sha} if base_sha else {}
        return self._commit("PUT", repository, path, body | replaced)

    def delete_file(
        self, repository: str, branch: str, path: str, message: str, base_sha: str
    ) -> Commit:
        """Commit a file's deletion. Raises `FileChanged`, or `NotFound` if it does not exist."""
        body = {"message": message, "branch": branch, "sha": base_sha}
        return self._commit("DELETE", repository, path, body)

    def _commit(self, method: str, repository: str, path: str, body: dict[str, str]) -> Commit:
        api_path = _contents_path(repository, path)
        request = _Request(method, api_path, self._api_url + api_path, body=body, points=WRITE)
        answer = self._request(request)
        try:
            commit = answer.data["commit"]
            return Commit(str(commit["sha"]), str(commit["tree"]["sha"]))
        except (KeyError, TypeError):
            raise errors.UnexpectedAnswer(f"{path}: no commit in the response") from None

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        etags: ETags | None = None,
        decode: Decode = _decode_json,
    ) -> Answer:
        """GET `path`. Use another token if one is rejected or exhausted. Raises a `GitHubError`."""
        url = self._api_url + path
        return self._request(_Request("GET", path, url, params or {}, etags or {}, decode=decode))

    def query(self, document: str, variables: Mapping[str, str], decode: Decode) -> Answer:
        """POST a GraphQL query. `decode` also raises the errors that a 200 response contains.

        Raises a `GitHubError`: `GraphQLUnavailable` if REST has to be used, `QueryTooLarge` if a
        smaller query may succeed.
        """
        request = _Request("POST", "/graphql", self._graphql_url, resource=Resource.GRAPHQL)
        body = {"query": document, "variables": variables}
        try:
            return self._request(replace(request, body=body, decode=decode))
        except (errors.NotFound, errors.AccessDenied, errors.Conflict) as denied:
            raise errors.GraphQLUnavailable(str(denied)) from None
        except (errors.ServerFault, errors.Unreachable, errors.UnexpectedAnswer) as fault:
            # GitHub responds with 502 or 504 to a query that takes longer than ten seconds.
            raise errors.QueryTooLarge(str(fault)) from None

    def _request(self, request: _Request) -> Answer:
        """Send the request, to the repository's current address if it was renamed."""
        repository = _repository_in(request.path)
        if not repository:
            return self._with_a_token(request)
        address = api_path(repository)
        below = request.url.removeprefix(f"{self._api_url}/repos/{repository}")
        answer = self._with_a_token(replace(request, url=f"{self._api_url}{address}{below}"))
        found = _ADDRESS.match(answer.redirected_to.removeprefix(self._api_url))
        if not found or found[0] == address:
            return answer
        more = self._learn_name(repository, address, found[0])
        return replace(answer, requests=answer.requests + more)

    def _learn_name(self, repository: str, before: str, address: str) -> int:
        """Store the name and the address after a redirect. Return the number of requests."""
        with self._learning:  # one thread asks, the others wait for the name
            if api_path(repository) != before:
                return 0
            name, sent = "", 1
            try:
                answer = self._with_a_token(_Request("GET", address, self._api_url + address))
                name, sent = str(answer.data["full_name"]), answer.requests
            except (errors.GitHubError, KeyError, TypeError) as error:
                logger.warning("the new name of %s is not known: %s", repository, error)
            is_former = before == f"/repos/{repository}"
            if name.casefold() == repository.casefold() and not is_former:
                forget_rename(repository)  # it has been renamed back
            else:
                store_rename(repository, address, name)
            return sent

    def _with_a_token(self, request: _Request) -> Answer:
        sent, refusal = 0, ""
        while True:  # terminates: each iteration returns, raises, or excludes one token
            try:
                token = self._pool.choose(request.resource)
            except errors.GitHubError as error:
                # The pool knows why no token is left, but not what GitHub said.
                error.args = (f"{error}: {refusal}" if refusal else str(error),)
                raise
            self._budget.spend(token.id, request.resource, request.points)
            sent += 1
            try:
                return self._answer(request, token, sent)
            except errors.BadToken as rejection:
                self._pool.mark_invalid(token)
                logger.warning("GitHub rejected token %s: %s", token.id, rejection)
                refusal = str(rejection)
            except errors.SecondaryLimited as limit:
                self._pool.block(token, limit.reset_at)
                logger.warning("token %s: limited until %s: %s", token.id, limit.reset_at, limit)
                refusal = str(limit)
            except errors.RateLimited as limit:
                resource, reset = request.resource, limit.reset_at
                self._pool.mark_exhausted(token, resource, reset)
                logger.warning("token %s: %s limit used up until %s", token.id, resource, reset)
                refusal = str(limit)

    def check(self, secret: str) -> Quota | None:
        """Return the REST quota of `secret`; None without rate limits. Raises a `GitHubError`."""
        request = _Request("GET", "/rate_limit", f"{self._api_url}/rate_limit")
        response = self._send(request, Token(0, secret, _NOT_STORED))  # costs no quota
        if response.status_code == 404:
            # An Enterprise Server has no rate limits by default (GitHub Docs, "Configuring rate
            # limits"), so another request checks the token.
            request = _Request("GET", "/", f"{self._api_url}/")
            raise_for_status(self._send(request, Token(0, secret, _NOT_STORED)), request.path)
            return None
        raise_for_status(response, request.path)
        quota = quota_of(response)
        if quota is None:
            raise errors.UnexpectedAnswer("/rate_limit: no rate limit headers; is this GitHub?")
        return quota

    def _answer(self, request: _Request, token: Token, sent: int) -> Answer:
        """Send the request with one token and follow redirects. Raises a `GitHubError`."""
        etag, max_sent = request.etags.get(token.id), sent + _MAX_REDIRECTS
        redirected_to = ""
        response = self._send(request, token, etag)
        while response.status_code in _REDIRECTS:
            sent += 1
            if sent > max_sent:
                raise errors.UnexpectedAnswer(f"{request.path}: too many redirects")
            # `Location` already contains the parameters.
            request = replace(request, url=self._redirect(request.url, response), params={})
            redirected_to = request.url
            self._budget.spend(token.id, request.resource, request.points)
            response = self._send(request, token, etag)
        raise_for_status(response, request.path)
        self._pool.record_success(token, quota_of(response), expiry_of(response))
        if response.status_code == 304:
            if etag is None:
                raise errors.UnexpectedAnswer(f"{request.path}: 304 to a request without an ETag")
            return Answer(None, etag, token.id, sent, unchanged=True, redirected_to=redirected_to)
        try:
            data = request.decode(response)
        except (ValueError, RecursionError) as fault:  # the latter for deeply nested JSON
            what = "a git tree" if isinstance(fault, ValidationError) else "JSON"
            raise errors.UnexpectedAnswer(f"{request.path}: the response is not {what}") from None
        etag = response.headers.get("ETag", "")
        etag = etag if len(etag) <= _MAX_ETAG_LENGTH else ""
        return Answer(data, etag, token.id, sent, redirected_to=redirected_to)

    def _send(self, request: _Request, token: Token, etag: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token.secret}"}
        if etag:
            headers["If-None-Match"] = etag  # verbatim, weak or strong
        try:
            response = self._session.request(
                request.method,
                request.url,
                params=dict(request.params),
                json=request.body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            with response:
                response._content = _read(response)
        except (requests.exceptions.InvalidHeader, UnicodeError):
            raise errors.BadToken("the token contains invalid characters") from None
        except (requests.RequestException, HTTPError) as fault:
            _REQUESTS.labels(token.label, request.resource, _NO_RESPONSE).inc()
            # Only the class: the message may contain the URL, which adds nothing.
            raise errors.Unreachable(f"no response from GitHub: {type(fault).__name__}") from None
        _REQUESTS.labels(token.label, request.resource, response.status_code).inc()
        return response

    def _redirect(self, url: str, response: requests.Response) -> str:
        """Return a redirect's target. Raises `UnexpectedAnswer` for another server (SSRF)."""
        try:
            target = urljoin(url, response.headers.get("Location", ""))
            same_server = urlsplit(target)[:2] == urlsplit(self._api_url)[:2]
        except ValueError:
            raise errors.UnexpectedAnswer("redirected to an invalid URL") from None
        if not same_server:
            raise errors.UnexpectedAnswer("redirected to another server")
        return target


def _repository_in(path: str) -> str:
    """Return OWNER/NAME of the path of a REST request; "" if it has none."""
    found = re.match(r"/repos/([^/]+/[^/]+)", path)
    return found[1] if found else ""


def _tree_path(repository: str, ref: str) -> str:
    return f"/repos/{repository}/git/trees/{quote(ref, safe='')}"


def _contents_path(repository: str, path: str) -> str:
    return f"/repos/{repository}/contents/{quote(path)}"


def _with_safe_paths(path: str, answer: Answer) -> Answer:
    """Return the answer with only safe paths, escaped so that Postgres can store them."""
    tree: list[_Entry] = answer.data["tree"]
    if are_plain_paths(entry["path"] for entry in tree):
        return answer
    safe = [entry for entry in tree if is_safe_path(entry["path"])]
    if len(safe) < len(tree):
        logger.warning("%s: ignored %s paths that git forbids", path, len(tree) - len(safe))
    for entry in safe:
        entry["path"] = storable_name(entry["path"])
    return replace(answer, data=answer.data | {"tree": safe})


def _read(response: requests.Response) -> bytes:
    """Read the body up to a maximum size. `hub.github.connections` limits the time."""
    body = bytearray()
    for part in response.iter_content(64 * 1024):
        body += part
        if len(body) > _MAX_BODY_SIZE:
            raise errors.UnexpectedAnswer("the response is too large")
    return bytes(body)


@cache
def shared_client() -> GitHubClient:
    """Return this process's client of the API at `GITHUB_API_URL`."""
    return GitHubClient(
        settings.GITHUB_API_URL,
        shared_pool(),
        shared_budget(),
        timeout=(settings.GITHUB_CONNECT_TIMEOUT, settings.GITHUB_READ_TIMEOUT),
        retries=settings.GITHUB_RETRIES,
    )
