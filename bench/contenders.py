"""What the refresh is measured against, each in a process of its own.

`python -m bench.contenders serial|threadpool DIRECTORIES [WIDTH]` prints its seconds and requests
as JSON. As a Celery app it has the serial one as a task.
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from urllib.parse import quote

import requests
from celery import Celery

from bench.repository import directory

SERIAL = "bench.serial"
QUEUE = "serial"

# Without Celery's adaptation to Django, which would make it the hub's own app.
app = Celery("contenders", broker=os.environ.get("REDIS_URL"), fixups=[], set_as_current=False)
app.conf.update(result_backend=os.environ.get("REDIS_URL"), task_default_queue=QUEUE)


@app.task(name=SERIAL)
def serial(directories: int) -> int:
    """The replaced algorithm: a request for each directory, one after the other; how many.

    ExporterHub.io asked the contents API for the directory of each exporter that it knew, with a
    connection each.
    """
    api, repository = os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPO"]
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "User-Agent": "bench"}
    for number in range(directories):
        url = f"{api}/repos/{repository}/contents/contents/{quote(directory(number))}"
        found = requests.get(url, headers=headers, timeout=30).json()
        assert found[0]["path"].startswith("contents/"), found
    return directories


def threadpool(width: int) -> Callable[[], int]:
    """A plain thread pool with the hub's own GitHub client: the same requests, and no more.

    No Postgres, no Redis, nothing judged and nothing kept.
    """
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

    from hub.content.judgement import worth_reading
    from hub.github.budget import RequestBudget
    from hub.github.client import GitHubClient
    from hub.github.source import configured_source
    from hub.github.tokens import RateLimit, Token, TokenPool

    class OneToken(TokenPool):
        """Chooses without asking Postgres."""

        def choose(self, *, afresh: bool = False) -> Token:
            return Token(1, os.environ["GITHUB_TOKEN"])

        def answered(self, token: Token, rate: RateLimit | None) -> None:
            """Writes nothing."""

    source = configured_source()
    client = GitHubClient(source.api_url, OneToken(), RequestBudget(0, os.environ["REDIS_URL"]))

    def look_up(sha: str) -> int:
        tree = client.tree(source.repository, sha, recursive=True).data["tree"]
        shas = {
            entry["sha"]
            for entry in tree
            if entry["type"] == "blob" and worth_reading(entry["path"], entry["size"])
        }
        for blob in shas:
            client.blob(source.repository, blob)
        return 1 + len(shas)

    def refresh() -> int:
        root = client.tree(source.repository, source.branch).data["tree"]
        contents = next(entry["sha"] for entry in root if entry["path"] == source.path)
        listed = client.tree(source.repository, contents).data["tree"]
        with ThreadPoolExecutor(width) as pool:
            return 2 + sum(pool.map(look_up, [entry["sha"] for entry in listed]))

    return refresh


def main(name: str, directories: str, width: str = "32") -> None:
    """Run the contender that is named, and print what it took."""
    run = threadpool(int(width)) if name == "threadpool" else lambda: serial(int(directories))
    started = perf_counter()
    asked = run()
    sys.stdout.write(json.dumps({"seconds": perf_counter() - started, "requests": asked}))


if __name__ == "__main__":
    main(*sys.argv[1:])
