"""Versions of an exporter's contents, as folders name them (`nc/v1.2.3/…`). Pure."""

import re
from collections.abc import Iterable

from packaging.version import Version

# Possessive, for a folder may have any name, and no backtracking finds more.
_VERSION_FOLDER = re.compile(
    r"(?:v\.?)?\d++(?:\.\d++)++(?:[-+.]?[0-9a-z])*+|v\.?\d+", re.ASCII | re.IGNORECASE
)


def version_of(path: str) -> str:
    """The version whose folder `path` lies in, as the folder writes it; "" outside of any."""
    folders = path.split("/")[:-1]
    return next((folder for folder in folders if _VERSION_FOLDER.fullmatch(folder)), "")


def newest_first(versions: Iterable[str]) -> list[str]:
    """The versions without repetition, newest first: 0.10 before 0.9, 1.0.0 before 1.0.0-rc1.

    What is no version at all comes last; the newest is the default of a page.
    """
    return sorted(set(versions), key=_order, reverse=True)


def _order(version: str) -> tuple[int, Version, str]:
    try:
        return 1, Version(version), version
    except ValueError:  # no version by PEP 440, or one with thousands of digits
        numbers = re.findall(r"[0-9]+", version)[:8]
        if not numbers:
            return 0, Version("0"), version
        return 1, Version(".".join(number[:18] for number in numbers)), version
