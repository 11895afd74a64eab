"""The repositories that the hub's catalogue points at: only their facts are served."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.demo.fake_github.repository import Repository


@dataclass
class OtherRepository:
    """A repository's README, releases and stars; most have no files."""

    name: str  # OWNER/NAME
    description: str = ""
    stars: int = 0
    archived: bool = False
    default_branch: str = "main"
    readme: bytes | None = None
    readme_path: str = "README.md"
    # [{"tag", "published_at", "name"?, "body"?, "prerelease"?, "draft"?}, …], newest first
    releases: list[dict[str, Any]] = field(default_factory=list)
    renamed_from: list[str] = field(default_factory=list)  # OWNER/NAME answered with 301
    files: Repository | None = None  # of the one repository that is served whole


def of_file(file: Path) -> list[OtherRepository]:
    """The repositories of a JSON file: {OWNER/NAME: fields}.

    The README of OWNER/NAME is beside the file, as `repositories/OWNER/NAME.md`.
    """
    others = []
    for name, fields in json.loads(file.read_text(encoding="utf-8")).items():
        readme = file.parent / "repositories" / f"{name}.md"
        text = readme.read_bytes() if readme.is_file() else None
        others.append(OtherRepository(name=name, readme=text, **fields))
    return others
