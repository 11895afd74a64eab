"""The environment of a local hub's processes, and the file that other terminals read.

`<data folder>/hub.env` (mode 0600) holds addresses, generated keys and the demo's token, but never
the user's own GITHUB_TOKEN.
"""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from hub.ops.local.server import write_private

# Made at the first start and kept: without them, stored tokens and sessions are lost.
_KEPT: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(60),
    "FIELD_ENCRYPTION_KEY": lambda: secrets.token_urlsafe(32),
    "FLOWER_BASIC_AUTH": lambda: f"ops:{secrets.token_urlsafe(12)}",
    "GITHUB_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(32),
}


def is_demo(environment: Mapping[str, str]) -> bool:
    """Whether the sample contents are served: neither a token nor another GitHub is set."""
    return not (environment.get("GITHUB_TOKEN") or environment.get("GITHUB_API_URL"))


def hub_environment(
    given: Mapping[str, str],
    stored: Mapping[str, str | None],
    urls: Mapping[str, str],
    demo_url: str,
) -> dict[str, str]:
    """What `hub.env` holds: all that the hub's processes need besides the user's environment.

    `given` is the user's environment, `stored` what an earlier start kept, `urls` the embedded
    servers' addresses and `demo_url` the fake GitHub's.
    """
    run = {"HUB_HTTPS": "false", **urls}  # plain HTTP, on loopback only
    made = {name: value for name, value in run.items() if not given.get(name)}
    for name, make in _KEPT.items():
        if value := stored.get(name) or (not given.get(name) and make()):
            made[name] = value
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


def for_processes(given: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    """The environment of the hub's processes: what the user set wins, except in the demo."""
    environment = dict(given)
    for name, value in made.items():
        is_demos = is_demo(given) and name.startswith("GITHUB_") and name not in _KEPT
        if is_demos or not given.get(name):
            environment[name] = value
    return environment


def read(file: Path) -> dict[str, str | None]:
    """What an earlier start kept; empty before the first."""
    return dotenv_values(file, interpolate=False) if file.exists() else {}


def write_environment(file: Path, environment: Mapping[str, str]) -> None:
    """Replace the file whole, readable by its owner alone."""
    lines = [f"{name}={_quote(value)}\n" for name, value in sorted(environment.items())]
    write_private(file, "".join(["# Made by `make run`, anew at each start.\n", *lines]))


def _quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
