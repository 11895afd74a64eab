"""GitHub's JSON for what the repository holds. Pure: no HTTP, no limits."""

import base64
from datetime import UTC, datetime
from typing import Any

from dulwich.objects import Commit

from hub.demo.fake_github.others import OtherRepository
from hub.demo.fake_github.repository import Entry, Repository
from hub.github.git_objects import blob_sha

_GITHUB = "https://github.com"
_FILE_WITHOUT_CONTENT = 1024 * 1024  # bytes; larger files come without content
_MOST_ENTRIES_OF_A_FOLDER = 1000
USER: dict[str, Any] = {
    "login": "fake-github",
    "id": 1,
    "node_id": "U_1",
    "type": "User",
    "site_admin": False,
    "gravatar_id": "",
    "name": "Fake GitHub",
}


def base64_lines(content: bytes) -> str:
    """Base64 in lines of 60, each ended, as GitHub sends it."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[i : i + 60]}\n" for i in range(0, len(text), 60))


def user(url: str, login: str = str(USER["login"])) -> dict[str, Any]:
    """A user with the addresses that GitHub's schema asks for."""
    own = f"{url}/users/{login}"
    links = {
        name: f"{own}/{name.removesuffix('_url')}"
        for name in (
            "followers_url",
            "following_url",
            "gists_url",
            "starred_url",
            "subscriptions_url",
            "organizations_url",
            "repos_url",
            "events_url",
            "received_events_url",
        )
    }
    return {
        **USER,
        "login": login,
        "url": own,
        "html_url": own,
        "avatar_url": f"{own}/avatar.png",
        **links,
    }


def signed_in_user(url: str) -> dict[str, Any]:
    """The user that the token belongs to, as others may see them."""
    unknown = ("bio", "blog", "company", "email", "hireable", "location")
    counts = ("followers", "following", "public_gists", "public_repos")
    return {
        **user(url),
        "user_view_type": "public",
        **dict.fromkeys(unknown),
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(("created_at", "updated_at"), "2026-01-01T00:00:00Z"),
    }


def tree(
    repository: Repository, sha: str, url: str, *, recursive: bool, most: int
) -> dict[str, Any]:
    """A git tree; `truncated` when it has more than `most` entries."""
    found = list(repository.walk(sha) if recursive else repository.entries(sha))
    return {
        "sha": sha,
        "url": f"{url}/git/trees/{sha}",
        "tree": [_tree_entry(repository, entry, url) for entry in found[:most]],
        "truncated": len(found) > most,
    }


def _tree_entry(repository: Repository, entry: Entry, url: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "path": entry.path,
        "mode": f"{entry.mode:06o}",
        "type": entry.type,
        "sha": entry.sha,
    }
    if entry.type == "blob":
        answer["size"] = len(repository.blob(entry.sha) or b"")
    if entry.type != "commit":
        answer["url"] = f"{url}/git/{entry.type}s/{entry.sha}"
    return answer


def blob(sha: str, content: bytes, url: str) -> dict[str, Any]:
    """A git blob."""
    return {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": len(content),
        "url": f"{url}/git/blobs/{sha}",
        "content": base64_lines(content),
        "encoding": "base64",
    }


def contents(repository: Repository, entry: Entry, branch: str, url: str) -> Any:
    """A file with its content, or a folder's first 1,000 entries."""
    if entry.type == "tree":
        children = repository.entries(entry.sha)[:_MOST_ENTRIES_OF_A_FOLDER]
        prefix = f"{entry.path}/" if entry.path else ""
        return [
            _content(repository, Entry(prefix + child.path, child.mode, child.sha), branch, url)
            for child in children
        ]
    data = repository.blob(entry.sha) or b""
    small = len(data) <= _FILE_WITHOUT_CONTENT
    return {
        **_content(repository, entry, branch, url),
        "content": base64_lines(data) if small else "",
        "encoding": "base64" if small else "none",
    }


def _content(repository: Repository, entry: Entry, branch: str, url: str) -> dict[str, Any]:
    own = f"{url}/contents/{entry.path}?ref={branch}"
    git = f"{url}/git/{entry.type}s/{entry.sha}"
    is_file = entry.type == "blob"
    return {
        "type": "file" if is_file else "dir",
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": len(repository.blob(entry.sha) or b"") if is_file else 0,
        "url": own,
        "git_url": git,
        "html_url": own,
        "download_url": own if is_file else None,
        "_links": {"self": own, "git": git, "html": own},
    }


