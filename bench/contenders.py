"""The algorithm that the refresh replaces."""

from urllib.parse import quote

import requests

from bench.repository import directory
from bench.stage import REPOSITORY, token


def serial(api: str, directories: int) -> None:
    """A request for each directory, one after the other.

    ExporterHub.io asked the contents API for the directory of each exporter that it knew, with a
    connection for each.
    """
    headers = {"Authorization": f"Bearer {token(0)}", "User-Agent": "bench"}
    for number in range(directories):
        url = f"{api}/repos/{REPOSITORY}/contents/contents/{quote(directory(number))}"
        found = requests.get(url, headers=headers, timeout=30).json()
        assert found[0]["path"].startswith("contents/"), found
