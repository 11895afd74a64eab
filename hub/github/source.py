"""The source of the contents: a folder of a GitHub repository."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings

from hub.github.errors import NotFound

# Unambiguous: repository names cannot contain "@", and branch names cannot contain ":".
_KEY = re.compile(r"([^/]*)/([^@]*)@([^:]*):(.*)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """A folder at the tip of a branch. Contents of different sources are never mixed."""

    api_url: str
    repository: str  # OWNER/NAME
    branch: str
    path: str  # "" is the repository's root
    demo: bool = False
    renamed_to: str = ""  # the repository's current name, for links to GitHub

    @property
    def current_repository(self) -> str:
        """The repository's name on GitHub, also after a rename."""
        return self.renamed_to or self.repository

    @property
    def key(self) -> str:
        """The value of the `source` columns in Postgres."""
        return f"{urlsplit(self.api_url).netloc}/{self.repository}@{self.branch}:{self.path}"

    @property
    def web_url(self) -> str:
        """The repository's web page; "" if the API is not GitHub's, as in the demo and tests."""
        if self.demo:
            return ""
        if self.api_url == "https://api.github.com":
            return f"https://github.com/{self.current_repository}"
        server, api, _ = self.api_url.partition("/api/v3")  # GitHub Enterprise Server
        return f"{server}/{self.current_repository}" if api else ""

    def path_of(self, *names: str) -> str:
        """Return the path in the repository of a directory or file below the source's folder."""
        return "/".join(filter(None, (self.path, *names)))

    def page_of(self, path: str, action: str = "blob") -> str:
        """Return GitHub's `blob`, `tree`, `edit` or `new` page of a path; "" without a web page."""
        if not self.web_url:
            return ""
        return f"{self.web_url}/{action}/{quote(self.branch)}/{quote(self.path_of(path))}"


def configured_source() -> Source:
    """Return the source in the settings (`GITHUB_*`): the one that is served and refreshed.

    A run works on `source_of(run.source)`, because the settings may have changed since it started.
    """
    return Source(
        api_url=settings.GITHUB_API_URL,
        repository=settings.GITHUB_REPO,
        branch=settings.GITHUB_BRANCH,
        path=settings.GITHUB_CONTENTS_PATH,
        demo=settings.HUB_DEMO,
    )


def source_for_display(key: str) -> Source:
    """Parse a source key of any server, for display only: use `source_of` for requests."""
    found = _KEY.fullmatch(key)
    server, repository, branch, path = found.groups() if found else ("", key, "", "")
    if server != urlsplit(settings.GITHUB_API_URL).netloc:
        return Source(f"https://{server}", repository, branch, path)
    return Source(settings.GITHUB_API_URL, repository, branch, path, settings.HUB_DEMO)


def source_of(key: str) -> Source:
    """Parse the source key of a run. Raises `NotFound` if it is on another server."""
    source, api_url = source_for_display(key), settings.GITHUB_API_URL
    if source.api_url != api_url:
        raise NotFound(f"{key} is not on {api_url}: check GITHUB_API_URL")
    return source
