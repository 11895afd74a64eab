"""Find or install the browser for the tests: Chromium or Chrome.

`make setup` runs this module. It installs missing packages. If that is not possible, it prints what
to install and fails; the browser tests do the same.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APPLICATIONS = ("Google Chrome", "Chromium")  # on macOS
_PLAYWRIGHT = [sys.executable, "-m", "playwright"]
# Debian packages. Playwright's driver needs the library, which minimal systems do not have.
_BROWSER = ("chromium", "chromium-sandbox", "fonts-liberation")
# Chromium's sandbox does not work for root.
FLAGS_OF_USER = ["--no-sandbox"] if os.geteuid() == 0 else []
_LIBRARY = ("libatomic1",)
_APT_INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")


def find() -> str | None:
    """Return the path of a working browser, or None."""
    return next((path for path in _candidates() if _opens_a_page(path)), None)


def missing() -> str:
    """Return one line that says what is missing and how to install it, or ""."""
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
    """Return whether Playwright's Node.js starts: it needs a library that may be missing."""
    return _succeeds([*_PLAYWRIGHT, "--version"])


def _opens_a_page(path: str) -> bool:
    """Return whether the browser opens a page.

    Libraries may be missing, and Ubuntu's `chromium-browser` only prints where to get a browser.
    The profile is new, because otherwise a browser that is already running would open the page.
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
    """Install missing packages: Debian's if this is root, otherwise Playwright's browser."""
    root = os.geteuid() == 0
    if root and shutil.which("apt-get"):
        _try("apt-get", "--quiet", "update")
        # Separately, so that a package that does not exist does not block the others.
        for packages in (_LIBRARY, _BROWSER):
            _try(*_APT_INSTALL, "--quiet", *packages)
    if _driver_starts() and not find():
        _try(*_PLAYWRIGHT, "install", *(["--with-deps"] if root else []), "chromium")


def _try(*command: str) -> None:
    sys.stderr.write(f"{' '.join(command)}\n")  # shows progress: this takes a while
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
