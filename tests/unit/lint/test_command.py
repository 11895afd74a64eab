"""The command `exporterhub lint`: its exit codes, and its output on a terminal and in a pipe."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from hub import VERSION
from tests.common import contents
from tests.common.processes import ROOT

COMMAND = [sys.executable, "-c", "from hub.lint.command import exporterhub; exporterhub()"]
# An unknown field is an error; a list of rules without a group is a warning.
BROKEN = contents.alert() + b"    expr_: x\n"
FRAGMENT = b"- alert: Down\n  expr: up == 0\n"


def lint(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "lint", *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with a contents folder."""
    for name, alerts in (("Good", contents.alert()), ("Fair", FRAGMENT), ("Bad", BROKEN)):
        (tmp_path / "contents" / name).mkdir(parents=True)
        (tmp_path / "contents" / name / "alert.yaml").write_bytes(alerts)
    (tmp_path / "contents" / "Empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["contents/Good"], 0),
        (["contents/Fair"], 0),
        (["contents/Fair", "--fail-on", "warning"], 1),
        (["contents/Good", "--fail-on", "warning"], 0),
        (["contents/Bad"], 1),
        (["contents/Bad", "--fail-on", "warning"], 1),
        (["contents/Good", "contents/Bad"], 1),
        (["."], 1),
        ([], 2),
        (["nowhere"], 2),
        (["contents/Good/alert.yaml"], 2),
        (["contents/Empty"], 2),
        (["contents/Good", "--format", "xml"], 2),
        (["contents/Good", "--fail-on", "note"], 2),
    ],
)
def test_exit_codes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(folder)
    done = lint(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (code != 2)
    assert bool(done.stderr) == (code == 2)


def test_a_directory_that_is_named_twice_is_checked_once(folder: Path) -> None:
    done = lint(folder, folder / "contents", folder / "contents/Good")
    assert done.stdout.splitlines()[-1] == "3 directories, 3 files: 1 error, 1 warning"


def test_a_pipe_gets_neither_colours_nor_a_progress_bar(folder: Path) -> None:
    done = lint(folder)
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith(f"{folder}/contents/Bad/alert.yaml:10: error: ")
    assert done.stderr == ""


def on_terminal(folder: Path, **variables: str) -> str:
    """Return what a terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "lint", str(folder)],
        env={"PYTHONPATH": str(ROOT), "TERM": "xterm", **variables},
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the end, on Linux
            pass
        os.close(ours)
        assert process.wait() == 1
    return shown.decode()


def test_a_terminal_gets_colours_and_a_progress_bar(folder: Path) -> None:
    shown = on_terminal(folder)
    assert "\x1b[31merror\x1b[0m" in shown
    assert "Checking" in shown
    assert "100%" in shown


def test_a_terminal_without_colours(folder: Path) -> None:
    assert "\x1b[31m" not in on_terminal(folder, NO_COLOR="1")


def test_names_that_the_locale_cannot_encode(folder: Path) -> None:
    name = os.fsdecode("café\N{SNOWMAN}\udce9".encode(errors="surrogateescape"))
    (folder / "contents/Bad").rename(folder / "contents" / name)
    for encoding in ("ascii", "latin-1", "utf-8"):
        done = lint(folder, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (1, "")


def test_its_version() -> None:
    done = subprocess.run(
        [*COMMAND, "--version"], env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert VERSION.encode() in done.stdout


def test_django_is_not_imported(folder: Path) -> None:
    code = "import sys, hub.lint.command; print([n for n in sys.modules if n.startswith('django')])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert done.stdout == b"[]\n"
