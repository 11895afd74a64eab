"""No token, ever, in Redis, in Flower's API, in logs, in pages or in Postgres in the clear."""

from collections.abc import Iterator

import pytest
import redis
import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from hub.demo.smallgithub import Fault
from hub.demo.smallgithub import faults as f
from hub.local.ports import free_port
from hub.models import GitHubToken, RefreshRun
from tests.common.processes import Process
from tests.common.waiting import wait_until
from tests.conftest import TOKEN, Hub

FLOWER = ("ops", "only-for-this-test")


@pytest.fixture
def flower(hub: Hub) -> Iterator[str]:
    """A real Flower; its address."""
    port = free_port()
    process = Process(
        "celery",
        "--app=config",
        "flower",
        "--address=127.0.0.1",
        f"--port={port}",
        env={"FLOWER_BASIC_AUTH": ":".join(FLOWER)},
    )
    process.start()
    try:
        process.wait_for_output("Connected to redis")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()
        assert TOKEN not in process.output()


def everything_in_redis() -> bytes:
    """Every key of the test session's Redis with its value, whatever its kind."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    read = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return repr([(key, read[client.type(key)](key)) for key in client.scan_iter()]).encode()


def everything_in_postgres() -> bytes:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += cursor.fetchall()
    return repr(rows).encode()


def test_a_token_is_nowhere_to_be_seen(hub: Hub, flower: str) -> None:
    hub.fill("Redis/alert.yaml", "Kafka/alert.yaml", "Node/alert.yaml")
    admin = Client()
    admin.force_login(User.objects.create_superuser("root"))
    pages = [
        admin.post("/admin/hub/githubtoken/add/", {"name": "mine", "secret": TOKEN}).content,
        admin.post("/admin/hub/githubtoken/add/", {"name": "bad", "secret": TOKEN + "x"}).content,
    ]
    wait_until(lambda: RefreshRun.objects.exclude(finished_at=None).exists(), "the token's run")
    # every kind of error that carries a request, too
    hub.github.faults.append(Fault(f.reset, times=2))
    hub.refresh()
    hub.github.revoke(TOKEN)
    hub.refresh()
    client = redis.Redis.from_url(settings.REDIS_URL)
    tasks = wait_until(
        lambda: requests.get(f"{flower}/api/tasks", auth=FLOWER, timeout=5).json(),
        "tasks in Flower",
    )
    token = GitHubToken.objects.get()
    pages += [
        admin.get("/admin/hub/githubtoken/").content,
        admin.get(f"/admin/hub/githubtoken/{token.pk}/change/").content,
        admin.get("/admin/hub/refreshrun/").content,
        admin.get("/").content,
        admin.get("/api/v1/status").content,
        admin.get("/api/v1/runs").content,
        requests.get(f"{flower}/tasks", auth=FLOWER, timeout=5).content,
        requests.get(f"{flower}/workers", auth=FLOWER, timeout=5).content,
    ]
    assert token.secret == TOKEN
    assert client.dbsize() > 0
    seen = b"".join([*pages, everything_in_redis(), everything_in_postgres(), repr(tasks).encode()])
    logs = "".join(process.output() for process in hub.workers).encode()
    for part in (TOKEN, TOKEN[8:-4]):
        assert part.encode() not in seen
        assert part.encode() not in logs
    assert b"mine" in seen  # the search itself works: the token's name is there
    assert b"GitHub refuses token" in logs


def test_flower_wants_its_password(flower: str) -> None:
    for path in ("/", "/api/tasks", "/api/workers"):
        assert requests.get(flower + path, timeout=5).status_code == 401
    assert requests.get(f"{flower}/api/workers", auth=FLOWER, timeout=5).status_code == 200
