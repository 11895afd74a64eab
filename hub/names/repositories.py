"""Addresses of repositories. Pure.

Only OWNER/NAME is ever taken from an address that somebody typed: what is asked is always the API
host of the settings.
"""

import re

# GitHub's own rules: names of users and organisations (39 characters), of repositories (100).
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}", re.ASCII)
_PREFIX = "https://github.com/"


class NotARepository(ValueError):
    """The text is no address of a repository at GitHub; the message says what one looks like."""


def repository_of(url: str) -> str:
    """OWNER/NAME of `https://github.com/OWNER/NAME[.git][/]`. Raises `NotARepository`."""
    name = url.strip().removeprefix(_PREFIX).removesuffix("/").removesuffix(".git")
    if not url.strip().startswith(_PREFIX) or not is_repository(name):
        shortened = url if len(url) <= 80 else f"{url[:80]}…"
        raise NotARepository(
            f"“{shortened}” is no repository at GitHub: it has to be https://github.com/OWNER/NAME"
        )
    return name


def is_repository(name: str) -> bool:
    """Whether `name` may be an OWNER/NAME: a path that is made of it stays where it belongs."""
    return _NAME.fullmatch(name) is not None and name.partition("/")[2] not in (".", "..")


def url_of(name: str) -> str:
    """The address of the repository OWNER/NAME."""
    return _PREFIX + name
