"""Which folder of which repository the hub reads."""

from dataclasses import dataclass
from urllib.parse import urlsplit

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


def configured_source() -> Source:
    """The source that the settings name (`GITHUB_*`)."""
    return Source(
        api_url=settings.GITHUB_API_URL,
        repository=settings.GITHUB_REPO,
        branch=settings.GITHUB_BRANCH,
        path=settings.GITHUB_CONTENTS_PATH,
        demo=settings.HUB_DEMO,
    )
