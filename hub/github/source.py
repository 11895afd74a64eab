"""Which folder of which repository the hub reads."""

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from django.conf import settings

from hub.github.errors import NotFound

# Neither a repository's name nor a branch's can hold what comes after it.
_KEY = re.compile(r"([^/]*)/([^@]*)@([^:]*):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """A folder at the tip of a branch. Contents of one source are never shown as another's."""

    api_url: str
    repository: str  # OWNER/NAME
    branch: str
    path: str  # "" is the repository's root
    demo: bool = False

    @property
    def key(self) -> str:
        """The name under which Postgres keeps what was learned here."""
        return f"{urlsplit(self.api_url).netloc}/{self.repository}@{self.branch}:{self.path}"

    @property
    def web_url(self) -> str:
        """Where people look at the repository; "" where the API is not GitHub's, as in tests."""
        if self.demo:
            return ""
        if self.api_url == "https://api.github.com":
            return f"https://github.com/{self.repository}"
        server, api, _ = self.api_url.partition("/api/v3")  # of an Enterprise Server
        return f"{server}/{self.repository}" if api else ""

    def page_of(self, path: str, action: str = "blob") -> str:
        """GitHub's page about a path of the contents: `blob`, `tree` or `edit`; "" as above."""
        if not self.web_url:
            return ""
        whole = "/".join(filter(None, (self.path, path)))
        return f"{self.web_url}/{action}/{quote(self.branch)}/{quote(whole)}"


def configured_source() -> Source:
    """The source that the settings name (`GITHUB_*`)."""
    return Source(
        api_url=settings.GITHUB_API_URL,
        repository=settings.GITHUB_REPO,
        branch=settings.GITHUB_BRANCH,
        path=settings.GITHUB_CONTENTS_PATH,
        demo=settings.HUB_DEMO,
    )


def named_source(key: str) -> Source:
    """The source that a row names, of whatever server: to show it, not to ask for it."""
    configured = configured_source()
    found = _KEY.fullmatch(key)
    server, repository, branch, path = found.groups() if found else ("", key, "", "")
    if server != urlsplit(configured.api_url).netloc:
        return Source(f"https://{server}", repository, branch, path)
    return replace(configured, repository=repository, branch=branch, path=path)


def source_of(key: str) -> Source:
    """The source that a run works on. Raises `NotFound` for one of another server."""
    source, api_url = named_source(key), settings.GITHUB_API_URL
    if source.api_url != api_url:
        raise NotFound(f"{key} is not at {api_url}: check GITHUB_API_URL")
    return source
