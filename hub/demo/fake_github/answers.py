"""Build the JSON bodies of GitHub's REST API. No HTTP, no rate limits."""

import base64
from dataclasses import replace
from functools import lru_cache
from typing import Any

from dulwich.objects import Commit

from hub.demo.fake_github.limits import RateLimit
from hub.demo.fake_github.repository import OtherRepository, Repository, TreeEntry
from hub.github.git_objects import blob_sha

_GITHUB = "https://github.com"
_WHEN = "2026-01-01T00:00:00Z"
_MAX_CONTENT_SIZE = 1024 * 1024  # bytes; larger files come without content
_MAX_FOLDER_ENTRIES = 1000


def base64_lines(content: bytes) -> str:
    """Encode as base64 in lines of 60 characters, like GitHub."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[i : i + 60]}\n" for i in range(0, len(text), 60))


def _links(url: str, names: str) -> dict[str, str]:
    return {f"{name}_url": f"{url}/{name}" for name in names.split()}


def _user(url: str, login: str) -> dict[str, Any]:
    own = f"{url}/users/{login}"
    links = "followers following gists starred subscriptions organizations repos events"
    return {
        "login": login,
        "id": 1,
        "node_id": "U_1",
        "type": "User",
        "site_admin": False,
        "gravatar_id": "",
        "url": own,
        "html_url": own,
        "avatar_url": f"{own}/avatar.png",
        **_links(own, f"{links} received_events"),
    }


def root(url: str) -> dict[str, str]:
    """The addresses of the API, as its root lists them (those that there are here)."""
    return {
        "rate_limit_url": f"{url}/rate_limit",
        "repository_url": f"{url}/repos/{{owner}}/{{repo}}",
    }


def rate_limits(core: RateLimit, graphql: RateLimit) -> dict[str, Any]:
    """Return the body of `/rate_limit`."""
    rate = core.as_json()
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": rate["reset"]}
    resources = {"core": rate, "graphql": graphql.as_json(), "search": search}
    return {"resources": resources, "rate": rate}


@lru_cache(maxsize=512)  # the content of a SHA never changes
def tree(
    repository: Repository, sha: str, url: str, *, recursive: bool, limit: int
) -> dict[str, Any]:
    """Return a git tree, `truncated` if it has more than `limit` entries."""
    found = list(repository.walk(sha) if recursive else repository.entries(sha))
    return {
        "sha": sha,
        "url": f"{url}/git/trees/{sha}",
        "tree": [_tree_entry(repository, entry, url) for entry in found[:limit]],
        "truncated": len(found) > limit,
    }


def _tree_entry(repository: Repository, entry: TreeEntry, url: str) -> dict[str, Any]:
    mode, kind, sha = f"{entry.mode:06o}", entry.type, entry.sha
    size = {"size": repository.size(sha)} if kind == "blob" else {}
    link = {} if kind == "commit" else {"url": f"{url}/git/{kind}s/{sha}"}
    return {"path": entry.path, "mode": mode, "type": kind, "sha": sha} | size | link


def blob(sha: str, content: bytes, url: str) -> dict[str, Any]:
    """Return a git blob."""
    return {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(content),
        "url": f"{url}/git/blobs/{sha}",
        "content": base64_lines(content),
        "encoding": "base64",
    }


def contents_json(repository: Repository, entry: TreeEntry, branch: str, url: str) -> Any:
    """Return a file with its content, or the first 1,000 entries of a folder."""
    if entry.type != "tree":
        return _file(entry, repository.blob(entry.sha) or b"", branch, url)
    prefix = f"{entry.path}/" if entry.path else ""
    children = repository.entries(entry.sha)[:_MAX_FOLDER_ENTRIES]
    return [
        _content(replace(child, path=prefix + child.path), repository.size(child.sha), branch, url)
        for child in children
    ]


def readme_json(facts: OtherRepository, content: bytes, url: str) -> dict[str, Any]:
    """Return the README of a repository whose other files are not served."""
    entry = TreeEntry(facts.readme_path, 0o100644, blob_sha(content))
    html = f"{_GITHUB}/{facts.name}/blob/{facts.default_branch}/{facts.readme_path}"
    return _file(entry, content, facts.default_branch, url) | {"html_url": html}


def _file(entry: TreeEntry, content: bytes, branch: str, url: str) -> dict[str, Any]:
    is_small = len(content) <= _MAX_CONTENT_SIZE
    return {
        **_content(entry, len(content), branch, url),
        "content": base64_lines(content) if is_small else "",
        "encoding": "base64" if is_small else "none",
    }


def _content(entry: TreeEntry, size: int, branch: str, url: str) -> dict[str, Any]:
    own = f"{url}/contents/{entry.path}?ref={branch}"
    git = f"{url}/git/{entry.type}s/{entry.sha}"
    is_file = entry.type == "blob"
    return {
        "type": "file" if is_file else "dir",
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": size,
        **dict.fromkeys(("url", "html_url"), own),
        "git_url": git,
        "download_url": own if is_file else None,
        "_links": {"self": own, "git": git, "html": own},
    }


def commit_json(content: Any, newest: Commit, url: str) -> dict[str, Any]:
    """Return the body for a write: the file (None after a deletion) and the commit."""
    sha, tree_sha = newest.id.decode(), newest.tree.decode()
    return {
        "content": content,
        "commit": {
            "sha": sha,
            "node_id": f"C_{sha}",
            "url": f"{url}/git/commits/{sha}",
            "html_url": f"{url}/commits/{sha}",
            "message": newest.message.decode(errors="replace"),
            "tree": {"sha": tree_sha, "url": f"{url}/git/trees/{tree_sha}"},
        },
    }


_REPOSITORY_LINKS = """
    archive assignees blobs branches collaborators comments commits compare contents contributors
    deployments downloads events forks git_commits git_refs git_tags hooks issue_comment
    issue_events issues keys labels languages merges milestones notifications pulls releases
    stargazers statuses subscribers subscription tags teams trees html clone git ssh svn
