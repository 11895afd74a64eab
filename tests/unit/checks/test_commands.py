"""The fenced commands of README.md and CONTRIBUTING.md: each runs, or says why no test runs it."""

import os
import subprocess

import pytest

from tests.checks.commands import Fence, fences
from tests.checks.files import ROOT

_DOCUMENTS = ("README.md", "CONTRIBUTING.md")
_FENCES = [
    pytest.param(fence, id=f"{name}:{fence.line}")
    for name in _DOCUMENTS
    for fence in fences((ROOT / name).read_text(encoding="utf-8"))
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
    if fence.reason:
        return
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ran = subprocess.run(
        ["sh", "-eu"],
        input=fence.commands,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
