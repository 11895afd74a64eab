"""pytest plugin that starts a real Postgres and a real Redis for the test session.

The servers must run before Django reads its settings, so this is a separate plugin (`-p`). If
`DATABASE_URL` or `REDIS_URL` is set, that server is used. The Redis database must be empty, because
the tests delete its data.

With pytest-xdist, each process has its own Redis and fake GitHub, because Celery's workers take all
messages in a queue. The processes share Postgres, with a database for each (pytest-django).
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest
import redis

from hub.ops.local.ports import free_port
from hub.ops.local.postgres import EmbeddedPostgres
from hub.ops.local.valkey import EmbeddedValkey


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Start the servers before pytest-django loads the settings."""
    start()
    return (yield)


_stack = ExitStack()
_OWN_REDIS = "HUB_TESTS_OWN_REDIS"


def start() -> None:
    """Start the servers that the environment does not name, and set the tests' environment."""
    folder = Path(tempfile.mkdtemp(prefix="hub-tests-"))
    folder.chmod(0o711)  # Postgres does not run as root and must reach its cluster
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if "DATABASE_URL" not in os.environ:
        postgres = _stack.enter_context(EmbeddedPostgres(folder, free_port()))
        _disable_durability(postgres.url)
        os.environ["DATABASE_URL"] = postgres.url
    if _OWN_REDIS in os.environ:  # inherited from the parent process
        del os.environ["REDIS_URL"]
    if "REDIS_URL" in os.environ:
        if redis.Redis.from_url(os.environ["REDIS_URL"]).dbsize():
            raise pytest.UsageError(
                "The Redis database in REDIS_URL is not empty. Use an empty one: the tests delete "
                "its data."
            )
    else:
        valkey = _stack.enter_context(EmbeddedValkey(folder, free_port()))
        os.environ["REDIS_URL"] = valkey.url
        os.environ[_OWN_REDIS] = "1"
    os.environ |= {
        "HUB_DATA_DIR": str(folder),  # ignores the hub.env of a hub in this checkout
        "SECRET_KEY": "tests only, never used by a hub: " + "x" * 40,
        "FIELD_ENCRYPTION_KEY": "tests only",
        "HUB_HTTPS": "false",
        "HUB_METRICS_ADDR": "",  # the tests' processes would compete for the default ports
        "HUB_LOG_FORMAT": "text",
        "GITHUB_POINTS_PER_MINUTE": "0",
        "GITHUB_RETRIES": "1",
        "GITHUB_CONNECT_TIMEOUT": "2",
        "GITHUB_READ_TIMEOUT": "2",
        "HUB_MAP_CACHE_SECONDS": "0",  # tests read what they have just written
        "HUB_PAGE_CACHE_SECONDS": "0",
        "GITHUB_REPO": "tests/exporters",
        "GITHUB_API_URL": f"http://127.0.0.1:{free_port()}",
    }
    for name in (
        "GITHUB_TOKEN",
        "HUB_DEMO",
        "GITHUB_BRANCH",
        "GITHUB_CONTENTS_PATH",
        "GITHUB_WEBHOOK_SECRET",
        # With it, each of the processes that tests start compiles all modules of the hub.
        "PYTHONDONTWRITEBYTECODE",
    ):
        os.environ.pop(name, None)


def _disable_durability(url: str) -> None:
    """Speed up the tests, which truncate tables often. Data is lost only if the machine crashes."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                cursor.execute(f"ALTER SYSTEM SET {name} = off")
            cursor.execute("SELECT pg_reload_conf()")


def pytest_unconfigure() -> None:
    """Stop the servers after the tests, even if they failed."""
    _stack.close()
