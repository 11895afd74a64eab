"""What GitHub's answers about a repository say, as values that fit into Postgres. Pure.

Texts come from strangers: they are bounded, and rid of what Postgres cannot hold. An answer of
another shape than GitHub documents raises `UnexpectedAnswer`.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.github.errors import UnexpectedAnswer
from hub.names.repositories import is_repository

# Bytes. GitHub itself shows no more of a README than 500 KiB ("About READMEs").
LONGEST_README = 512 * 1024
LONGEST_BODY = 64 * 1024  # characters of a release's notes; GitHub allows 125,000
MOST_RELEASES = 30
_MOST_STARS = 2**31 - 1  # Postgres' integer


@dataclass(frozen=True)
class RepositoryFacts:
    """The repository itself. `name` is OWNER/NAME as GitHub writes it now."""

    name: str
    description: str
    stars: int
    archived: bool
    default_branch: str


@dataclass(frozen=True)
class ReadmeFacts:
    path: str
    sha: str
    text: str


@dataclass(frozen=True)
class ReleaseFacts:
    tag: str
    name: str
    body: str
    url: str
    prerelease: bool
    published_at: datetime


def parse_repository(data: Any) -> RepositoryFacts:
    """`GET /repos/{owner}/{repo}`."""
    try:
        facts = RepositoryFacts(
            name=str(data["full_name"]),
            description=_line(data["description"], 300),
            stars=min(max(int(data["stargazers_count"]), 0), _MOST_STARS),
            archived=bool(data["archived"]),
            default_branch=_line(data["default_branch"], 255),
        )
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a repository") from None
    if not is_repository(facts.name):
        raise UnexpectedAnswer("the repository's name is none of GitHub's")
    return facts


def parse_readme(data: Any) -> ReadmeFacts | None:
    """`GET /repos/{owner}/{repo}/readme`; None where GitHub sends no text, that is above 1 MB."""
    try:
        if data["encoding"] == "none":
            return None
        text = base64.b64decode(data["content"])[:LONGEST_README]
        return ReadmeFacts(
            path=_line(data["path"], 255),
            sha=_line(data["sha"], 64),
            text=_storable(text.decode("utf-8", "replace")),
        )
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a README") from None


def parse_releases(data: Any) -> tuple[ReleaseFacts, ...]:
    """`GET /repos/{owner}/{repo}/releases` without drafts, newest first."""
    if not isinstance(data, list):
        raise UnexpectedAnswer("not a list of releases")
    try:
        found = [_release(entry) for entry in data if not entry["draft"]]
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a list of releases") from None
    by_tag = {release.tag: release for release in reversed(found) if 0 < len(release.tag) <= 200}
    newest_first = sorted(by_tag.values(), key=lambda release: release.published_at, reverse=True)
    return tuple(newest_first[:MOST_RELEASES])


def _release(entry: Any) -> ReleaseFacts:
    url = str(entry["html_url"])
    if not url.startswith(("https://", "http://")) or len(url) > 500:
        raise ValueError(url)
    published_at = datetime.fromisoformat(entry["published_at"])
    return ReleaseFacts(
        tag=_line(entry["tag_name"], 201),  # one more than fits, to be seen as too long
        name=_line(entry["name"], 300),
        body=_storable(entry["body"] or "")[:LONGEST_BODY],
        url=_line(url, 500),
        prerelease=bool(entry["prerelease"]),
        published_at=published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC),
    )


def _line(text: str | None, longest: int) -> str:
    """The text in one line, cut off with an ellipsis."""
    line = " ".join(_storable(text or "").split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _storable(text: str) -> str:
    """Without NUL and lone surrogates: JSON may hold them, Postgres' text may not."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
