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


def test_one_that_does_not_start_is_passed_over(programs: Path) -> None:
    add(programs, "chromium-browser", 1)
    assert browser.find() is None
    chrome = add(programs, "google-chrome", 0)
    assert browser.find() == chrome
