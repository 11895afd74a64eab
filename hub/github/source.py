"""Which folder of which repository the hub reads."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings


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
        """Where people look at the repository; "" where the API belongs to no GitHub, as in tests.

        GitHub's own API has a host of its own, an Enterprise Server's lies below `/api/v3`.
        """
        if self.demo:
            return ""
        if self.api_url == "https://api.github.com":
            return f"https://github.com/{self.repository}"
        server, api, _ = self.api_url.partition("/api/v3")
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
