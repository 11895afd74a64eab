"""The fenced commands of the documents: each runs, or says why no test runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks.commands import Fence, fences, outputs
from tests.checks.files import ROOT, own_files

_DOCUMENTS = [path for path in own_files(".md") if "sample" not in path.parts]
_FENCES = [
    pytest.param(fence, id=f"{path}:{fence.line}")
    for path in _DOCUMENTS
    for fence in fences((ROOT / path).read_text(encoding="utf-8"))
    if path.name != "tutorial.md"
]


def test_which_blocks_are_commands() -> None:
    text = "```sh\na\n```\n\n```python\nb\n```\n\n<!-- not run in tests: slow -->\n```sh\nc\n```\n"
    text += "\n<!-- not run in tests: slow -->\n\nwords\n\n```bash\nd\n```\n"
    assert [(fence.commands, fence.reason) for fence in fences(text)] == [
        ("a\n", ""),
        ("c\n", "slow"),
        ("d\n", ""),
    ]


def test_the_documents_hold_commands() -> None:
    assert len(_FENCES) >= 2


@pytest.mark.parametrize("fence", _FENCES)
def test_commands_run(fence: Fence) -> None:
    if not fence.reason:
        run(fence.commands, ROOT, os.environ.get("PATH", ""))


def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "exporterhub"  # as pip installs it
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from hub.lint.command import exporterhub\nexporterhub()\n"
    )
    program.chmod(0o755)
    tutorial = (ROOT / "docs" / "tutorial.md").read_text()
    commands = "".join(fence.commands for fence in fences(tutorial) if not fence.reason)
    printed = run(commands, tmp_path, f"{program.parent}:{os.environ['PATH']}")
    assert printed == "".join(outputs(tutorial))


def run(commands: str, folder: Path, path: str) -> str:
    """Run commands in a folder, and return what they print."""
    ran = subprocess.run(
        ["sh", "-eu"],
        input=commands,
        cwd=folder,
        env={"PATH": path, "HOME": os.environ.get("HOME", "")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
