"""The environment of a local hub's processes, and the file that other terminals read.

`<data folder>/hub.env` (mode 0600) holds what `manage.py` needs: addresses, keys that are made
once and kept, and the demo's token. The user's own GITHUB_TOKEN is never written there.
"""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from hub.ops.local.server import write_private

# Made at the first start and then kept: without them, stored tokens and sessions are lost.
_KEPT: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(60),
    "FIELD_ENCRYPTION_KEY": lambda: secrets.token_urlsafe(32),
    "FLOWER_BASIC_AUTH": lambda: f"ops:{secrets.token_urlsafe(12)}",
    "GITHUB_WEBHOOK_SECRET": lambda: secrets.token_urlsafe(32),
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
    """What `hub.env` holds: all that the hub's processes need besides the user's environment.

    `given` is the user's environment, and nothing that it names is made; `stored` what an earlier
    start kept; `urls` the embedded servers'; `demo_url` the fake GitHub's address.
    """
    kept = {name: stored.get(name) for name in _KEPT}
    kept |= {name: make() for name, make in _KEPT.items() if not (kept[name] or given.get(name))}
    run = {"HUB_HTTPS": "false", **urls}  # plain HTTP, on loopback only
    made = {name: value for name, value in run.items() if not given.get(name)}
    made |= {name: value for name, value in kept.items() if value}
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
    """The whole environment of the hub's processes: what the user set wins, but for the demo's."""
    demo = is_demo(given)
    return {
        **given,
        **{
            name: value
            for name, value in made.items()
            if not given.get(name) or (demo and name.startswith("GITHUB_") and name not in _KEPT)
        },
    }


def read(file: Path) -> dict[str, str | None]:
    """What an earlier start kept; empty at the first."""
    return dotenv_values(file, interpolate=False) if file.exists() else {}


def write(file: Path, environment: Mapping[str, str]) -> None:
    """Replace the file whole, readable by its owner alone."""
    lines = [f"{name}={_quote(value)}\n" for name, value in sorted(environment.items())]
    write_private(file, "".join(["# Made by `make run`, anew at each start.\n", *lines]))


def _quote(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
