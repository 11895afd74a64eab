"""Parse GitHub's responses about a repository into values that fit into Postgres. No I/O.

The texts are untrusted input: they are truncated, and characters that Postgres cannot store are
replaced. A response that does not match GitHub's documentation raises `UnexpectedAnswer`.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.github.errors import UnexpectedAnswer
from hub.names.repositories import is_repository

# Bytes. GitHub itself shows at most 500 KiB of a README ("About READMEs").
MAX_README_SIZE = 512 * 1024
MAX_BODY_LENGTH = 64 * 1024  # characters of a release's notes; GitHub allows 125,000
MAX_RELEASES = 30
_MAX_STARS = 2**31 - 1  # Postgres' integer


@dataclass(frozen=True)
class RepositoryFacts:
    """Facts about the repository. `name` is its current OWNER/NAME."""

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
    """Parse `GET /repos/{owner}/{repo}`."""
    try:
        facts = RepositoryFacts(
            name=str(data["full_name"]),
            description=_line(data["description"], 300),
            stars=min(max(int(data["stargazers_count"]), 0), _MAX_STARS),
            archived=bool(data["archived"]),
            default_branch=_line(data["default_branch"], 255),
        )
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a repository") from None
    if not is_repository(facts.name):
        raise UnexpectedAnswer("not a valid repository name")
    return facts


def parse_readme(data: Any) -> ReadmeFacts | None:
    """Parse `GET /repos/{owner}/{repo}/readme`; None if GitHub sends no text (above 1 MB)."""
    try:
        if data["encoding"] == "none":
            return None
        text = base64.b64decode(data["content"])[:MAX_README_SIZE]
        return ReadmeFacts(
            path=_line(data["path"], 255),
            sha=_line(data["sha"], 64),
            text=_storable(text.decode("utf-8", "replace")),
        )
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a README") from None


def parse_releases(data: Any) -> tuple[ReleaseFacts, ...]:
    """Parse `GET /repos/{owner}/{repo}/releases`: newest first, without drafts."""
    if not isinstance(data, list):
        raise UnexpectedAnswer("not a list of releases")
    try:
        found = [_release(entry) for entry in data if not entry["draft"]]
    except (KeyError, TypeError, ValueError):
        raise UnexpectedAnswer("not a list of releases") from None
    by_tag = {release.tag: release for release in reversed(found) if 0 < len(release.tag) <= 200}
    newest_first = sorted(by_tag.values(), key=lambda release: release.published_at, reverse=True)
    return tuple(newest_first[:MAX_RELEASES])


def _release(entry: Any) -> ReleaseFacts:
    url = str(entry["html_url"])
    if not url.startswith(("https://", "http://")) or len(url) > 500:
        raise ValueError(url)
    published_at = datetime.fromisoformat(entry["published_at"])
    return ReleaseFacts(
        tag=_line(entry["tag_name"], 201),  # the column holds 200: longer tags are dropped
        name=_line(entry["name"], 300),
        body=_storable(entry["body"] or "")[:MAX_BODY_LENGTH],
        url=_line(url, 500),
        prerelease=bool(entry["prerelease"]),
        published_at=published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC),
    )


def _line(text: str | None, max_length: int) -> str:
    """Return the text as one line, truncated with an ellipsis."""
    line = " ".join(_storable(text or "").split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def _storable(text: str) -> str:
    """Replace NUL and lone surrogates: JSON allows them, Postgres does not."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
