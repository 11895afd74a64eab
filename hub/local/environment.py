"""The environment of a local hub's processes, and the file that other terminals read.

`<data folder>/hub.env` (mode 0600) holds what `manage.py` needs: addresses, keys that are made
once and kept, and the demo's token. The user's own GITHUB_TOKEN is never written there.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

# Made at the first start and then kept: without them, stored tokens and sessions are lost.
_KEPT: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(60),
    "FIELD_ENCRYPTION_KEY": lambda: secrets.token_urlsafe(32),
    "FLOWER_BASIC_AUTH": lambda: f"ops:{secrets.token_urlsafe(12)}",
}


def is_demo(environment: Mapping[str, str]) -> bool:
    """Whether the sample contents are served: nobody named a token or another GitHub."""
    return not (environment.get("GITHUB_TOKEN") or environment.get("GITHUB_API_URL"))


def hub_environment(
    given: Mapping[str, str],
    stored: Mapping[str, str | None],
    urls: Mapping[str, str],
    demo_url: str,
) -> dict[str, str]:
    """What the hub's processes get besides the user's environment.

    `given` is the user's environment, which wins; `stored` what an earlier start kept; `urls` the
    embedded servers'; `demo_url` the small GitHub's address.
    """
    made = {name: stored.get(name) or make() for name, make in _KEPT.items()}
    made |= {"HUB_HTTPS": "false", **urls}  # plain HTTP, on loopback only
    if is_demo(given):
        made |= {
            "HUB_DEMO": "true",
            "GITHUB_API_URL": demo_url,
            "GITHUB_REPO": "demo/exporters",
            "GITHUB_BRANCH": "main",
            "GITHUB_CONTENTS_PATH": "contents",
            "GITHUB_TOKEN": stored.get("GITHUB_TOKEN") or f"demo_{secrets.token_urlsafe(24)}",
        }
        return made
    return {name: value for name, value in made.items() if name not in given}


def read(file: Path) -> dict[str, str | None]:
    """What an earlier start kept; empty at the first."""
    return dotenv_values(file, interpolate=False) if file.exists() else {}


def write(file: Path, environment: Mapping[str, str]) -> None:
    """Replace the file whole, readable by its owner alone."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as lines:
        lines.write("# Made by `make run`, anew at each start.\n")
        lines.writelines(f"{name}='{value}'\n" for name, value in sorted(environment.items()))
    new.replace(file)