"""
_COUNTS = "forks forks_count open_issues open_issues_count size network_count subscribers_count"
_FLAGS = "fork private has_issues has_projects has_wiki has_pages has_discussions disabled"


def repository_json(facts: OtherRepository, api_url: str) -> dict[str, Any]:
    """Return the metadata of a repository."""
    url = f"{api_url}/repos/{facts.name}"
    owner, _, name = facts.name.partition("/")
    return {
        "id": facts.id,
        "node_id": "R_1",
        "name": name,
        "full_name": facts.name,
        "description": facts.description or None,
        "owner": _user(api_url, owner),
        "url": url,
        "default_branch": facts.default_branch,
        **_links(url, _REPOSITORY_LINKS),
        "html_url": f"{_GITHUB}/{facts.name}",
        **dict.fromkeys(_COUNTS.split(), 0),
        **dict.fromkeys(("stargazers_count", "watchers", "watchers_count"), facts.stars),
        **dict.fromkeys(_FLAGS.split(), False),
        "archived": facts.archived,
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), _WHEN),
    }


def releases_json(facts: OtherRepository, api_url: str) -> list[dict[str, Any]]:
    """Return the releases of a repository, newest first."""
    url = f"{api_url}/repos/{facts.name}"
    author = _user(api_url, facts.name.partition("/")[0])
    return [
        {
            "url": f"{url}/releases/{number}",
            "html_url": f"{_GITHUB}/{facts.name}/releases/tag/{release['tag']}",
            "assets_url": f"{url}/releases/{number}/assets",
            "upload_url": f"{url}/releases/{number}/assets{{?name,label}}",
            "tarball_url": f"{url}/tarball/{release['tag']}",
            "zipball_url": f"{url}/zipball/{release['tag']}",
            "id": number,
            "node_id": f"RE_{number}",
            "tag_name": release["tag"],
            "target_commitish": facts.default_branch,
            "name": release.get("name"),
            "body": release.get("body"),
            "draft": release.get("draft", False),
            "prerelease": release.get("prerelease", False),
            "immutable": False,
            "created_at": release["published_at"],
            "published_at": None if release.get("draft") else release["published_at"],
            "updated_at": release["published_at"],
            "author": author,
            "assets": [],
        }
        for number, release in enumerate(facts.releases, 1)
    ]
