"""The files that are the project's own writing."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SUFFIXES = {
    ".py",
    ".md",
    ".html",
    ".js",
    ".css",
    ".yml",
    ".yaml",
    ".toml",
    ".sh",
    ".in",
    ".example",
}
_NAMES = {"Makefile", "Dockerfile", "run"}
_OTHER_AUTHORS = ("tests/data/",)


def own_files(*suffixes: str) -> list[Path]:
    """Return the tracked text files, or only those with one of the suffixes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    ours = [
        path
        for path in paths
        if not path.as_posix().startswith(_OTHER_AUTHORS) and (ROOT / path).exists()
    ]
    if suffixes:
        return [path for path in ours if path.suffix in suffixes]
    return [path for path in ours if path.suffix in _SUFFIXES or path.name in _NAMES]