def commit(found: Commit, url: str) -> dict[str, Any]:
    """A commit as the list of commits has it."""
    sha = found.id.decode()
    when = datetime.fromtimestamp(found.commit_time, UTC).isoformat().replace("+00:00", "Z")
    person = {"name": "Fake GitHub", "email": "fake@github.invalid", "date": when}
    own = f"{url}/commits/{sha}"
    tree_sha = found.tree.decode()
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": own,
        "html_url": own,
        "comments_url": f"{own}/comments",
        "commit": {
            "url": f"{url}/git/commits/{sha}",
            "author": person,
            "committer": person,
            "message": found.message.decode(errors="replace"),
            "comment_count": 0,
            "tree": {"sha": tree_sha, "url": f"{url}/git/trees/{tree_sha}"},
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": parent.decode(), "url": f"{url}/commits/{parent.decode()}"}
            for parent in found.parents
        ],
    }


_REPOSITORY_LINKS = """
    archive assignees blobs branches collaborators comments commits compare contents contributors
    deployments downloads events forks git_commits git_refs git_tags hooks issue_comment
    issue_events issues keys labels languages merges milestones notifications pulls releases
    stargazers statuses subscribers subscription tags teams trees html clone git ssh svn
"""
_REPOSITORY_COUNTS = """
    forks forks_count open_issues open_issues_count size stargazers_count watchers
    watchers_count network_count subscribers_count
"""


def repository(name: str, branch: str, url: str, api_url: str) -> dict[str, Any]:
    """The repository's own facts."""
    flags = ("fork", "private", "has_issues", "has_projects", "has_wiki", "has_pages")
    return {
        "id": 1,
        "node_id": "R_1",
        "name": name.partition("/")[2],
        "full_name": name,
        "description": "Served by the fake GitHub",
        "owner": user(api_url),
        "url": url,
        "default_branch": branch,
        **{f"{link}_url": f"{url}/{link}" for link in _REPOSITORY_LINKS.split()},
        **dict.fromkeys(_REPOSITORY_COUNTS.split(), 0),
        **dict.fromkeys((*flags, "has_discussions", "archived", "disabled"), False),
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **dict.fromkeys(("pushed_at", "created_at", "updated_at"), "2026-01-01T00:00:00Z"),
    }


def other_repository(other: OtherRepository, api_url: str) -> dict[str, Any]:
    """The facts of a repository whose files are not served."""
    url = f"{api_url}/repos/{other.name}"
    return {
        **repository(other.name, other.default_branch, url, api_url),
        "owner": user(api_url, other.name.partition("/")[0]),
        "html_url": f"{_GITHUB}/{other.name}",
        "description": other.description or None,
        "stargazers_count": other.stars,
        "watchers": other.stars,
        "watchers_count": other.stars,
        "archived": other.archived,
    }


def other_readme(other: OtherRepository, api_url: str) -> dict[str, Any]:
    """The README of such a repository; it has one."""
    content, path = other.readme or b"", other.readme_path
    sha = blob_sha(content)
    own = f"{api_url}/repos/{other.name}/contents/{path}?ref={other.default_branch}"
    git = f"{api_url}/repos/{other.name}/git/blobs/{sha}"
    html = f"{_GITHUB}/{other.name}/blob/{other.default_branch}/{path}"
    small = len(content) <= _FILE_WITHOUT_CONTENT
    return {
        "type": "file",
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "size": len(content),
        "url": own,
        "git_url": git,
        "html_url": html,
        "download_url": own,
        "_links": {"self": own, "git": git, "html": html},
        "content": base64_lines(content) if small else "",
        "encoding": "base64" if small else "none",
    }


def other_releases(other: OtherRepository, api_url: str) -> list[dict[str, Any]]:
    """The releases of such a repository, newest first."""
    return [_release(other, number, api_url) for number in range(len(other.releases))]


def _release(other: OtherRepository, number: int, api_url: str) -> dict[str, Any]:
    release = other.releases[number]
    own = f"{api_url}/repos/{other.name}/releases/{number + 1}"
    draft = release.get("draft", False)
    balls = f"{api_url}/repos/{other.name}"
    return {
        "url": own,
        "html_url": f"{_GITHUB}/{other.name}/releases/tag/{release['tag']}",
        "assets_url": f"{own}/assets",
        "upload_url": f"{own}/assets{{?name,label}}",
        "tarball_url": f"{balls}/tarball/{release['tag']}",
        "zipball_url": f"{balls}/zipball/{release['tag']}",
        "id": number + 1,
        "node_id": f"RE_{number + 1}",
        "tag_name": release["tag"],
        "target_commitish": other.default_branch,
        "name": release.get("name"),
        "body": release.get("body"),
        "draft": draft,
        "prerelease": release.get("prerelease", False),
        "immutable": False,
        "created_at": release["published_at"],
        "published_at": None if draft else release["published_at"],
        "updated_at": release["published_at"],
        "author": user(api_url, other.name.partition("/")[0]),
        "assets": [],
    }


def branch(name: str, newest: Commit, url: str) -> dict[str, Any]:
    """A branch with its newest commit."""
    own = f"{url}/branches/{name}"
    return {
        "name": name,
        "commit": commit(newest, url),
        "_links": {"html": own, "self": own},
        "protected": False,
        "protection": {},
        "protection_url": f"{own}/protection",
    }
