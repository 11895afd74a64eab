"""The browser of the tests: a Chromium or Chrome that is there, or one that is installed for them.

`make setup` runs this module; the tests ask `find` and fail, with `MISSING`, when there is none.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

MISSING = (
    "No Chromium or Chrome runs on this machine, and the browser tests need one. "
    "Install one, or let `.venv/bin/python -m tests.common.browser` try it."
)

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APPLICATIONS = ("Google Chrome", "Chromium")  # of macOS


def find() -> str | None:
    """The path of a browser that starts; None when there is none."""
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[str]:
    for program in _PROGRAMS:
        path = shutil.which(program)
        if path:
            yield path
    for application in _APPLICATIONS:
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            path = folder / f"{application}.app" / "Contents" / "MacOS" / application
            if path.exists():
                yield str(path)
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).exists():
        yield own


def _starts(path: str) -> bool:
    """Ubuntu's `chromium-browser` only says where to get one, and libraries may be missing."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> str | None:
    """Install a browser: Debian's package where we may, else Playwright's own. Its path."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ["apt-get", "--quiet", "--yes"]
        _try([*apt, "update"])
        _try([*apt, "install", "--no-install-recommends", "chromium", "fonts-liberation"])
        found = find()
        if found:
            return found
    _try([sys.executable, "-m", "playwright", "install", "chromium"])
    return find()


def _try(command: list[str]) -> None:
    print(" ".join(command), file=sys.stderr)  # noqa: T201 — what `make setup` does takes a while
    subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


if __name__ == "__main__":
    sys.exit(None if find() or install() else MISSING)
