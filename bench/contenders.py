"""The serial algorithm that the refresh replaces."""

from urllib.parse import quote

import requests

from bench.repository import directory
from bench.stage import REPOSITORY, token


def serial(api: str, directories: int) -> None:
    """Request all directories one after the other, each over a new connection.

    ExporterHub.io requested the directory of each known exporter from GitHub's contents API.
    """
    headers = {"Authorization": f"Bearer {token(0)}", "User-Agent": "bench"}
    for number in range(directories):
        url = f"{api}/repos/{REPOSITORY}/contents/contents/{quote(directory(number))}"
        found = requests.get(url, headers=headers, timeout=30).json()
        assert found[0]["path"].startswith("contents/"), found
