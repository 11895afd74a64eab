"""Which browser the tests take."""

from pathlib import Path

import pytest

from tests.common import browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but the programs in this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(browser, "_APPLICATIONS", ())
    return tmp_path


def add(folder: Path, name: str, exit_code: int) -> str:
    program = folder / name
    program.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    program.chmod(0o755)
    return str(program)


def test_without_one_there_is_none(programs: Path) -> None:
    assert browser.find() is None


def test_what_is_missing_is_one_command_for_root(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(programs, "apt-get", 0)
    add(programs, "google-chrome", 0)
    assert browser.missing() == ""
    monkeypatch.setattr(browser, "_PLAYWRIGHT", [add(programs, "node", 127)])
    install = "apt-get update && apt-get install --yes --no-install-recommends"
    assert browser.missing().endswith(f"Run this as root: {install} libatomic1")
    (programs / "google-chrome").unlink()
    assert browser.missing().endswith(
        f"{install} chromium chromium-sandbox fonts-liberation libatomic1"
    )


def test_without_apt_it_is_said_what_is_missing(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.missing().startswith("The browser tests need a Chromium or Chrome")
    add(programs, "chromium", 0)
    monkeypatch.setattr(browser, "_PLAYWRIGHT", [add(programs, "node", 127)])
    assert browser.missing().startswith("Playwright does not start.")


@pytest.mark.parametrize("home", ["/nonexistent", "/proc/1/root", None])
def test_the_home_folder_need_not_be_there(
    programs: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.setattr(browser, "_APPLICATIONS", ("Chromium",))
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    assert browser.find() is None


def test_one_that_does_not_start_is_passed_over(programs: Path) -> None:
    add(programs, "chromium-browser", 1)
    assert browser.find() is None
    chrome = add(programs, "google-chrome", 0)
    assert browser.find() == chrome
