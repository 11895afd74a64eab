"""Parse and validate repository URLs. No I/O.

Only OWNER/NAME of a URL is used: requests always go to the API host in the settings.
"""

import re

# GitHub's limits: 39 characters for users and organisations, 100 for repositories.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_PREFIX = "https://github.com/"


class NotARepository(ValueError):
    """The text is not a GitHub repository URL; the message shows the expected format."""


def repository_of(url: str) -> str:
    """Return OWNER/NAME of `https://github.com/OWNER/NAME[.git][/]`. Raises `NotARepository`."""
    name = url.strip().removeprefix(_PREFIX).removesuffix("/").removesuffix(".git")
    if not url.strip().startswith(_PREFIX) or not is_repository(name):
        shortened = url if len(url) <= 80 else f"{url[:80]}…"
        raise NotARepository(
            f"“{shortened}” is not a GitHub repository: the format is https://github.com/OWNER/NAME"
        )
    return name


def is_repository(name: str) -> bool:
    """Return whether `name` is a valid OWNER/NAME, and so is safe in a URL path."""
    return _NAME.fullmatch(name) is not None and name.partition("/")[2] not in (".", "..")


def url_of(name: str) -> str:
    """Return the URL of the repository OWNER/NAME."""
    return _PREFIX + name
