"""The browser of the tests: a Chromium or Chrome that is there, or one that is installed for them.

`make setup` runs this module. It installs what is missing, or says what to install and fails; so do
the tests of the pages.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APPLICATIONS = ("Google Chrome", "Chromium")  # of macOS
_PLAYWRIGHT = [sys.executable, "-m", "playwright"]
# Debian's packages. Playwright's driver needs the library, which a minimal system lacks.
_BROWSER = ("chromium", "chromium-sandbox", "fonts-liberation")
# Chromium's sandbox refuses root.
FLAGS_OF_USER = ["--no-sandbox"] if os.geteuid() == 0 else []
_LIBRARY = ("libatomic1",)
_APT_INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")


def find() -> str | None:
    """The path of a browser that starts; None when there is none."""
    return next((path for path in _candidates() if _opens_a_page(path)), None)


def missing() -> str:
    """What the tests of the pages lack and how to install it, in one line; "" when all is there."""
    driver, browser = _driver_starts(), find()
    if driver and browser:
        return ""
    if shutil.which("apt-get"):
        packages = (*(() if browser else _BROWSER), *(() if driver else _LIBRARY))
        command = f"apt-get update && {' '.join((*_APT_INSTALL, *packages))}"
        return f"The browser tests need more packages. Run this as root: {command}"
    if not browser:
        return "The browser tests need a Chromium or Chrome that starts. Install one of them."
    return f"Playwright does not start. See why: {' '.join(_PLAYWRIGHT)} --version"


def _candidates() -> Iterator[str]:
    for program in _PROGRAMS:
        path = shutil.which(program)
        if path:
            yield path
    for application in _APPLICATIONS:
        for folder in ("/Applications", f"{os.environ.get('HOME', '')}/Applications"):
            yield f"{folder}/{application}.app/Contents/MacOS/{application}"
    if _driver_starts():
        with sync_playwright() as playwright:
            yield playwright.chromium.executable_path


def _driver_starts() -> bool:
    """Whether Playwright's own Node.js starts: it needs a library that may be missing."""
    return _succeeds([*_PLAYWRIGHT, "--version"])


def _opens_a_page(path: str) -> bool:
    """Ubuntu's `chromium-browser` only says where to get one; libraries may be missing.

    The profile is a new one: a browser that the user has open would show the page instead.
    """
    flags = ["--headless", "--disable-gpu", "--no-first-run", *FLAGS_OF_USER]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        return _succeeds([path, *flags, f"--user-data-dir={profile}", "--dump-dom", "about:blank"])


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Install what is missing: Debian's packages where we may, else Playwright's own browser."""
    root = os.geteuid() == 0
    if root and shutil.which("apt-get"):
        _try("apt-get", "--quiet", "update")
        # One after the other: where there is no such package, the others are installed.
        for packages in (_LIBRARY, _BROWSER):
            _try(*_APT_INSTALL, "--quiet", *packages)
    if _driver_starts() and not find():
        _try(*_PLAYWRIGHT, "install", *(["--with-deps"] if root else []), "chromium")


def _try(*command: str) -> None:
    sys.stderr.write(f"{' '.join(command)}\n")  # it takes a while
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    process = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if process.returncode:
        errors = [line for line in process.stdout.splitlines() if line.startswith(("E: ", "Error"))]
        sys.stderr.write("".join(f"  {line}\n" for line in errors) or "  It failed.\n")


if __name__ == "__main__":
    if missing():
        install()
    sys.exit(missing() or None)
