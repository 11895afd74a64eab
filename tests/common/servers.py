"""A pytest plugin: a real Postgres and a real Redis for the whole test session.

They have to run before Django reads its settings, hence a plugin of its own (`-p`). Servers named
by `DATABASE_URL` and `REDIS_URL` are used instead; that Redis database must be empty, for the
tests empty it.

Under pytest-xdist, each process has a Redis and a fake GitHub of its own, for Celery's workers
take whatever stands in a queue; Postgres is one, with a database for each (pytest-django).
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
    """Start the servers before pytest-django loads the settings, stop them with pytest."""
    start()
    return (yield)


_stack = ExitStack()
_OURS = "HUB_TESTS_MADE_REDIS"


def start() -> None:
    """Start what the environment does not name, and give the settings what they ask for."""
    folder = Path(tempfile.mkdtemp(prefix="hub-tests-"))
    folder.chmod(0o711)  # Postgres does not run as root and still has to reach its cluster
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if "DATABASE_URL" not in os.environ:
        postgres = _stack.enter_context(EmbeddedPostgres(folder, free_port()))
        _hurry(postgres.url)
        os.environ["DATABASE_URL"] = postgres.url
    if _OURS in os.environ:  # the process that started this one made it
        del os.environ["REDIS_URL"]
    if "REDIS_URL" in os.environ:
        if redis.Redis.from_url(os.environ["REDIS_URL"]).dbsize():
            raise pytest.UsageError("REDIS_URL must name an empty database: the tests empty it")
    else:
        valkey = _stack.enter_context(EmbeddedValkey(folder, free_port()))
        os.environ["REDIS_URL"] = valkey.url
        os.environ[_OURS] = "1"
    os.environ |= {
        "HUB_DATA_DIR": str(folder),  # no hub.env of a hub that runs in this checkout
        "SECRET_KEY": "tests only, never used by a hub: " + "x" * 40,
        "FIELD_ENCRYPTION_KEY": "tests only",
        "HUB_HTTPS": "false",
        "GITHUB_POINTS_PER_MINUTE": "0",
        "GITHUB_RETRIES": "1",
        "GITHUB_CONNECT_TIMEOUT": "2",
        "GITHUB_READ_TIMEOUT": "2",
        "HUB_MAP_CACHE_SECONDS": "0",  # each test reads what it has just written
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
    ):
        os.environ.pop(name, None)


def _hurry(url: str) -> None:
    """Let the tests' Postgres forget all in a crash of the machine: their tables are emptied often.

    A crash of Postgres alone loses nothing by it.
    """
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                cursor.execute(f"ALTER SYSTEM SET {name} = off")
            cursor.execute("SELECT pg_reload_conf()")


def pytest_unconfigure() -> None:
    """Stop the servers, whatever the tests came to."""
    _stack.close()
